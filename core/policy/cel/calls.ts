// Decides whether a function may be called as it is written, and what is prepared for it.

import { nearest } from '../nearest.ts';
import { callFunction, FUNCTIONS, NO_RANGE, rangeTest } from './functions.ts';
import type { Call } from './operators.ts';
import { compilePattern } from './patterns.ts';
import { Failure, type Run, spend, TOO_COSTLY, typeOf } from './results.ts';
import { strict } from './strict.ts';
import { type Node, Unspeakable } from './tree.ts';

export function functionRun(node: Call, runs: readonly Run[]): Run {
  const { name, args, at } = node;
  // CEL has it in both forms.
  if (name === 'matches' && args.length === 2) return matchesRun(runs[0]!, args[1]!, at);
  if (name === 'inCidr' && args.length === 2 && args[1]?.kind === 'literal') return inRangeRun(runs[0]!, args[1], at);
  const made = FUNCTIONS.get(name);
  if (made === undefined) {
    throw new Unspeakable(
      `there is no function "${name}"`,
      at,
      nearest(name, [...FUNCTIONS.keys(), ...MORE_NAMES]) ?? undefined,
    );
  }
  if (node.kind === 'call' && name === 'has') throw new Unspeakable('has() asks for a member, such as has(args.x)', at);
  const own = node.kind === 'method' ? args.length - 1 : args.length;
  if (made.as !== 'both' && made.as !== node.kind) {
    throw new Unspeakable(
      made.as === 'call' ? `it is ${name}(x), not x.${name}()` : `it is x.${name}(), not ${name}(x)`,
      at,
    );
  }
  if (!made.args.includes(args.length)) throw new Unspeakable(`"${name}" does not take ${own} arguments`, at);
  return strict(runs, (values, frame) => callFunction(name, made, values, frame, at));
}

const MORE_NAMES = ['matches', 'all', 'exists', 'exists_one', 'map', 'filter'];

function matchesRun(text: Run, pattern: Node, at: number): Run {
  // Compiled with the rule, so that a wrong one is refused with it, and no caller brings one along.
  if (pattern.kind !== 'literal' || typeof pattern.value !== 'string') {
    throw new Unspeakable('a pattern is written in the rule, as a text in quotes', pattern.at);
  }
  const compiled = compilePattern(pattern.value);
  if (typeof compiled === 'string') throw new Unspeakable(compiled, pattern.at);
  return strict([text], ([value = null], frame) => {
    if (typeof value !== 'string') return new Failure(`matches is of a string, not of ${typeOf(value)}`, at);
    return spend(frame, value.length * compiled.steps) ? compiled.test(value) : new Failure(TOO_COSTLY, at);
  });
}

function inRangeRun(address: Run, range: Extract<Node, { kind: 'literal' }>, at: number): Run {
  const test = typeof range.value === 'string' ? rangeTest(range.value) : null;
  if (test === null) throw new Unspeakable(NO_RANGE, range.at);
  return strict([address], ([value = null]) => {
    const given = typeof value === 'string' ? test(value) : `inCidr is not of ${typeOf(value)}`;
    return typeof given === 'string' ? new Failure(given, at) : given;
  });
}
