// Decides how two JSON objects are held against each other, member by member.
import type { Json, JsonObject } from '../../core/json.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';

/** Of either, in the order of names. */
export function namesOf(a: JsonObject, b: JsonObject): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

/** `toString` and `__proto__` are names like the others. */
export function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** undefined: it is not there. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b));
}
