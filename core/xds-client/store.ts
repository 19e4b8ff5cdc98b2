// Decides what a client holds of each kind, and which resources of a response it refuses.
import { SetDigest } from '../catalog/digest.ts';
import { parseResource, type ResourceOf } from '../catalog/resources.ts';
import { type OwnKind, REVISION_KINDS } from '../contract.ts';
import { type AdsResource, decodeDocument } from '../grpc/ads.ts';
import type { Policy } from '../policy/types.ts';

export interface Held<Resource> {
  readonly version: string;
  readonly value: Resource;
}

/** Says why a policy cannot be used; null: it can. */
export type CheckPolicy = (policy: Policy) => string | null;

type Maps = { readonly [kind in OwnKind]: Map<string, Held<ResourceOf[kind]>> };

/** The last good state of every resource. What is refused leaves the one before in its place. */
export class Store {
  readonly #maps: Maps = {
    server: new Map(),
    surface: new Map(),
    policy: new Map(),
    issuer: new Map(),
    apiKey: new Map(),
    sessionKey: new Map(),
    stdioServer: new Map(),
    revocation: new Map(),
    identityKey: new Map(),
    tombstone: new Map(),
    instance: new Map(),
    revision: new Map(),
  };
  readonly #digest = new SetDigest();
  /** Kind → its values as they are now, made when they are asked for. */
  readonly #values = new Map<OwnKind, ReadonlyMap<string, unknown>>();
  readonly #checkPolicy: CheckPolicy;

  constructor(checkPolicy: CheckPolicy) {
    this.#checkPolicy = checkPolicy;
  }

  held<Kind extends OwnKind>(kind: Kind): ReadonlyMap<string, Held<ResourceOf[Kind]>> {
    return this.#maps[kind];
  }

  /** Name → version of what is held: what a new stream begins with. */
  versions(kind: OwnKind): ReadonlyMap<string, string> {
    return new Map([...this.#maps[kind]].map(([name, { version }]) => [name, version]));
  }

  /** Name → value in the order of names; the same map until one of the kind changes. */
  values<Kind extends OwnKind>(kind: Kind): ReadonlyMap<string, ResourceOf[Kind]> {
    const known = this.#values.get(kind);
    if (known !== undefined) return known as ReadonlyMap<string, ResourceOf[Kind]>;
    const held: ReadonlyMap<string, Held<ResourceOf[Kind]>> = this.#maps[kind];
    const made = new Map([...held.keys()].sort().map((name) => [name, held.get(name)!.value]));
    this.#values.set(kind, made);
    return made;
  }

  /** Of all that is held of the kinds that a revision covers. */
  digest(): string {
    return this.#digest.text();
  }

  /** Takes what is good in a response. @returns one sentence for each refused resource. */
  apply<Kind extends OwnKind>(
    kind: Kind,
    resources: readonly AdsResource[],
    removed: readonly string[],
  ): readonly string[] {
    const map: Map<string, Held<ResourceOf[Kind]>> = this.#maps[kind];
    const problems: string[] = [];
    const set = (name: string, next: Held<ResourceOf[Kind]> | null): void => {
      const before = map.get(name);
      if (REVISION_KINDS.includes(kind)) {
        if (before !== undefined) this.#digest.toggle(kind, name, before.version);
        if (next !== null) this.#digest.toggle(kind, name, next.version);
      }
      if (next === null) map.delete(name);
      else map.set(name, next);
      this.#values.delete(kind);
    };
    for (const { name, version, bytes } of resources) {
      if (bytes === null) continue;
      const parsed = this.#parse(kind, name, bytes);
      if ('problem' in parsed) problems.push(`${kind} ${name}: ${parsed.problem}`);
      else set(name, { version, value: parsed.value });
    }
    for (const name of removed) {
      if (map.has(name)) set(name, null);
    }
    return problems;
  }

  #parse<Kind extends OwnKind>(kind: Kind, name: string, bytes: Uint8Array) {
    const text = readText(bytes);
    if (text === null) return { problem: 'is no chancery.v1.Document' };
    const parsed = parseResource(kind, name, text);
    if (kind !== 'policy' || 'problem' in parsed) return parsed;
    const problem = this.#checkPolicy(parsed.value as Policy);
    return problem === null ? parsed : { problem };
  }
}

function readText(bytes: Uint8Array): string | null {
  try {
    return decodeDocument(bytes);
  } catch {
    return null;
  }
}
