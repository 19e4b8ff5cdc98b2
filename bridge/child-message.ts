// Decides what one line that a child wrote is: a response, a request, a notification, or nothing of MCP.
import { isUtf8 } from 'node:buffer';
import { errorText, resultText } from '../core/mcp/json-rpc.ts';
import { jsonParam, parseMessage } from '../core/mcp/message.ts';

/**
 * Compares ids and progress tokens: `1` and `"1"` differ (JSON-RPC 2.0 §4), `1` and `1.0` do not. Integers beyond 2^53
 * that JavaScript cannot tell apart share a key, because a child written in it answers with the rounded one.
 */
export type Key = `s:${string}` | `n:${number}`;

export type ChildMessage =
  | { readonly kind: 'response'; readonly key: Key; readonly failed: boolean }
  | { readonly kind: 'request'; readonly idText: string; readonly method: string }
  | { readonly kind: 'notification'; readonly method: string; readonly progress: Key | null }
  | { readonly kind: 'garbage' };

const GARBAGE: ChildMessage = { kind: 'garbage' };

/** The key of a raw JSON string or number. */
export function keyOfText(idText: string): Key {
  return idText.startsWith('"') ? `s:${JSON.parse(idText) as string}` : `n:${keyNumber(Number(idText))}`;
}

/** The key of a parsed value; null when it can be neither an id nor a token. */
export function keyOfValue(value: unknown): Key | null {
  if (typeof value === 'string') return `s:${value}`;
  return typeof value === 'number' ? `n:${keyNumber(value)}` : null;
}

function keyNumber(value: number): number {
  return value === 0 ? 0 : value;
}

/** Total. `line` is one line without its end. */
export function readChildLine(line: Buffer): ChildMessage {
  const parsed = parseMessage(line);
  if (!parsed.ok) return readLeniently(line);
  const { message } = parsed;
  if (message.kind === 'response') {
    return { kind: 'response', key: keyOfText(message.idText), failed: message.members.has('error') };
  }
  if (message.kind === 'request') return { kind: 'request', idText: message.idText, method: message.method };
  const progress = message.method === 'notifications/progress' ? keyOfValue(jsonParam(message, 'progressToken')) : null;
  return { kind: 'notification', method: message.method, progress };
}

/**
 * Our own scanner refuses repeated keys and deep nesting, since a policy decides on requests. A response is relayed as
 * it is: a sloppy one must not leave its caller waiting for ever. So what JSON.parse takes is routed by its id.
 */
function readLeniently(line: Buffer): ChildMessage {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return GARBAGE;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return GARBAGE;
  const object = value as Record<string, unknown>;
  const key = keyOfValue(object.id);
  if ('method' in object) {
    if (typeof object.method !== 'string') return GARBAGE;
    if (key !== null) return { kind: 'request', idText: JSON.stringify(object.id), method: object.method };
    return 'id' in object ? GARBAGE : { kind: 'notification', method: object.method, progress: null };
  }
  if (key === null || !('result' in object || 'error' in object)) return GARBAGE;
  return { kind: 'response', key, failed: 'error' in object };
}

/** The version in a response to `initialize`; '' when it has none. Total. */
export function negotiatedVersion(line: Buffer): string {
  try {
    const value = JSON.parse(line.toString('utf8')) as { result?: { protocolVersion?: unknown } };
    return typeof value.result?.protocolVersion === 'string' ? value.result.protocolVersion : '';
  } catch {
    return '';
  }
}

/**
 * What the bridge answers to a child whose request cannot reach the client, so that the child does not wait for it.
 * "The receiver MUST respond promptly with an empty response" (MCP 2025-11-25, ping).
 */
export function unreachableAnswer(idText: string, method: string): string {
  if (method === 'ping') return resultText(idText, '{}');
  return errorText(idText, -32000, 'the client has no open stream that could carry this request');
}

/** A client's body as one line: line ends are white space in JSON, and cannot occur inside its strings (RFC 8259 §7). */
export function asLine(body: Buffer): Buffer {
  const line = Buffer.allocUnsafe(body.length + 1);
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    line[at] = byte === 0x0a || byte === 0x0d ? 0x20 : byte;
  }
  line[body.length] = 0x0a;
  return line;
}

/** A child's line as it may stand in an HTTP body or an SSE `data:` field: UTF-8, and without CR, which ends an SSE line. */
export function asData(line: Buffer): Buffer {
  const text = isUtf8(line) ? line : Buffer.from(line.toString('utf8'));
  if (!text.includes(0x0d)) return text;
  const data = Buffer.from(text);
  for (let at = 0; at < data.length; at++) if (data[at] === 0x0d) data[at] = 0x20;
  return data;
}
