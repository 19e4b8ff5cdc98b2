// Decides whether a rule speaks of a principal.
import { compileGlob } from './glob.ts';
import type { Principal, Who } from './types.ts';

/** Never throws. */
export type WhoTest = (principal: Principal) => boolean;

/** One row per member of `who`: how its values are compared. */
const MEMBERS: Readonly<Record<Exclude<keyof Who, 'not'>, (values: readonly string[]) => WhoTest>> = {
  subjects: (values) => {
    const globs = values.map(compileGlob);
    return ({ subject }) => globs.some((glob) => glob(subject));
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
};

/** Everything that `who` may hold. */
export const WHO_KEYS: ReadonlySet<string> = new Set([...Object.keys(MEMBERS), 'not']);

/** Members are ANDed, values inside one are ORed; null is everybody. */
export function compileWho(who: Who | undefined): WhoTest | null {
  const tests: WhoTest[] = [];
  for (const [key, compile] of Object.entries(MEMBERS) as [keyof typeof MEMBERS, (typeof MEMBERS)['groups']][]) {
    const values = who?.[key];
    if (values !== undefined) tests.push(compile(values));
  }
  if (who?.not !== undefined) {
    const excluded = compileWho(who.not);
    tests.push((principal) => excluded !== null && !excluded(principal));
  }
  const [first, ...others] = tests;
  if (first === undefined) return null;
  return others.length === 0 ? first : (principal) => tests.every((test) => test(principal));
}
