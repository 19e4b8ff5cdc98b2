// Decides what a client holds of each kind, and which resources of a response it refuses.
import { parseResource, type ResourceOf } from '../catalog/resources.ts';
import type { OwnKind } from '../contract.ts';
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
    sessionKey: new Map(),
    stdioServer: new Map(),
    tombstone: new Map(),
    revision: new Map(),
  };
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

  /** Takes what is good in a response. @returns one sentence for each refused resource. */
  apply<Kind extends OwnKind>(
    kind: Kind,
    resources: readonly AdsResource[],
    removed: readonly string[],
  ): readonly string[] {
    const map: Map<string, Held<ResourceOf[Kind]>> = this.#maps[kind];
    const problems: string[] = [];
    for (const { name, version, bytes } of resources) {
      const parsed = this.#parse(kind, name, bytes);
      if ('problem' in parsed) problems.push(`${kind} ${name}: ${parsed.problem}`);
      else map.set(name, { version, value: parsed.value });
    }
    for (const name of removed) map.delete(name);
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
