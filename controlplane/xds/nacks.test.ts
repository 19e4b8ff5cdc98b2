import { expect, test } from 'vitest';
import { Nacks } from './nacks.ts';

const ENVOY = 'Error adding/updating listener(s) bad.one: route_specifier is required';

test.each<[string, readonly string[], string, readonly string[]]>([
  ['the named one is refused', ['good', 'bad.one'], ENVOY, ['bad.one']],
  ['a name inside another name is not meant', ['bad', 'one', 'bad.one', 'bad.one.b'], ENVOY, ['bad.one']],
  ['a name at the end of a sentence is meant', ['a', 'b'], 'no such cluster: a.', ['a']],
  ['several are refused', ['a', 'b', 'c'], 'policy a: x; policy c: y', ['a', 'c']],
  ['all are suspected when none is named', ['a', 'b'], 'malformed', ['a', 'b']],
])('%s', (_name, names, message, refused) => {
  const nacks = new Nacks();
  expect(nacks.refuse('v1', names, message, 5)).toMatchObject({ version: 'v1', message, resources: refused, atMs: 5 });
  expect(names.filter((name) => nacks.any(new Set([name])))).toEqual(refused);
});

test('one that is accepted later is refused no more, its neighbour still is', () => {
  const nacks = new Nacks();
  nacks.refuse('v1', ['a', 'b'], 'a: x; b: y', 5);
  nacks.accept(['c']);
  expect(nacks.latest()?.resources).toEqual(['a', 'b']);
  nacks.accept(['a']);
  expect(nacks.latest()?.resources).toEqual(['b']);
  nacks.accept(['b']);
  expect(nacks.latest()).toBeNull();
});

test('a suspicion ends with the first of the suspects that is accepted', () => {
  const nacks = new Nacks();
  nacks.refuse('v1', ['a', 'b'], 'malformed', 5);
  nacks.accept(['a']);
  expect(nacks.latest()).toBeNull();
});

test('a second refusal takes the place of the first', () => {
  const nacks = new Nacks();
  nacks.refuse('v1', ['a'], 'a: x', 5);
  nacks.refuse('v2', ['a'], 'a: y', 6);
  nacks.accept(['a']);
  expect(nacks.latest()).toBeNull();
});

test('the words of a refusal are bounded', () => {
  expect(new Nacks().refuse('v1', ['a'], 'x'.repeat(100_000), 5).message).toHaveLength(2_000);
});
