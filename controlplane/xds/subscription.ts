// Decides what one client asked for of one type on one stream, and what it has been sent of it.
import { sameResource } from './changes.ts';
import type { ResourceType } from './resource-types.ts';
import type { SnapshotResource, TypeSnapshot } from './snapshot.ts';

export const WILDCARD = '*';

/** What a client was sent, or says that it holds: of that only the version is known. */
export type Held = Pick<SnapshotResource, 'version' | 'ttlMs'> & Partial<SnapshotResource>;

/** What it holds is not known any more: differs from every version, and from nothing at all. */
const UNKNOWN: Held = { version: '' };

export interface SubscriptionChange {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
}

export interface FirstRequest extends SubscriptionChange {
  readonly initialVersions: ReadonlyMap<string, string>;
}

/** What is to be sent: `changed` and `absent` now, `removed` after all additions of all types. */
export interface Difference {
  readonly changed: readonly string[];
  /** Asked for by name, and not there: "the server must respond to all resources listed". */
  readonly absent: readonly string[];
  readonly removed: readonly string[];
  /** A response is owed even if it is empty: a client waits for the first one of a wildcard. */
  readonly owed: boolean;
}

export class Subscription {
  readonly type: ResourceType;
  readonly names = new Set<string>();
  wildcard = false;
  /** Name → what was sent and not withdrawn, acknowledged or not; null: it was told that there is none. */
  readonly held = new Map<string, Held | null>();
  /** Name → the version that it refused, which is not sent again. */
  readonly refused = new Map<string, string>();
  /** Names whose state may differ from the snapshot: all others need not be looked at. */
  readonly #dirty = new Set<string>();
  readonly #tellsKept: boolean;
  #owed = false;

  /** @param tellsKept a name that is unsubscribed beside a wildcard is sent again (delta: it cannot know whether to keep it). */
  constructor(type: ResourceType, first: FirstRequest, tellsKept = true) {
    this.type = type;
    this.#tellsKept = tellsKept;
    for (const [name, version] of first.initialVersions) this.held.set(name, { version });
    if (first.subscribe.length === 0 && first.unsubscribe.length === 0 && type.legacyWildcard) this.#subscribeAll();
    this.#change(first, first.initialVersions);
  }

  /** Later requests for the type on the same stream. */
  update(change: SubscriptionChange, type: TypeSnapshot): void {
    this.#change(change, new Map());
    if (change.subscribe.includes(WILDCARD)) this.lookAtAll(type);
  }

  has(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  /** The snapshot was replaced by one that differs in these. @returns whether it subscribes to one of them. */
  lookAt(changed: ReadonlySet<string>): boolean {
    const few = !this.wildcard && this.names.size < changed.size;
    let concerned = false;
    for (const name of few ? this.names : changed) {
      if (!(few ? changed.has(name) : this.has(name))) continue;
      this.#dirty.add(name);
      concerned = true;
    }
    return concerned;
  }

  /** The snapshot is another one altogether. */
  lookAtAll(type: TypeSnapshot): void {
    for (const name of this.wildcard ? type.resources.keys() : []) this.#dirty.add(name);
    for (const names of [this.names, this.held.keys()]) {
      for (const name of names) this.#dirty.add(name);
    }
  }

  difference(type: TypeSnapshot): Difference {
    const changed: string[] = [];
    const absent: string[] = [];
    const removed: string[] = [];
    const lists = { changed, absent, removed };
    for (const name of this.#dirty) {
      const need = this.#need(name, type);
      if (need === null) this.#dirty.delete(name);
      else lists[need].push(name);
    }
    return { changed, absent, removed, owed: this.#owed };
  }

  /** Whether something of these, or of all, is still to be sent. */
  waits(names: ReadonlySet<string> | null, type: TypeSnapshot): boolean {
    if (names === null && this.#owed) return true;
    const [few, many] = names === null || this.#dirty.size < names.size ? [this.#dirty, names] : [names, this.#dirty];
    for (const name of few) {
      if ((many?.has(name) ?? true) && this.#need(name, type) !== null) return true;
    }
    return false;
  }

  /** A response with these left. */
  sent(type: TypeSnapshot, changed: readonly string[], removed: readonly string[]): void {
    for (const name of changed) this.held.set(name, type.resources.get(name) ?? UNKNOWN);
    this.told(removed);
    this.#owed = false;
  }

  /** The client knows that there are none of these, or has no way to be told. */
  told(absent: readonly string[]): void {
    for (const name of absent) {
      if (this.names.has(name)) this.held.set(name, null);
      else this.held.delete(name);
    }
  }

  /** The client needs it again although it was sent. */
  resend(name: string): void {
    if (!this.held.has(name)) return;
    this.held.set(name, UNKNOWN);
    this.#dirty.add(name);
  }

  /** The client is known to hold all that there is. */
  holdsAll(type: TypeSnapshot): void {
    for (const [name, resource] of type.resources) this.held.set(name, resource);
    this.#owed = false;
  }

  /** It waits for an answer, even if there is nothing in it. */
  owe(): void {
    this.#owed = true;
  }

  #need(name: string, { resources }: TypeSnapshot): 'changed' | 'absent' | 'removed' | null {
    if (!this.has(name)) return null;
    const resource = resources.get(name);
    const held = this.held.get(name);
    if (resource !== undefined) {
      if (held !== undefined && held !== null && fits(held, resource)) return null;
      return this.refused.get(name) === resource.version ? null : 'changed';
    }
    if (held === undefined) return this.names.has(name) ? 'absent' : null;
    return held === null ? null : 'removed';
  }

  #subscribeAll(): void {
    this.wildcard = true;
    this.#owed = true;
  }

  #change(change: SubscriptionChange, initial: ReadonlyMap<string, string>): void {
    for (const name of change.subscribe) {
      if (name === WILDCARD) {
        this.#subscribeAll();
        continue;
      }
      this.names.add(name);
      this.refused.delete(name);
      this.#dirty.add(name);
      // "The server must respond to all resources listed in resource_names_subscribe, even if the server believes the
      // client has the most recent version of them": it may have dropped it. What it says that it holds, it holds.
      if (!initial.has(name)) this.held.delete(name);
    }
    for (const name of change.unsubscribe) {
      if (name === WILDCARD) this.#unsubscribeAll();
      else this.#unsubscribe(name);
    }
  }

  #unsubscribeAll(): void {
    this.wildcard = false;
    this.#owed = false;
    for (const name of this.held.keys()) {
      if (!this.names.has(name)) this.held.delete(name);
    }
  }

  #unsubscribe(name: string): void {
    if (!this.names.delete(name)) return;
    if (!this.wildcard) {
      this.held.delete(name);
    } else if (this.#tellsKept) {
      // Beside a wildcard the client cannot know whether it may keep it: it is sent again, or removed.
      this.held.set(name, UNKNOWN);
      this.#dirty.add(name);
    }
  }
}

/** Of what a client says that it holds the TTL is not known; the next heartbeat renews it. */
function fits(held: Held, resource: SnapshotResource): boolean {
  return held.bytes === undefined ? held.version === resource.version : sameResource(held, resource);
}
