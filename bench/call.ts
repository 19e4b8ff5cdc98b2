// Decides the bytes of one call, and whether an answer is the right one.
import { resultText } from './fake-mcp.ts';
import { PROTOCOL_VERSION, type Target } from './load-order.ts';

/** Ids have a fixed width, so that a call is made by writing ten digits into the last one. */
const ID_DIGITS = 10;
export const ID_MIN = 10 ** (ID_DIGITS - 1);

export interface CallBytes {
  readonly bytes: Buffer;
  /** Where the id stands in them. */
  readonly idAt: number;
}

export function callBytes(target: Target, session: string, textBytes: number): CallBytes {
  const before = '{"jsonrpc":"2.0","id":';
  const args = JSON.stringify({ name: target.tool, arguments: { text: textOf(textBytes) } });
  const body = `${before}${ID_MIN},"method":"tools/call","params":${args}}`;
  const head = [
    `POST ${target.path} HTTP/1.1`,
    ...Object.entries(target.headers).map(([name, value]) => `${name}: ${value}`),
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `mcp-protocol-version: ${PROTOCOL_VERSION}`,
    `mcp-session-id: ${session}`,
    `content-length: ${body.length}`,
  ].join('\r\n');
  const bytes = Buffer.from(`${head}\r\n\r\n${body}`, 'latin1');
  return { bytes, idAt: head.length + 4 + before.length };
}

/** Writes `id` over the last one. */
export function writeId({ bytes, idAt }: CallBytes, id: number): void {
  let left = id;
  for (let at = idAt + ID_DIGITS - 1; at >= idAt; at -= 1) {
    bytes[at] = 48 + (left % 10);
    left = Math.floor(left / 10);
  }
}

export interface Failure {
  readonly kind: string;
  readonly words: string;
}

/** Null for the right answer to the call `id`, else what is wrong with it. */
export function createCheck(textBytes: number): (id: number, head: string, body: Buffer) => Failure | null {
  const wanted = resultText(textBytes);
  const tail = `,"result":{"content":[{"type":"text","text":"${wanted}"}]}}`;
  return (id, head, body) => {
    const text = body.toString('latin1');
    if (head.startsWith('HTTP/1.1 200 ') && text === `{"jsonrpc":"2.0","id":${id}${tail}`) return null;
    return explain(id, wanted, head, text);
  };
}

/** The same answer may be written otherwise; everything else has a reason. */
function explain(id: number, wanted: string, head: string, text: string): Failure | null {
  const status = head.slice(9, 12);
  if (status !== '200') return { kind: `status ${status}`, words: text };
  const message = parse(text);
  if (message === null) return { kind: 'not JSON', words: text };
  if (message.id !== id) return { kind: 'another id', words: `wanted ${id}: ${text}` };
  if (message.error !== undefined) return { kind: 'JSON-RPC error', words: text };
  const found = message.result?.content?.[0]?.text;
  if (message.result?.isError === true || found !== wanted) return { kind: 'another result', words: text };
  return null;
}

interface Answer {
  readonly id?: unknown;
  readonly error?: unknown;
  readonly result?: { readonly isError?: unknown; readonly content?: readonly { readonly text?: unknown }[] };
}

function parse(text: string): Answer | null {
  try {
    return JSON.parse(text) as Answer | null;
  } catch {
    return null;
  }
}

/** Plain characters: nothing that JSON has to escape. */
function textOf(bytes: number): string {
  const alphabet = 'The quick brown fox jumps over the lazy dog 0123456789. ';
  return alphabet.repeat(Math.ceil(bytes / alphabet.length)).slice(0, bytes);
}
