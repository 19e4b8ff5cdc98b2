// Decides what an expression comes to: each node of its tree is compiled to a closure, once.
import { LIMITS } from '../../limits.ts';
import { nearest } from '../nearest.ts';
import { functionRun } from './calls.ts';
import { macroRun } from './macros.ts';
import { missing, operatorRun } from './operators.ts';
import {
  type CelValue,
  Failure,
  isMap,
  isStopped,
  keyed,
  type MapKey,
  mapKey,
  type Run,
  Timestamp,
  typeOf,
} from './results.ts';
import { strict } from './strict.ts';
import { type Node, Unspeakable } from './tree.ts';
import { UNKNOWN } from './types.ts';
import { childrenOf } from './walk.ts';

/** Where a name leads: to a root, or to the variable of a macro around. */
export interface Names {
  readonly roots: ReadonlySet<string>;
  /** Place of each variable. */
  readonly variables: ReadonlyMap<string, number>;
  /** Macros around. */
  readonly depth: number;
}

/** Throws `Unspeakable` for names, functions and patterns that are none. */
export function runOf(node: Node, names: Names): Run {
  const run = made(node, names);
  if (node.kind === 'literal' || node.kind === 'name' || !isConstant(node)) return run;
  // What is written in the rule is reckoned once.
  const value = run({ roots: {}, slots: [], stepsLeft: LIMITS.conditionStepsMax });
  return isStopped(value) ? run : () => value;
}

function isConstant(node: Node): boolean {
  if (node.kind === 'name' || node.kind === 'macro') return false;
  return childrenOf(node).every(isConstant);
}

function made(node: Node, names: Names): Run {
  const runsOf = (nodes: readonly Node[]): readonly Run[] => nodes.map((inner) => runOf(inner, names));
  switch (node.kind) {
    case 'literal':
      return () => node.value;
    case 'name':
      return nameRun(node.name, node.at, names);
    case 'select':
      return selectRun(runOf(node.of, names), node.key, node.at);
    case 'has':
      return hasRun(runOf(node.of, names), node.key, node.at);
    case 'list':
      return strict(runsOf(node.items), (items) => items);
    case 'map':
      return mapRun(runsOf(node.entries.flat()), node.at);
    case 'macro':
      return macroRun(node, names, runOf);
    case 'call': {
      const runs = runsOf(node.args);
      return operatorRun(node, runs) ?? functionRun(node, runs);
    }
    case 'method':
      return functionRun(node, runsOf(node.args));
  }
}

function nameRun(name: string, at: number, { roots, variables }: Names): Run {
  const slot = variables.get(name);
  if (slot !== undefined) return (frame) => frame.slots[slot] ?? null;
  if (!roots.has(name)) {
    throw new Unspeakable(`there is no "${name}"`, at, nearest(name, [...roots, ...variables.keys()]) ?? undefined);
  }
  if (name === 'time') {
    return ({ roots: { time = UNKNOWN } }) =>
      typeof time === 'number' ? new Timestamp(BigInt(Math.trunc(time)) * 1_000_000n) : time;
  }
  return (frame) => {
    const value = frame.roots[name];
    return value === undefined ? new Failure(`there is no ${name}`, at) : value;
  };
}

function selectRun(of: Run, key: string, at: number): Run {
  return (frame) => {
    const value = of(frame);
    if (isStopped(value)) return value;
    if (!isMap(value)) return new Failure(`"${key}" is looked for in ${typeOf(value)}`, at);
    return keyed(value, key) ?? missing(value, key, at);
  };
}

function hasRun(of: Run, key: string, at: number): Run {
  return (frame) => {
    const value = of(frame);
    if (isStopped(value)) return value;
    if (!isMap(value)) return new Failure(`"${key}" is looked for in ${typeOf(value)}`, at);
    return keyed(value, key) !== undefined;
  };
}

function mapRun(runs: readonly Run[], at: number): Run {
  return strict(runs, (values) => {
    const map = new Map<MapKey, CelValue>();
    for (let index = 0; index < values.length; index += 2) {
      const written = values[index] ?? null;
      const key = typeof written === 'number' ? null : mapKey(written);
      if (key === null) return new Failure(`${typeOf(written)} is no key of a map`, at);
      if (map.has(key)) return new Failure('a key of the map is repeated', at);
      map.set(key, values[index + 1] ?? null);
    }
    return map;
  });
}
