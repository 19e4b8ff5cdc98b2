// Decides what + - * / % and the minus sign make of two values.
import { isNumber } from './compare.ts';
import { type CelValue, Duration, isList, Moment, Timestamp, typeOf } from './results.ts';

export type Operator = '+' | '-' | '*' | '/' | '%';
/** A string is what is wrong. */
export type Computed = { readonly value: CelValue } | string;

export const INT_MIN = -(2n ** 63n);
export const INT_MAX = 2n ** 63n - 1n;
const SECOND = 1_000_000_000n;
/** 0001-01-01 to 9999-12-31, and what 64 bits of nanoseconds hold: as CEL bounds timestamps and durations. */
const TIMESTAMP_MIN = -62_135_596_800n * SECOND;
const TIMESTAMP_MAX = 253_402_300_800n * SECOND - 1n;

const INTS: Readonly<Record<Operator, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};
const DOUBLES: Readonly<Record<Exclude<Operator, '%'>, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

/** Total. */
export function compute(operator: Operator, a: CelValue, b: CelValue): Computed {
  if (isNumber(a) && isNumber(b)) return computeNumbers(operator, a, b);
  if (operator === '+') {
    if (typeof a === 'string' && typeof b === 'string') return { value: a + b };
    if (isList(a) && isList(b)) return { value: [...a, ...b] };
  }
  if (a instanceof Moment && b instanceof Moment) return computeMoments(operator, a, b);
  return `${typeOf(a)} ${operator} ${typeOf(b)} is nothing`;
}

function computeNumbers(operator: Operator, a: number | bigint, b: number | bigint): Computed {
  if (typeof a === 'bigint' && typeof b === 'bigint') return ints(operator, a, b);
  // Standard CEL stops here when the types differ, and knows no % of doubles. JSON has one type of number, so a double
  // that is an integer stands for it where an int is wanted, and an int is taken as the double that it is exactly.
  if (operator === '%') {
    const [x, y] = [exactInt(a), exactInt(b)];
    if (x === null || y === null) return '% is of integers';
    const computed = ints('%', x, y);
    return typeof computed === 'string' ? computed : { value: Number(computed.value) };
  }
  const [x, y] = [exactDouble(a), exactDouble(b)];
  if (x === null || y === null) return 'the integer is too large to be reckoned with a fraction';
  return { value: DOUBLES[operator](x, y) };
}

function ints(operator: Operator, a: bigint, b: bigint): Computed {
  if (b === 0n && (operator === '/' || operator === '%')) return 'division by zero';
  return inRange(INTS[operator](a, b));
}

export function inRange(value: bigint): Computed {
  return value < INT_MIN || value > INT_MAX ? 'the integer is too large' : { value };
}

/** null: it is not an integer. */
export function exactInt(value: number | bigint): bigint | null {
  if (typeof value === 'bigint') return value;
  return Number.isInteger(value) ? BigInt(value) : null;
}

function exactDouble(value: number | bigint): number | null {
  if (typeof value === 'number') return value;
  const double = Number(value);
  return Number.isFinite(double) && BigInt(double) === value ? double : null;
}

export function negate(value: CelValue): Computed {
  if (typeof value === 'number') return { value: -value };
  return typeof value === 'bigint' ? inRange(-value) : `there is no minus of ${typeOf(value)}`;
}

function computeMoments(operator: Operator, a: Moment, b: Moment): Computed {
  const [points, lengths] = [
    [a, b].filter((moment) => moment instanceof Timestamp).length,
    [a, b].filter((moment) => moment instanceof Duration).length,
  ];
  if (operator === '+' && points <= 1) return moment(a.ns + b.ns, points === 1);
  if (operator === '-' && (lengths === 2 || points === 2)) return moment(a.ns - b.ns, false);
  if (operator === '-' && a instanceof Timestamp) return moment(a.ns - b.ns, true);
  return `${typeOf(a)} ${operator} ${typeOf(b)} is nothing`;
}

/** A point in time, or a length of it. */
export function moment(ns: bigint, isPoint: boolean): Computed {
  if (isPoint)
    return ns < TIMESTAMP_MIN || ns > TIMESTAMP_MAX ? 'the time is too far away' : { value: new Timestamp(ns) };
  return typeof inRange(ns) === 'string' ? 'the duration is too long' : { value: new Duration(ns) };
}
