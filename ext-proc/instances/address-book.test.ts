import { expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { createAddressBook } from './address-book.ts';

const instance = (name: string) => ({ name, node: `ext-proc-${name}`, address: `unix:/run/${name}` });
const named = (...names: readonly string[]) => new Map(names.map((name) => [name, instance(name)]));

test('another one is found where the control plane says it is, and we are not another', () => {
  const book = createAddressBook({ self: 'me', now: () => 0 });
  expect(book.find('a')).toBeNull();
  book.update(named('me', 'a'));
  expect(book.find('a')).toEqual(instance('a'));
  expect(book.find('me')).toBeNull();
  expect(book.others()).toEqual([instance('a')]);
});

test('one that is not named any more is looked for while a call may wait in it, and then no more', () => {
  let nowMs = 0;
  const book = createAddressBook({ self: 'me', now: () => nowMs });
  book.update(named('a'));
  book.update(named());
  expect(book.others()).toEqual([]);
  nowMs = LIMITS.instanceGoneMs - 1;
  expect(book.find('a')).toEqual(instance('a'));
  nowMs += 1;
  expect(book.find('a')).toBeNull();
});

test('one that comes back is there again', () => {
  let nowMs = 0;
  const book = createAddressBook({ self: 'me', now: () => nowMs });
  for (const names of [['a'], [], ['a']]) book.update(named(...names));
  nowMs = 2 * LIMITS.instanceGoneMs;
  expect(book.find('a')).toEqual(instance('a'));
});

test('of those that are gone no more than a bound is remembered, the newest', () => {
  const book = createAddressBook({ self: 'me', now: () => 0 });
  for (let n = 0; n < 2 * LIMITS.instancesMax; n++) book.update(named(String(n)));
  expect(book.find('0')).toBeNull();
  expect(book.find(String(2 * LIMITS.instancesMax - 2))).not.toBeNull();
});
