// Decides what is known of one type on one stream: what waits for an answer, and what the answers were.
import { type Nack, Nacks } from './nacks.ts';
import type { NodeRefusals } from './refusals.ts';
import type { ResourceType } from './resource-types.ts';
import type { SnapshotResource, TypeSnapshot } from './snapshot.ts';
import type { Held, Subscription } from './subscription.ts';

/** Where a client stands with one type. */
export interface TypeStatus {
  readonly typeUrl: string;
  readonly label: string;
  /** Versions of the type as a whole; null: none yet. */
  readonly sent: string | null;
  readonly acked: string | null;
  readonly nacked: Nack | null;
}

/** none: the client subscribes to nothing of it. */
export type Standing = 'acked' | 'nacked' | 'pending' | 'none';

export interface Answer {
  readonly nack: (Nack & { readonly type: ResourceType }) | null;
  /** A response was accepted; `pushedAtMs`: when the snapshot that it brought was set, null when it was asked for. */
  readonly ack: { readonly type: ResourceType; readonly pushedAtMs: number | null } | null;
}

export const NO_ANSWER: Answer = { nack: null, ack: null };

interface InFlight {
  readonly nonce: string;
  readonly version: string;
  readonly names: readonly string[];
  /** Name → what was held before. */
  readonly before: ReadonlyMap<string, Held | null | undefined>;
  readonly pushedAtMs: number | null;
}

export class TypeState {
  readonly subscription: Subscription;
  readonly nacks = new Nacks();
  /** Name → what the client goes on with after it refused what came later; null: nothing that is known. */
  readonly good = new Map<string, SnapshotResource | null>();
  readonly #refusals: NodeRefusals;
  #inFlight: InFlight | null = null;
  /** Of the last response, also of one that was answered. */
  nonce = '';
  sent: string | null = null;
  acked: string | null = null;
  /** When the snapshot was set that is still to be sent; null: nothing is, or it was asked for. */
  pushedAtMs: number | null = null;

  constructor(subscription: Subscription, refusals: NodeRefusals) {
    this.subscription = subscription;
    this.#refusals = refusals;
  }

  get waits(): boolean {
    return this.#inFlight !== null;
  }

  /** What the client refused on an earlier stream is not sent again. */
  recall(type: TypeSnapshot): void {
    for (const [name, { version, message, atMs, good }] of this.#refusals.recall(this.subscription.type.typeUrl)) {
      if (!this.subscription.has(name)) continue;
      this.subscription.refused.set(name, version);
      this.good.set(name, good);
      if (type.resources.get(name)?.version === version) this.nacks.recall(version, name, message, atMs);
    }
  }

  /** Whether the client refused what the snapshot has under this name. */
  refuses(type: TypeSnapshot, name: string): boolean {
    const refused = this.subscription.refused.get(name);
    return refused !== undefined && refused === type.resources.get(name)?.version;
  }

  /** A response leaves; `changed` are among its names. Before `subscription.sent`. */
  sends(nonce: string, version: string, names: readonly string[], changed: readonly string[]): void {
    const before = new Map(changed.map((name) => [name, this.subscription.held.get(name)]));
    this.#inFlight = { nonce, version, names, before, pushedAtMs: this.pushedAtMs };
    this.nonce = nonce;
    this.sent = version;
  }

  /** Takes an ACK or a NACK; a nonce that is not in flight is stale and says nothing. */
  settle(nonce: string, error: string | null, atMs: number): Answer {
    const inFlight = this.#inFlight;
    if (inFlight === null || inFlight.nonce !== nonce) return NO_ANSWER;
    this.#inFlight = null;
    return error === null ? this.#accept(inFlight) : this.#refuse(inFlight, error, atMs);
  }

  /** @param names null: all that the client subscribes to. */
  standing(type: TypeSnapshot | null, names: ReadonlySet<string> | null): Standing {
    if (type === null || this.subscription.waits(names, type)) return 'pending';
    if (this.#inFlight !== null && (names === null || this.#inFlight.names.some((name) => names.has(name))))
      return 'pending';
    const refused = this.nacks.latest() !== null && (names === null || this.nacks.any(names));
    return refused ? 'nacked' : 'acked';
  }

  status(): TypeStatus {
    const { typeUrl, label } = this.subscription.type;
    return { typeUrl, label, sent: this.sent, acked: this.acked, nacked: this.nacks.latest() };
  }

  #accept({ names, version, pushedAtMs }: InFlight): Answer {
    const { type, refused } = this.subscription;
    this.nacks.accept(names);
    for (const name of this.good.size + refused.size === 0 ? [] : names) {
      this.good.delete(name);
      refused.delete(name);
    }
    this.#refusals.forget(type.typeUrl, names);
    this.acked = version;
    return { nack: null, ack: { type, pushedAtMs } };
  }

  #refuse({ version, names, before }: InFlight, error: string, atMs: number): Answer {
    const { type, refused, held } = this.subscription;
    const nack = this.nacks.refuse(version, names, error, atMs);
    for (const name of nack.resources) {
      const sent = held.get(name)?.version;
      if (sent === undefined) continue;
      const earlier = before.get(name);
      const good = this.good.get(name) ?? (earlier?.bytes === undefined ? null : { ...earlier, bytes: earlier.bytes });
      this.good.set(name, good);
      refused.set(name, sent);
      this.#refusals.remember(type.typeUrl, name, { version: sent, message: nack.message, atMs, good });
    }
    return { nack: { ...nack, type }, ack: null };
  }
}
