// Decides which arguments of a call are repeated as headers `Mcp-Param-*`, as the schema of its tool wants it.
import type { Json } from '../../core/json.ts';
import { encodeHeaderValue } from '../../core/mcp/header-value.ts';
import { argumentAt, paramHeadersOf } from '../../core/mcp/param-headers.ts';

const INTEGER = /^-?[0-9]+$/;

/**
 * "Clients MUST mirror the designated values"; "null or absent: MUST omit the header" (MCP 2026-07-28, transports, "Custom
 * Headers from Tool Parameters"). `args`: JSON text. Total: what no header can say is left out.
 */
export function paramHeaders(schema: Json | undefined, args: string | null): Readonly<Record<string, string>> {
  const declared = paramHeadersOf(schema);
  if (args === null || declared.length === 0) return {};
  const bytes = Buffer.from(args);
  const headers: Record<string, string> = {};
  for (const { header, path, numeric } of declared) {
    const value = argumentAt(bytes, path);
    if (value.kind !== 'value') continue;
    // "Integers MUST be within the safe range": of one that is not there is no header, and servers expect none.
    if (numeric && INTEGER.test(value.text) && !Number.isSafeInteger(Number(value.text))) continue;
    headers[header] = encodeHeaderValue(value.text);
  }
  return headers;
}
