// Decides what an exchange can end in, as plain values, and how a refusal of ours looks to the caller.
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import type { Immediate, Relay } from '../core/grpc/ext-proc.ts';
import type { JsonObject } from '../core/json.ts';
import { errorText } from '../core/mcp/json-rpc.ts';
import type { Bound } from './bounded-sink.ts';
import type { StreamSink } from './streams/table.ts';

type Header = readonly [name: string, value: string];

export type Outcome =
  | { readonly kind: 'immediate'; readonly answer: Immediate }
  /** Envoy sends the request on to the backend. */
  | { readonly kind: 'relay'; readonly relay: Relay }
  /** It is not known yet. `start` is given the way to say it, once; its result is called when the client left. */
  | { readonly kind: 'pending'; readonly start: (settle: (outcome: Outcome) => void) => () => void }
  /** We go on composing the answer; `open` is given the way out. */
  | {
      readonly kind: 'stream';
      readonly headers: readonly Header[];
      readonly open: (sink: StreamSink) => Leave;
      /** Absent: a stream of notifications, whose client comes back when it ends. */
      readonly bound?: Bound;
      readonly metadata?: Relay['metadata'];
    };

/** Called when the client left; or, with `cut`, when the answer was ended because it is too long. */
export type Leave = (why?: 'cut') => void;

export interface Refusal {
  readonly code: ErrorCode;
  /** Added to the public sentence. */
  readonly detail?: string;
  /** JSON-RPC's `error.data`. */
  readonly data?: JsonObject;
  /** For the log only. */
  readonly reason?: string;
  readonly headers?: readonly Header[];
}

const JSON_TYPE: Header = ['content-type', 'application/json'];

/** `idText`: raw JSON of the request's id, `null` where none is known. */
export function refuse(refusal: Refusal, idText = 'null'): Outcome {
  const row = ERRORS[refusal.code];
  const message = refusal.detail === undefined ? row.message : `${row.message}: ${refusal.detail}`;
  const body = errorText(idText, row.rpc, message, refusal.data);
  return immediate(row.http, body, `chancery_${refusal.code}`, refusal.headers);
}

/** A JSON answer. `details` is shown in the access log. */
export function immediate(status: number, body: string, details: string, headers: readonly Header[] = []): Outcome {
  return {
    kind: 'immediate',
    answer: { status, headers: body === '' ? headers : [JSON_TYPE, ...headers], body, details },
  };
}

/** "If the server accepts the input, it MUST return HTTP status code 202 Accepted with no body." (2025-11-25, transports) */
export const ACCEPTED: Outcome = immediate(202, '', 'chancery_accepted');
