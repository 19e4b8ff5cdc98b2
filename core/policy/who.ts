// Decides whether a rule speaks of a principal.
import type { Json, JsonObject } from '../json.ts';
import { type AddressTest, compileNetworks } from './addresses.ts';
import { compileGlob, type Glob } from './glob.ts';
import type { Principal, Who } from './types.ts';

/** `address`: where the call comes from; null: not known. Never throws. */
export type WhoTest = (principal: Principal, address: string | null) => boolean;

type Row<Key extends keyof Who> = (values: NonNullable<Who[Key]>, unsure: boolean) => WhoTest;

/** One row per member of `who`: how its values are compared. `unsure` is what a comparison that cannot be made comes to. */
export const WHO_MEMBERS: { readonly [Key in Exclude<keyof Who, 'not'>]-?: Row<Key> } = {
  subjects: (values) => {
    const globs = globsOf(values);
    return ({ subject }) => globs(subject);
  },
  groups: (values) => {
    const wanted = new Set(values);
    return ({ groups }) => groups.some((group) => wanted.has(group));
  },
  scopes: (values) => {
    const wanted = new Set(values);
    return ({ scopes }) => scopes.some((scope) => wanted.has(scope));
  },
  issuers: (values) => {
    const wanted = new Set(values);
    return ({ issuer }) => wanted.has(issuer);
  },
  claims: (values) => {
    const tests = Object.entries(values).map(
      ([path, wanted]) => [path, new Set<unknown>(Array.isArray(wanted) ? wanted : [wanted])] as const,
    );
    return ({ claims }) => tests.every(([path, wanted]) => holds(claimAt(claims, path), wanted));
  },
  agents: (values) => {
    const globs = globsOf(values);
    return ({ agent }) => agent !== null && globs(agent);
  },
  networks: (values, unsure) => {
    const test: AddressTest | null = compileNetworks(values);
    return (_, address) => (test === null || address === null ? unsure : test(address));
  },
};

/** Everything that `who` may hold. */
export const WHO_KEYS: ReadonlySet<string> = new Set([...Object.keys(WHO_MEMBERS), 'not']);

/**
 * Members are ANDed, values inside one are ORed; null is everybody. `unsure`: what a member that cannot be compared comes
 * to, so that it never widens access: true in a rule that denies, false in one that allows, and turned round in `not`.
 */
export function compileWho(who: Who | undefined, unsure: boolean): WhoTest | null {
  const tests: WhoTest[] = [];
  for (const key of Object.keys(WHO_MEMBERS) as (keyof typeof WHO_MEMBERS)[]) {
    const values = who?.[key];
    if (values !== undefined) tests.push((WHO_MEMBERS[key] as Row<typeof key>)(values as never, unsure));
  }
  if (who?.not !== undefined) {
    const excluded = compileWho(who.not, !unsure);
    tests.push((principal, address) => excluded !== null && !excluded(principal, address));
  }
  const [first, ...others] = tests;
  if (first === undefined) return null;
  return others.length === 0 ? first : (principal, address) => tests.every((test) => test(principal, address));
}

function globsOf(patterns: readonly string[]): Glob {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map(compileGlob);
  return (name) => exact.has(name) || globs.some((glob) => glob(name));
}

/** A claim whose name has dots itself (URLs do) is found by its whole name first. */
export function claimAt(claims: JsonObject, path: string): Json | undefined {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: Json | undefined = claims;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step))
      return undefined;
    value = (value as JsonObject)[step];
  }
  return value;
}

function holds(found: Json | undefined, wanted: ReadonlySet<unknown>): boolean {
  return Array.isArray(found) ? found.some((item) => wanted.has(item)) : wanted.has(found);
}
