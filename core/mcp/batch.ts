// Decides which messages a batch has, and which protocol version has batches.
import type { ErrorCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type Span, scanArray } from './scan.ts';

/** "Implementations MAY support sending JSON-RPC batches, but MUST support receiving" them (MCP 2025-03-26, basic); no later version. */
export const BATCH_VERSION = '2025-03-26';

export type ParsedBatch =
  | { readonly ok: true; readonly spans: readonly Span[] }
  | { readonly ok: false; readonly code: ErrorCode; readonly detail?: string };

/** `version`: of the header, '' for none, which means that very version. Total. */
export function parseBatch(body: Buffer, version: string): ParsedBatch {
  if (version !== '' && version !== BATCH_VERSION) return { ok: false, code: 'batch_unsupported' };
  const spans = scanArray(body, LIMITS.jsonDepthMax);
  if (typeof spans === 'string') return { ok: false, code: spans === 'duplicate_key' ? spans : 'parse_error' };
  if (spans.length === 0 || spans.length > LIMITS.batchMessagesMax)
    return { ok: false, code: 'invalid_request', detail: `a batch has 1 to ${LIMITS.batchMessagesMax} messages` };
  return { ok: true, spans };
}
