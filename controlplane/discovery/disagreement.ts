// Decides whether a server holds the headers of a request against its body, so that a decision on the headers is one on the body.
import { ERRORS } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { EgressAnswer } from '../../core/mcp/egress.ts';
import { askModern, type ModernRequest } from './modern.ts';
import { isRefusal, type SessionOptions } from './session.ts';

/** "-32020 HeaderMismatch" (MCP 2026-07-28, transports, "Server Validation"); -32602 for a request without its `_meta`. */
const HEADER_MISMATCH = ERRORS.header_mismatch.rpc;
const INVALID_PARAMS = ERRORS.invalid_params.rpc;

/** Nobody has a tool, prompt or resource of this name: a server that does not look at the header only says so. */
const NOBODY = 'chancery-nobody-has-this';
const NOBODY_ELSE = 'chancery-nobody-has-this-either';

interface Row {
  /** Asked only of servers that announce it. */
  readonly capability?: string;
  readonly request: ModernRequest;
  readonly codes: readonly number[];
}

/** Each must be refused. None does anything where it is not. */
const ROWS: readonly Row[] = [
  { request: { method: 'server/discover', methodHeader: 'tools/list' }, codes: [HEADER_MISMATCH] },
  // A body of the legacy era below headers of the modern one: who went by the body would never look at the name.
  {
    request: { method: 'tools/list', methodHeader: 'server/discover', bare: true },
    codes: [HEADER_MISMATCH, INVALID_PARAMS],
  },
  {
    capability: 'tools',
    request: { method: 'tools/call', params: { name: NOBODY, arguments: {} }, nameHeader: NOBODY_ELSE },
    codes: [HEADER_MISMATCH],
  },
  {
    capability: 'prompts',
    request: { method: 'prompts/get', params: { name: NOBODY }, nameHeader: NOBODY_ELSE },
    codes: [HEADER_MISMATCH],
  },
  {
    capability: 'resources',
    request: { method: 'resources/read', params: { uri: `urn:${NOBODY}` }, nameHeader: `urn:${NOBODY_ELSE}` },
    codes: [HEADER_MISMATCH],
  },
];

/** Of a server of the modern era. null: it could not be seen. Total. */
export async function refusesDisagreement(options: SessionOptions, capabilities: JsonObject): Promise<boolean | null> {
  for (const { capability, request, codes } of ROWS) {
    if (capability !== undefined && !isObject(capabilities[capability])) continue;
    const answer = await askModern(options, request);
    if (isRefused(answer, codes)) continue;
    return answer.ok || isRefusal(answer) ? false : null;
  }
  return true;
}

function isRefused(answer: EgressAnswer, codes: readonly number[]): boolean {
  return !answer.ok && answer.status === 400 && codes.some((code) => code === answer.error?.code);
}
