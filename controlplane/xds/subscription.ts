// Decides what one client asked for of one type on one stream, and what it has been sent of it.
import type { ResourceType } from './resource-types.ts';
import type { TypeSnapshot } from './snapshot.ts';

const WILDCARD = '*';
/** What it holds is not known any more: differs from every version, and from nothing at all. */
const UNKNOWN = '';

interface Request {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
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
  /** Name → version sent and not withdrawn, acknowledged or not; null: it was told that there is none. */
  readonly held = new Map<string, string | null>();
  #owed = false;
  #clean: TypeSnapshot | null = null;

  constructor(type: ResourceType, first: Request) {
    this.type = type;
    for (const [name, version] of first.initialVersions) this.held.set(name, version);
    if (first.subscribe.length === 0 && first.unsubscribe.length === 0 && type.legacyWildcard) this.#subscribeAll();
    this.#change(first, first.initialVersions);
  }

  /** Later requests for the type on the same stream. */
  update(request: Request): void {
    this.#change(request, new Map());
  }

  has(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  difference(snapshot: TypeSnapshot): Difference {
    if (this.#clean === snapshot) return { changed: [], absent: [], removed: [], owed: this.#owed };
    const { resources } = snapshot;
    const changed: string[] = [];
    for (const name of this.wildcard ? new Set([...resources.keys(), ...this.names]) : this.names) {
      const resource = resources.get(name);
      if (resource !== undefined && resource.version !== this.held.get(name)) changed.push(name);
    }
    const absent = [...this.names].filter((name) => !resources.has(name) && !this.held.has(name));
    const removed: string[] = [];
    for (const [name, version] of this.held) {
      if (version !== null && !resources.has(name) && this.has(name)) removed.push(name);
    }
    if (changed.length + absent.length + removed.length === 0) this.#clean = snapshot;
    return { changed, absent, removed, owed: this.#owed };
  }

  /** A response with these left. */
  sent(snapshot: TypeSnapshot, changed: readonly string[], removed: readonly string[]): void {
    for (const name of changed) this.held.set(name, snapshot.resources.get(name)?.version ?? UNKNOWN);
    for (const name of removed) {
      if (this.names.has(name)) this.held.set(name, null);
      else this.held.delete(name);
    }
    this.#owed = false;
  }

  /** The client needs it again although it was sent. */
  resend(name: string): void {
    if (!this.held.has(name)) return;
    this.held.set(name, UNKNOWN);
    this.#clean = null;
  }

  #subscribeAll(): void {
    this.wildcard = true;
    this.#owed = true;
  }

  #change(request: Request, initial: ReadonlyMap<string, string>): void {
    if (request.subscribe.length + request.unsubscribe.length > 0) this.#clean = null;
    for (const name of request.subscribe) {
      if (name === WILDCARD) {
        this.#subscribeAll();
        continue;
      }
      this.names.add(name);
      // "The server must respond to all resources listed in resource_names_subscribe, even if the server believes the
      // client has the most recent version of them": it may have dropped it. What it says that it holds, it holds.
      if (!initial.has(name)) this.held.delete(name);
    }
    for (const name of request.unsubscribe) {
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
    // Beside a wildcard the client cannot know whether it may keep it: it is sent again, or removed.
    if (this.wildcard) this.held.set(name, UNKNOWN);
    else this.held.delete(name);
  }
}
