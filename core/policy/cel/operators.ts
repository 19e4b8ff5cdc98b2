// Decides what the operators come to.
import { compute, negate, type Operator } from './arithmetic.ts';
import { isEqual, isNumber, order, weightOf } from './compare.ts';
import { holds } from './functions.ts';
import {
  type CelValue,
  Failure,
  type Frame,
  isList,
  isMap,
  isStopped,
  keyed,
  type MapKey,
  mapKey,
  type Result,
  type Run,
  spend,
  TOO_COSTLY,
  typeOf,
} from './results.ts';
import { binary, strict } from './strict.ts';
import type { Node } from './tree.ts';
import { UNKNOWN } from './types.ts';

export type Call = Extract<Node, { kind: 'call' | 'method' }>;

/** null: it is no operator. */
export function operatorRun(node: Call, runs: readonly Run[]): Run | null {
  const { name, at } = node;
  if (name === '_&&_' || name === '_||_') return logicRun(runs, name === '_||_', at);
  if (name === '_?_:_') return choiceRun(runs, at);
  if (name === '!_') {
    return strict(runs, ([value = null]) =>
      typeof value === 'boolean' ? !value : new Failure(`! is of a boolean, not of ${typeOf(value)}`, at),
    );
  }
  if (name === '-_') return strict(runs, ([value = null]) => computed(negate(value), at));
  if (name === '_==_' || name === '_!=_') return equalRun(runs, name === '_==_', at);
  if (name === '@in') return binary(runs, (item, held, frame) => isIn(item, held, frame, at));
  if (name === '_[_]') return binary(runs, (held, key) => indexed(held, key, at));
  const test = ORDERS.get(name);
  if (test !== undefined) return orderRun(runs, name.slice(1, -1), test, at);
  const operator = /^_([+\-*/%])_$/.exec(name)?.[1] as Operator | undefined;
  if (operator === undefined) return null;
  return binary(runs, (a, b, frame) => {
    const weight =
      typeof a === 'string' && typeof b === 'string' ? (a.length + b.length) / 64 : isList(a) ? a.length : 0;
    return spend(frame, weight + 1) ? computed(compute(operator, a, b), at) : new Failure(TOO_COSTLY, at);
  });
}

function computed(result: ReturnType<typeof compute>, at: number): Result {
  return typeof result === 'string' ? new Failure(result, at) : result.value;
}

/** "Errors are absorbed": either operand alone decides if it can; what is not known could. */
function logicRun(runs: readonly Run[], decisive: boolean, at: number): Run {
  const [left, right] = runs as [Run, Run];
  return (frame) => {
    const a = left(frame);
    if (a === decisive) return decisive;
    const b = right(frame);
    if (b === decisive) return decisive;
    if (a === !decisive && b === !decisive) return !decisive;
    if (a === UNKNOWN || b === UNKNOWN) return UNKNOWN;
    if (a instanceof Failure) return a;
    if (b instanceof Failure) return b;
    return new Failure(
      `${decisive ? '||' : '&&'} is of booleans, not of ${typeOf(typeof a === 'boolean' ? b : a)}`,
      at,
    );
  };
}

function choiceRun(runs: readonly Run[], at: number): Run {
  const [test, yes, no] = runs as [Run, Run, Run];
  return (frame) => {
    const value = test(frame);
    if (isStopped(value)) return value;
    if (typeof value !== 'boolean') return new Failure(`? is of a boolean, not of ${typeOf(value)}`, at);
    return value ? yes(frame) : no(frame);
  };
}

function equalRun(runs: readonly Run[], wanted: boolean, at: number): Run {
  return binary(runs, (a, b, frame) => {
    if (typeof a === 'object' && typeof b === 'object' && !spend(frame, weightOf(a)))
      return new Failure(TOO_COSTLY, at);
    return isEqual(a, b) === wanted;
  });
}

const ORDERS: ReadonlyMap<string, (order: number) => boolean> = new Map([
  ['_<_', (order: number) => order < 0],
  ['_<=_', (order: number) => order <= 0],
  ['_>_', (order: number) => order > 0],
  ['_>=_', (order: number) => order >= 0],
]);

function orderRun(runs: readonly Run[], sign: string, test: (order: number) => boolean, at: number): Run {
  return binary(runs, (a, b, frame) => {
    if (isNumber(a) && isNumber(b))
      return test(a < b ? -1 : a > b ? 1 : Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : 0);
    if (typeof a === 'string' && !spend(frame, a.length / 64)) return new Failure(TOO_COSTLY, at);
    const result = order(a, b);
    return result === null ? new Failure(`${typeOf(a)} ${sign} ${typeOf(b)} is nothing`, at) : test(result);
  });
}

function isIn(item: CelValue, held: CelValue, frame: Frame, at: number): Result {
  if (isMap(held)) return keyed(held, item) !== undefined;
  const given = holds(held, item, frame);
  if (given === undefined) return new Failure(`"in" looks into a list or an object, not into ${typeOf(held)}`, at);
  return typeof given === 'string' ? new Failure(given, at) : given.value;
}

function indexed(held: CelValue, key: CelValue, at: number): Result {
  if (isMap(held)) return keyed(held, key) ?? missing(held, key, at);
  if (!isList(held)) return new Failure(`${typeOf(held)} has no items`, at);
  if (!isNumber(key) || !Number.isInteger(Number(key))) return new Failure(`${typeOf(key)} is no place in a list`, at);
  const item = Number(key) >= 0 ? held[Number(key)] : undefined;
  return item === undefined ? new Failure('the list has no such item', at) : item;
}

export function missing(
  value: { readonly [key: string]: unknown } | ReadonlyMap<MapKey, CelValue>,
  key: CelValue,
  at: number,
): Result {
  // null is a value: `??` above does not tell it from what is absent.
  if (typeof key === 'string' && !(value instanceof Map) && Object.hasOwn(value, key)) return null;
  if (value instanceof Map && value.has(mapKey(key) as MapKey)) return null;
  return new Failure(typeof key === 'string' && key.length <= 64 ? `there is no "${key}"` : 'there is no such key', at);
}
