// Decides which doubles stand for the numbers of a schema that no double holds.
import { exactText, isObject, type Json } from '../json.ts';

/** Keywords whose number is a bound, and to which side it may move: a schema must not refuse what it allows as written. */
const OUTWARD: Readonly<Record<string, 1 | -1>> = {
  maximum: 1,
  exclusiveMaximum: 1,
  minimum: -1,
  exclusiveMinimum: -1,
};

/** The same schema with doubles alone. Total. */
export function withDoubles(value: Json, keyword = ''): Json {
  const exact = exactText(value);
  if (exact !== null) return doubleFor(exact, OUTWARD[keyword] ?? 0);
  if (Array.isArray(value)) return value.map((item: Json) => withDoubles(item));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withDoubles(member, key)]));
}

/** The nearest; of a bound the nearest that is not inside of it. What is beyond all doubles is the outermost one. */
function doubleFor(text: string, side: 1 | -1 | 0): number {
  const nearest = Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, Number(text)));
  if (side === 0 || !/^-?[0-9]+$/.test(text) || Math.abs(nearest) === Number.MAX_VALUE) return nearest;
  const inside = (BigInt(text) - BigInt(nearest)) * BigInt(side) > 0n;
  return inside ? nearest + side * 2 ** (Math.floor(Math.log2(Math.abs(nearest))) - 52) : nearest;
}
