// Decides what `all`, `exists`, `exists_one`, `map` and `filter` come to.
import type { Names } from './evaluate.ts';
import {
  type CelValue,
  Failure,
  isList,
  isMap,
  isStopped,
  keysOf,
  type Result,
  type Run,
  spend,
  TOO_COSTLY,
  typeOf,
} from './results.ts';
import type { Macro, MacroNode, Node } from './tree.ts';
import { UNKNOWN } from './types.ts';

/** Takes in what each item came to; ends early with a result, and otherwise has one when there are no more. */
interface Fold {
  /** undefined: go on. */
  take(outcome: Result): Result | undefined;
  end(): Result;
}

/** The text of the node is not needed: only how many nodes one item costs. Inner macros pay for themselves. */
function nodesOf(node: Node): number {
  switch (node.kind) {
    case 'select':
    case 'has':
      return 1 + nodesOf(node.of);
    case 'call':
    case 'method':
      return node.args.reduce((sum, arg) => sum + nodesOf(arg), 1);
    case 'list':
      return node.items.reduce((sum, item) => sum + nodesOf(item), 1);
    case 'map':
      return node.entries.flat().reduce((sum, item) => sum + nodesOf(item), 1);
    case 'macro':
      return 1 + nodesOf(node.range);
    default:
      return 1;
  }
}

export function macroRun(node: MacroNode, names: Names, runOf: (node: Node, names: Names) => Run): Run {
  const { macro, at } = node;
  const slot = names.depth;
  const inside = { ...names, variables: new Map([...names.variables, [node.variable, slot]]), depth: slot + 1 };
  const range = runOf(node.range, names);
  const body = runOf(node.body, inside);
  const test = node.test === null ? null : runOf(node.test, inside);
  const cost = nodesOf(node.body) + (node.test === null ? 0 : nodesOf(node.test));
  return (frame) => {
    const held = range(frame);
    if (isStopped(held)) return held;
    if (!isList(held) && !isMap(held))
      return new Failure(`${macro} goes over a list or an object, not ${typeOf(held)}`, at);
    const fold = FOLDS[macro](at);
    let testUnknown = false;
    for (const item of isList(held) ? held : keysOf(held)) {
      if (!spend(frame, cost)) return new Failure(TOO_COSTLY, at);
      frame.slots[slot] = item;
      const wanted = test === null ? true : test(frame);
      if (wanted === false) continue;
      if (wanted === UNKNOWN) {
        testUnknown = true;
        continue;
      }
      if (wanted !== true) return wanted instanceof Failure ? wanted : notBoolean(macro, wanted, at);
      const result = fold.take(body(frame));
      if (result !== undefined) return result;
    }
    return testUnknown ? UNKNOWN : fold.end();
  };
}

function notBoolean(macro: Macro, value: CelValue, at: number): Failure {
  return new Failure(`${macro} asks for a boolean, not ${typeOf(value)}`, at);
}

/** As a chain of && or ||: one item decides alone, whatever the others came to. */
function chain(macro: Macro, decisive: boolean, at: number): Fold {
  let failure: Failure | null = null;
  let isUnknown = false;
  return {
    take: (outcome) => {
      if (outcome === decisive) return decisive;
      if (outcome === UNKNOWN) isUnknown = true;
      else if (outcome instanceof Failure) failure ??= outcome;
      else if (typeof outcome !== 'boolean') failure ??= notBoolean(macro, outcome, at);
      return undefined;
    },
    end: () => (isUnknown ? UNKNOWN : (failure ?? !decisive)),
  };
}

function gathering(): Fold {
  const values: CelValue[] = [];
  let isUnknown = false;
  return {
    take: (outcome) => {
      if (outcome instanceof Failure) return outcome;
      if (outcome === UNKNOWN) isUnknown = true;
      else values.push(outcome);
      return undefined;
    },
    end: () => (isUnknown ? UNKNOWN : values),
  };
}

/** "Exactly one": every item is asked, and none may fail. */
function counting(at: number): Fold {
  let count = 0;
  let isUnknown = false;
  return {
    take: (outcome) => {
      if (outcome instanceof Failure) return outcome;
      if (outcome === UNKNOWN) isUnknown = true;
      else if (typeof outcome !== 'boolean') return notBoolean('exists_one', outcome, at);
      else if (outcome) count++;
      return undefined;
    },
    end: () => (isUnknown ? UNKNOWN : count === 1),
  };
}

const FOLDS: Readonly<Record<Macro, (at: number) => Fold>> = {
  all: (at) => chain('all', false, at),
  exists: (at) => chain('exists', true, at),
  exists_one: counting,
  map: gathering,
  filter: gathering,
};
