// Decides what a condition still asks of the arguments when everything else is known.

import { LIMITS } from '../../limits.ts';
import type { Value } from '../../mcp/value.ts';
import { compileTree, frameOf } from './compile.ts';
import { advertisable, escaped } from './ecma.ts';
import { isList, isMap, isStopped, keysOf, type Result, type Run } from './results.ts';
import type { Node } from './tree.ts';
import { type Condition, type Residual, type ResidualOp, ROOTS, type Scope, UNKNOWN, type Unknown } from './types.ts';
import { eachNode } from './walk.ts';

/** null: the node comes to `true` for no arguments. */
type Left = readonly Residual[] | null;
/** For one scope, in which `args` is unknown. */
type Plan = (scope: Scope) => Left;

const plans = new WeakMap<Condition, Plan>();
const NOTHING: Left = [];

/** `scope.args` is not looked at. null: the condition is true for no arguments. []: nothing simple can be said. Total. */
export function residualOf(condition: Condition, scope: Scope): readonly Residual[] | null {
  let plan = plans.get(condition);
  if (plan === undefined) {
    plan = planOf(condition.tree);
    plans.set(condition, plan);
  }
  try {
    return plan(new WithoutArgs(scope));
  } catch {
    // Limits that are shown are a kindness; the call itself is decided by the condition.
    return NOTHING;
  }
}

/** The scope's own parts are made when they are read, so they are passed on in the same way. */
class WithoutArgs implements Scope {
  readonly args: Unknown = UNKNOWN;
  readonly #scope: Scope;
  constructor(scope: Scope) {
    this.#scope = scope;
  }
  get jwt(): Scope['jwt'] {
    return this.#scope.jwt;
  }
  get tool(): Scope['tool'] {
    return this.#scope.tool;
  }
  get session(): Scope['session'] {
    return this.#scope.session;
  }
  get request(): Scope['request'] {
    return this.#scope.request;
  }
  get time(): Scope['time'] {
    return this.#scope.time;
  }
}

function planOf(node: Node): Plan {
  if (node.kind === 'call' && node.name === '_&&_') return both(node.args.map(planOf));
  if (node.kind === 'call' && node.name === '_||_') return either(node);
  if (node.kind === 'call' && node.name === '_?_:_') return choice(node);
  const simple = asksArgs(node) ? simpleOf(node) : null;
  if (simple === null) return outcome(runOf(node), NOTHING);
  return simple;
}

function runOf(node: Node): Run {
  return compileTree(node, new Set(ROOTS));
}

/** False, failed or no boolean: for no arguments. */
function outcome(run: Run, otherwise: Left): Plan {
  return (scope) => {
    const result = run(frameOf(scope));
    return result === true || result === UNKNOWN ? otherwise : null;
  };
}

function both(plans: readonly Plan[]): Plan {
  return (scope) => {
    const residuals: Residual[] = [];
    for (const plan of plans) {
      const left = plan(scope);
      if (left === null) return null;
      residuals.push(...left);
    }
    return residuals;
  };
}

function either(node: Extract<Node, { kind: 'call' }>): Plan {
  const [first, second] = node.args as [Node, Node];
  const [one, other] = [planOf(first), planOf(second)];
  const absent = absentPath(first) ?? absentPath(second);
  const certain = runOf(node);
  return (scope) => {
    if (certain(frameOf(scope)) === true) return NOTHING;
    const [a, b] = [one(scope), other(scope)];
    if (a === null || b === null) return a ?? b;
    // `!has(args.x) || args.x <= 5`: the limit is on an argument that may be left out.
    const limits = absentPath(first) === null ? a : b;
    if (absent !== null) return limits.filter(({ path, op }) => op !== 'required' && startsWith(path, absent));
    return merged(a, b);
  };
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((key, index) => path[index] === key);
}

/** In `!has(args.x.y)`, x and y: only the last may be absent, or asking would fail. */
function absentPath(node: Node): readonly string[] | null {
  if (node.kind !== 'call' || node.name !== '!_' || node.args[0]?.kind !== 'has') return null;
  const of = pathOf(node.args[0].of);
  return of === null ? null : [...of, node.args[0].key];
}

/** What both sides ask for: the same limits, and of two enums on one argument the values of both. */
function merged(a: readonly Residual[], b: readonly Residual[]): readonly Residual[] {
  return a.flatMap((one): readonly Residual[] => {
    const other = b.find(({ path, op }) => op === one.op && path.join('\n') === one.path.join('\n'));
    if (other === undefined) return [];
    if (one.op === 'required') return [one];
    const values = [
      ...(one.value as readonly Value[]),
      ...(one.op === 'enum' ? (other.value as readonly Value[]) : []),
    ];
    return one.op === 'enum' && values.length <= LIMITS.residualValuesMax ? [{ ...one, value: values }] : [];
  });
}

function choice(node: Extract<Node, { kind: 'call' }>): Plan {
  const [test, yes, no] = node.args as [Node, Node, Node];
  if (asksArgs(test)) return outcome(runOf(node), NOTHING);
  const [run, ifYes, ifNo] = [runOf(test), planOf(yes), planOf(no)];
  return (scope) => {
    const value = run(frameOf(scope));
    if (value === UNKNOWN) return NOTHING;
    return value === true ? ifYes(scope) : value === false ? ifNo(scope) : null;
  };
}

function asksArgs(node: Node): boolean {
  let asks = false;
  eachNode(node, new Set(), (inner, variables) => {
    if (inner.kind === 'name' && inner.name === 'args' && !variables.has('args')) asks = true;
  });
  return asks;
}

/** `args.a.b` and `args["a"].b` as keys; null for anything else, and for `args` alone. */
function pathOf(node: Node): readonly string[] | null {
  if (node.kind === 'name') return node.name === 'args' ? [] : null;
  if (node.kind === 'select') {
    const of = pathOf(node.of);
    return of === null ? null : [...of, node.key];
  }
  if (node.kind !== 'call' || node.name !== '_[_]') return null;
  const [held, key] = node.args as [Node, Node];
  const of = pathOf(held);
  return of === null || key.kind !== 'literal' || typeof key.value !== 'string' ? null : [...of, key.value];
}

/** Every key of the path must be there, or the condition fails. */
function required(path: readonly string[]): readonly Residual[] {
  return path.map((_, index) => ({ path: path.slice(0, index + 1), op: 'required', value: true }));
}

const FLIPPED: ReadonlyMap<string, string> = new Map([
  ['_<_', '_>_'],
  ['_<=_', '_>=_'],
  ['_>_', '_<_'],
  ['_>=_', '_<=_'],
  ['_==_', '_==_'],
]);
const LIMIT_OPS: ReadonlyMap<string, ResidualOp> = new Map([
  ['_<_', 'exclusiveMax'],
  ['_<=_', 'max'],
  ['_>_', 'exclusiveMin'],
  ['_>=_', 'min'],
]);

/** null: it is none of the forms that a schema can say. */
function simpleOf(node: Node): Plan | null {
  const path = pathOf(node);
  if (path !== null) return path.length === 0 ? null : always([...required(path), { path, op: 'enum', value: [true] }]);
  if (node.kind === 'has') {
    const of = pathOf(node.of);
    return of === null ? null : always(required([...of, node.key]));
  }
  if (node.kind !== 'call' && node.kind !== 'method') return null;
  const [first, second] = node.args;
  if (node.name === '!_') {
    const denied = pathOf(first!);
    return denied === null || denied.length === 0
      ? null
      : always([...required(denied), { path: denied, op: 'enum', value: [false] }]);
  }
  if (first === undefined || second === undefined) return null;
  if (node.name === '@in') return membership(first, second);
  if (FLIPPED.has(node.name)) {
    return comparison(node.name, first, second) ?? comparison(FLIPPED.get(node.name)!, second, first);
  }
  return textLimit(node.name, first, second);
}

function always(residuals: readonly Residual[]): Plan {
  return () => residuals;
}

/** What the known side comes to, made into limits of the argument. */
function fromKnown(known: Node, limits: (value: Result) => Left): Plan | null {
  if (asksArgs(known)) return null;
  const run = runOf(known);
  return (scope) => {
    const value = run(frameOf(scope));
    if (value === UNKNOWN) return NOTHING;
    return isStopped(value) ? null : limits(value);
  };
}

function comparison(sign: string, argument: Node, known: Node): Plan | null {
  const sized = sizeArgument(argument);
  const path = pathOf(sized ?? argument);
  if (path === null || path.length === 0) return null;
  return fromKnown(known, (value) => {
    const base = required(path);
    if (sized !== null) return [...base, ...sizeLimits(sign, path, value)];
    if (sign === '_==_') return isScalar(value) ? [...base, { path, op: 'enum', value: [value] }] : base;
    const op = LIMIT_OPS.get(sign);
    return op !== undefined && isBound(value) ? [...base, { path, op, value }] : base;
  });
}

/** In `size(x)` and `x.size()`, x. */
function sizeArgument(node: Node): Node | null {
  return (node.kind === 'call' || node.kind === 'method') && node.name === 'size' ? (node.args[0] ?? null) : null;
}

function sizeLimits(sign: string, path: readonly string[], value: Result): readonly Residual[] {
  if (!isBound(value)) return [];
  const size = Number(value);
  const [least, most] = [Math.ceil(size), Math.floor(size)];
  const isWhole = least === most;
  const limits: Readonly<Record<string, readonly (readonly ['minSize' | 'maxSize', number])[]>> = {
    '_<_': [['maxSize', isWhole ? most - 1 : most]],
    '_<=_': [['maxSize', most]],
    '_>_': [['minSize', isWhole ? least + 1 : least]],
    '_>=_': [['minSize', least]],
    '_==_': [
      ['minSize', least],
      ['maxSize', most],
    ],
  };
  return (limits[sign] ?? []).filter(([, bound]) => bound >= 0).map(([op, bound]) => ({ path, op, value: bound }));
}

function isBound(value: Result): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value));
}

function isScalar(value: Result): value is null | boolean | number | bigint | string {
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'string';
}

function membership(argument: Node, list: Node): Plan | null {
  const path = pathOf(argument);
  if (path === null || path.length === 0) return null;
  return fromKnown(list, (value) => {
    const items: readonly Result[] | null = isList(value) ? value : isMap(value) ? keysOf(value) : null;
    if (items === null || items.length === 0) return null;
    const base = required(path);
    return items.length <= LIMITS.residualValuesMax && items.every(isScalar)
      ? [...base, { path, op: 'enum', value: items as readonly Value[] }]
      : base;
  });
}

/** Tests of a text by another one, as patterns of a schema (which are not anchored either). */
const TEXT_PATTERNS: ReadonlyMap<string, (part: string) => string | null> = new Map([
  ['startsWith', (part: string) => `^${escaped(part)}`],
  ['endsWith', (part: string) => `${escaped(part)}$`],
  ['contains', escaped],
  ['matches', advertisable],
]);

function textLimit(name: string, argument: Node, known: Node): Plan | null {
  const patternOf = TEXT_PATTERNS.get(name);
  const path = pathOf(argument);
  if (patternOf === undefined || path === null || path.length === 0) return null;
  return fromKnown(known, (value) => {
    if (typeof value !== 'string') return null;
    const pattern = value.length <= LIMITS.patternCharsMax ? patternOf(value) : null;
    return pattern === null ? required(path) : [...required(path), { path, op: 'pattern', value: pattern }];
  });
}
