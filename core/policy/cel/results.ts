// Decides what an expression can come to.
import type { Value } from '../../mcp/value.ts';
import { UNKNOWN, type Unknown } from './types.ts';

/** A point in time or a length of it, in nanoseconds: since 1970 in UTC, or as such. */
export class Moment {
  readonly #ns: bigint;
  constructor(ns: bigint) {
    this.#ns = ns;
  }
  get ns(): bigint {
    return this.#ns;
  }
}
export class Timestamp extends Moment {}
export class Duration extends Moment {}

/** Keys of a map that an expression writes down; JSON objects are objects. */
export type MapKey = string | boolean | bigint;
/** int: a bigint; double: a number. JSON numbers are doubles unless only an int holds them. */
export type CelValue = Value | Moment | readonly CelValue[] | ReadonlyMap<MapKey, CelValue>;

/** An error of CEL, which lets the expression around it fail unless `&&`, `||` or a macro absorbs it. */
export class Failure {
  /** Quotes names and types, never values. */
  readonly why: string;
  readonly at: number;
  constructor(why: string, at: number) {
    this.why = why;
    this.at = at;
  }
}

export type Result = CelValue | Unknown | Failure;

export function isStopped(result: Result): result is Unknown | Failure {
  return result === UNKNOWN || result instanceof Failure;
}

/** One evaluation. */
export interface Frame {
  readonly roots: { readonly [name: string]: CelValue | Unknown };
  /** Variables of macros, by their place. */
  readonly slots: Result[];
  stepsLeft: number;
}

export type Run = (frame: Frame) => Result;

/** False when that is more than there is left. */
export function spend(frame: Frame, steps: number): boolean {
  frame.stepsLeft -= steps;
  return frame.stepsLeft >= 0;
}
export const TOO_COSTLY = 'the evaluation costs too much';

export function isList(value: Result): value is readonly CelValue[] {
  return Array.isArray(value);
}

/** A JSON object, or a map that the expression wrote. */
export function isMap(value: Result): value is { readonly [key: string]: Value } | ReadonlyMap<MapKey, CelValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Moment);
}

/** undefined: it has no such key. A double that is an integer is the same key as the int. */
export function keyed(
  map: { readonly [key: string]: Value } | ReadonlyMap<MapKey, CelValue>,
  key: CelValue,
): CelValue | undefined {
  if (map instanceof Map) return (map as ReadonlyMap<MapKey, CelValue>).get(mapKey(key) as MapKey);
  if (typeof key !== 'string' || !Object.hasOwn(map, key)) return undefined;
  return (map as { readonly [key: string]: Value })[key];
}

/** null: it cannot be one. */
export function mapKey(key: CelValue): MapKey | null {
  if (typeof key === 'string' || typeof key === 'boolean' || typeof key === 'bigint') return key;
  return typeof key === 'number' && Number.isInteger(key) ? BigInt(key) : null;
}

export function keysOf(map: { readonly [key: string]: Value } | ReadonlyMap<MapKey, CelValue>): readonly MapKey[] {
  return map instanceof Map ? [...(map.keys() as Iterable<MapKey>)] : Object.keys(map);
}

/** The word for a kind of value in messages. */
export function typeOf(value: CelValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Timestamp) return 'a timestamp';
  if (value instanceof Duration) return 'a duration';
  const words: Readonly<Record<string, string>> = { boolean: 'a boolean', string: 'a string', object: 'an object' };
  return words[typeof value] ?? 'a number';
}
