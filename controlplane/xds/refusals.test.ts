import { expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { Refusals } from './refusals.ts';

const refused = (version: string) => ({ version, message: 'no', atMs: 1, good: null });

test('what a node refused is remembered under its type and name', () => {
  const refusals = new Refusals();
  refusals.of('n').remember('t', 'a', refused('1'));
  refusals.of('n').remember('t', 'a', refused('2'));
  expect(refusals.of('n').recall('t')).toEqual(new Map([['a', refused('2')]]));
  expect([refusals.of('n').recall('u'), refusals.of('m').recall('t')]).toEqual([new Map(), new Map()]);
});

test('what it accepted later is forgotten, its neighbour is not', () => {
  const refusals = new Refusals();
  const node = refusals.of('n');
  node.remember('t', 'a', refused('1'));
  node.remember('t', 'b', refused('1'));
  node.forget('t', ['a', 'never']);
  node.forget('u', ['b']);
  expect([...node.recall('t').keys()]).toEqual(['b']);
});

test('all nodes together are bounded, and the oldest goes first', () => {
  const refusals = new Refusals();
  refusals.of('first').remember('t', 'a', refused('1'));
  for (let index = 1; index < LIMITS.xdsRefusalsMax; index += 1)
    refusals.of('n').remember('t', `${index}`, refused('1'));
  expect(refusals.of('first').recall('t').size).toBe(1);
  refusals.of('last').remember('t', 'a', refused('1'));
  expect(refusals.of('first').recall('t').size).toBe(0);
  expect(refusals.of('n').recall('t').size).toBe(LIMITS.xdsRefusalsMax - 1);
  expect(refusals.of('last').recall('t').size).toBe(1);
});
