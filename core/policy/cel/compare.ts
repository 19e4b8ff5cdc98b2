// Decides which values are equal, and which of two comes first.
import { type CelValue, isList, isMap, keyed, keysOf, Moment } from './results.ts';

/** Values of different types are not equal; an int and a double are when they are the same number. */
export function isEqual(a: CelValue, b: CelValue): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    if (typeof a === typeof b) return a === b;
    // JavaScript compares a bigint with a number by their exact values.
    if (typeof a === 'bigint' && typeof b === 'number') return Number.isInteger(b) && a === BigInt(b);
    return typeof a === 'number' && typeof b === 'bigint' && Number.isInteger(a) && BigInt(a) === b;
  }
  if (a instanceof Moment || b instanceof Moment) {
    return a instanceof Moment && b instanceof Moment && a.constructor === b.constructor && a.ns === b.ns;
  }
  if (isList(a) || isList(b)) {
    return isList(a) && isList(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index] ?? null));
  }
  if (!isMap(a) || !isMap(b)) return false;
  const keys = keysOf(a);
  if (keys.length !== keysOf(b).length) return false;
  return keys.every((key) => {
    const [left, right] = [keyed(a, key), keyed(b, key)];
    return left !== undefined && right !== undefined && isEqual(left, right);
  });
}

/** Values that a comparison goes through: what it may cost. */
export function weightOf(value: CelValue): number {
  if (typeof value !== 'object' || value === null || value instanceof Moment) return 1;
  if (isList(value)) return value.reduce<number>((sum, item) => sum + weightOf(item), 1);
  if (!isMap(value)) return 1;
  return keysOf(value).reduce<number>((sum, key) => sum + weightOf(keyed(value, key) ?? null), 1);
}

/** Below 0, 0, above 0; NaN when one of them is not a number; null when they are not of one ordered type. */
export function order(a: CelValue, b: CelValue): number | null {
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : 0;
  if (typeof a === 'string' && typeof b === 'string') return orderStrings(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Moment && b instanceof Moment && a.constructor === b.constructor) {
    return a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0;
  }
  return null;
}

export function isNumber(value: CelValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

const SURROGATE = /[\ud800-\udfff]/;

/** By code points: JavaScript compares UTF-16 units, in which U+FFFD comes after U+1F600. */
function orderStrings(a: string, b: string): number {
  if (a === b) return 0;
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
