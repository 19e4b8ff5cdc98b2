// Decides what a JSON-RPC message of ours looks like on the wire.
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { Era } from './era.ts';

/** `idText` is the raw JSON text of the id as it came, or `null`. */
export function resultText(idText: string, resultJson: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"result":${resultJson}}`;
}

/** A result that tells the caller's model what was wrong with its call (MCP 2025-11-25, server/tools, "Error Handling"). */
export function toolErrorText(idText: string, era: Era, text: string): string {
  const complete = era === 'modern' ? { resultType: 'complete' } : {};
  return resultText(idText, JSON.stringify({ ...complete, content: [{ type: 'text', text }], isError: true }));
}

/** An error response. A refusal without a known id has `"id":null` (JSON-RPC 2.0 §5). */
export function errorText(idText: string, rpc: number, message: string, data?: JsonObject): string {
  const error = { code: rpc, message, ...(data !== undefined && { data }) };
  return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
}

export function errorTextFor(code: ErrorCode, idText = 'null'): string {
  const row = ERRORS[code];
  return errorText(idText, row.rpc, row.message);
}
