// Decides where a message of a child goes: to the call it belongs to, the session's GET stream, back to the child, or nowhere.
import type { ChildMessage, Key } from './child-message.ts';

/** One request of the client that the child has not answered. `R` is what carries its answer. */
export interface Call<R> {
  readonly key: Key;
  readonly idText: string;
  readonly progress: Key | null;
  /** Messages other than the response may be sent on its answer. */
  readonly streams: boolean;
  readonly reply: R;
}

export type Destination<R> =
  /** The response; the call is over. */
  | { readonly to: 'answer'; readonly call: Call<R> }
  /** Before the response, on the same answer. */
  | { readonly to: 'call'; readonly call: Call<R> }
  | { readonly to: 'stream' }
  /** A request that nobody can answer: the child is told so. */
  | { readonly to: 'child' }
  | { readonly to: 'nowhere' };

/** Notifications that concern a running call, and so may travel on one when there is no GET stream. */
const CALL_NOTIFICATIONS: ReadonlySet<string> = new Set([
  'notifications/message',
  'notifications/cancelled',
  'notifications/elicitation/complete',
]);

/**
 * The calls and the stream of one session; no input or output. "The server MUST send each of its JSON-RPC messages on
 * only one of the connected streams; that is, it MUST NOT broadcast" (MCP 2025-11-25, transports, "Multiple Connections").
 */
export class Router<R> {
  // In order of arrival, so that the first that fits is the oldest.
  readonly #calls = new Map<Key, { readonly call: Call<R>; attached: boolean }>();
  #stream = false;

  /** Calls that the child has not answered, those whose client went away among them. */
  get size(): number {
    return this.#calls.size;
  }

  /** Calls whose client still waits. */
  attached(): readonly Call<R>[] {
    return [...this.#calls.values()].filter((entry) => entry.attached).map((entry) => entry.call);
  }

  /** False when a call with this id is in flight: "the request ID MUST NOT have been previously used". */
  open(call: Call<R>): boolean {
    if (this.#calls.has(call.key)) return false;
    this.#calls.set(call.key, { call, attached: true });
    return true;
  }

  /** The client went away. "Disconnection SHOULD NOT be interpreted as the client cancelling its request." */
  detach(call: Call<R>): void {
    const entry = this.#calls.get(call.key);
    if (entry?.call === call) entry.attached = false;
  }

  /** The client cancelled: it wants no answer, and the server SHOULD NOT give one. Returns the call if somebody waits. */
  cancel(key: Key): Call<R> | null {
    const entry = this.#calls.get(key);
    // "The initialize request MUST NOT be cancelled by clients" (MCP 2025-11-25, cancellation).
    if (entry === undefined || !entry.call.streams) return null;
    this.#calls.delete(key);
    return entry.attached ? entry.call : null;
  }

  setStream(open: boolean): void {
    this.#stream = open;
  }

  /** Ends all calls; returns those whose client still waits. */
  clear(): readonly Call<R>[] {
    const calls = this.attached();
    this.#calls.clear();
    return calls;
  }

  route(message: Exclude<ChildMessage, { kind: 'garbage' }>): Destination<R> {
    if (message.kind === 'response') {
      const entry = this.#calls.get(message.key);
      if (entry === undefined) return { to: 'nowhere' };
      this.#calls.delete(message.key);
      return entry.attached ? { to: 'answer', call: entry.call } : { to: 'nowhere' };
    }
    if (message.kind === 'notification' && message.progress !== null) {
      const token = message.progress;
      for (const { call, attached } of this.#calls.values()) {
        if (call.progress === token) return attached && call.streams ? { to: 'call', call } : { to: 'nowhere' };
      }
    }
    if (this.#stream) return { to: 'stream' };
    if (message.kind === 'request' || CALL_NOTIFICATIONS.has(message.method)) {
      for (const { call, attached } of this.#calls.values()) {
        if (attached && call.streams) return { to: 'call', call };
      }
    }
    return message.kind === 'request' ? { to: 'child' } : { to: 'nowhere' };
  }
}
