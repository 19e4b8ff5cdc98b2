// Decides with which doubles a schema's limits are compared when integers are larger than a double holds exactly.
import type { Value, ValueMap } from '../mcp/value.ts';

/**
 * The value itself where no integer is larger. Otherwise with each of them as a double: where that is not exact, once with
 * the double below and once with the one above; what lies between two doubles keeps a limit if both of them keep it.
 */
export function doublesOf(value: Value): readonly Value[] {
  const sizes = { large: false, inexact: false };
  look(value, sizes);
  if (!sizes.large) return [value];
  return sizes.inexact ? [rounded(value, 'down'), rounded(value, 'up')] : [rounded(value, 'down')];
}

function look(value: Value, sizes: { large: boolean; inexact: boolean }): void {
  if (typeof value === 'bigint') {
    sizes.large = true;
    if (BigInt(Number(value)) !== value) sizes.inexact = true;
  } else if (Array.isArray(value)) for (const item of value) look(item, sizes);
  else if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) look(member, sizes);
}

function rounded(value: Value, to: 'down' | 'up'): Value {
  if (typeof value === 'bigint') return neighbour(value, to);
  if (Array.isArray(value)) return value.map((item) => rounded(item, to));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(null) as Record<string, Value>;
  for (const [key, member] of Object.entries(value as ValueMap)) copy[key] = rounded(member, to);
  return copy;
}

/** The nearest double that is not above, or not below. */
function neighbour(value: bigint, to: 'down' | 'up'): number {
  const nearest = Number(value);
  const exact = BigInt(nearest);
  if (exact === value || exact < value === (to === 'down')) return nearest;
  return beside(nearest, to);
}

/** Doubles follow each other as the integers of their bits do, away from zero. */
function beside(double: number, to: 'down' | 'up'): number {
  const bits = new BigInt64Array(new Float64Array([double]).buffer);
  const isAway = double > 0 === (to === 'up');
  bits[0] = (bits[0] ?? 0n) + (isAway ? 1n : -1n);
  return new Float64Array(bits.buffer)[0] ?? double;
}
