// Decides whether a body is a JSON-RPC 2.0 message that MCP allows, and of which kind.
import type { ErrorCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type Scanned, type Span, scan, scanArray } from './scan.ts';

/** One message over the bytes it came in; members are read on demand, from their spans. */
export interface Message {
  readonly kind: 'request' | 'notification' | 'response';
  readonly bytes: Buffer;
  /** The raw JSON text of the id, so that 9007199254740993 and "7" come back as they went; `null` when there is none. */
  readonly idText: string;
  /** '' for a response. */
  readonly method: string;
  readonly members: ReadonlyMap<string, Span>;
  /** Spans of the members of `params`; null when there is none. */
  readonly params: ReadonlyMap<string, Span> | null;
}

export type ParsedMessage =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly code: ErrorCode; readonly detail?: string; readonly idText: string };

/** Reads one body. Total. JSON-RPC 2.0 §4-§5; MCP 2025-11-25 basic/index, "Messages". */
export function parseMessage(bytes: Buffer): ParsedMessage {
  const scanned = scan(bytes, LIMITS.jsonDepthMax);
  switch (scanned) {
    case 'parse_error':
    case 'duplicate_key':
      return { ok: false, code: scanned, idText: 'null' };
    case 'array':
      return { ok: false, code: 'batch_unsupported', idText: 'null' };
    case 'not_an_object':
      return { ok: false, code: 'invalid_request', idText: 'null' };
  }
  return classify(bytes, scanned);
}

const BATCH = /^[ \t\r\n]*\[/;

/**
 * The messages that a server wrote as one: "responses MAY be batched" (MCP 2025-03-26, transports; no later version). What
 * is no batch, or none that can be read, is one. Total.
 */
export function messagesIn(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text);
  if (!BATCH.test(text)) return [bytes];
  const spans = scanArray(bytes, LIMITS.jsonDepthMax);
  if (typeof spans === 'string' || spans.length === 0 || spans.length > LIMITS.batchMessagesMax) return [bytes];
  return spans.map(({ start, end }) => bytes.subarray(start, end));
}

function classify(bytes: Buffer, { members, params }: Scanned): ParsedMessage {
  const text = (name: string): string | undefined => {
    const span = members.get(name);
    return span === undefined ? undefined : bytes.toString('utf8', span.start, span.end);
  };
  const id = text('id');
  const idValid = id !== undefined && (id.startsWith('"') || /^-?[0-9]/.test(id));
  const idFits = id === undefined || Buffer.byteLength(id) <= LIMITS.requestIdBytesMax;
  const idText = idValid && idFits ? id : 'null';
  const refuse = (detail: string): ParsedMessage => ({ ok: false, code: 'invalid_request', detail, idText });
  if (stringAt(bytes, members.get('jsonrpc')) !== '2.0') return refuse('jsonrpc must be "2.0"');
  // "Unlike base JSON-RPC, the ID MUST NOT be null" (MCP 2025-11-25, basic/index, "Requests").
  if (id !== undefined && !idValid) return refuse('id must be a string or a number');
  if (!idFits) return refuse(`id must have at most ${LIMITS.requestIdBytesMax} bytes`);
  const hasMethod = members.has('method');
  const hasOutcome = members.has('result') || members.has('error');
  if (hasMethod === hasOutcome) return refuse('a message has either a method or a result or error');
  if (hasOutcome) {
    if (id === undefined) return refuse('a response has an id');
    return { ok: true, message: { kind: 'response', bytes, idText, method: '', members, params: null } };
  }
  const method = stringAt(bytes, members.get('method'));
  if (method === null || method === '') return refuse('method must be a string');
  if (members.has('params') && params === null) return refuse('params must be an object');
  return {
    ok: true,
    message: { kind: id === undefined ? 'notification' : 'request', bytes, idText, method, members, params },
  };
}

/** The string at a span; null when there is none. */
export function stringAt(bytes: Buffer, span: Span | undefined): string | null {
  if (span === undefined || bytes[span.start] !== 0x22) return null;
  const raw = bytes.toString('utf8', span.start, span.end);
  return raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
}

/** A string member of `params`; null when it is absent or not a string. */
export function stringParam(message: Message, name: string): string | null {
  return stringAt(message.bytes, message.params?.get(name));
}

/** Any member of `params`, parsed; undefined when it is absent. Loses integers beyond 2^53: for our own reading only. */
export function jsonParam(message: Message, name: string): unknown {
  const span = message.params?.get(name);
  return span === undefined ? undefined : JSON.parse(message.bytes.toString('utf8', span.start, span.end));
}

/** The body with one member of `params` replaced by a string; every other byte stays. */
export function withStringParam(message: Message, name: string, value: string): Buffer[] {
  const span = message.params?.get(name);
  if (span === undefined) throw new Error(`the message has no params.${name}`);
  return withEdits(message, [{ span, text: JSON.stringify(value) }]);
}

/** The body without some members of `params`; the values of the others stay byte for byte. */
export function withoutParams(message: Message, names: readonly string[]): Buffer {
  const { bytes, members, params } = message;
  const span = members.get('params');
  if (span === undefined || params === null) return bytes;
  const left = [...params].filter(([name]) => !names.includes(name));
  const text = left.map(([name, at]) => `${JSON.stringify(name)}:${bytes.toString('utf8', at.start, at.end)}`);
  return Buffer.concat(withEdits(message, [{ span, text: `{${text.join(',')}}` }]));
}

/** Bytes of a body that are replaced; a span of no length is a place where something comes in. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/** The body with these changes, which do not overlap; every other byte stays, and is not copied. */
export function withEdits(message: Message, edits: readonly Edit[]): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { span, text } of [...edits].sort((a, b) => a.span.start - b.span.start)) {
    parts.push(message.bytes.subarray(at, span.start), Buffer.from(text));
    at = span.end;
  }
  parts.push(message.bytes.subarray(at));
  return parts;
}
