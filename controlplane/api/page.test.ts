import { expect, test } from 'vitest';
import { ApiError } from './error.ts';
import { cursorOf, pageOf } from './page.ts';

const order = {
  length: 1,
  keyOf: (name: string) => [name],
  isAfter: (name: string, [at = '']: readonly string[]) => name > at,
};
const page = (items: readonly string[], cursor?: string, limit = 2) =>
  pageOf(items, { scope: 'x', cursor, limit }, order);

test('pages follow each other to the end', () => {
  const first = page(['a', 'b', 'c', 'd', 'e']);
  expect(first.items).toEqual(['a', 'b']);
  const second = page(['a', 'b', 'c', 'd', 'e'], first.next);
  expect(second.items).toEqual(['c', 'd']);
  expect(page(['a', 'b', 'c', 'd', 'e'], second.next)).toEqual({ items: ['e'] });
});

test('a page that is just full is the last one when nothing follows', () => {
  expect(page(['a', 'b'])).toEqual({ items: ['a', 'b'] });
});

test('what is written in between neither repeats nor skips an item', () => {
  const { next } = page(['b', 'd', 'f']);
  expect(page(['a', 'b', 'c', 'd', 'e', 'f'], next).items).toEqual(['e', 'f']);
  expect(page(['f'], next).items).toEqual(['f']);
  expect(page([], next)).toEqual({ items: [] });
});

test.each([
  ['of another list', cursorOf('y', ['a'])],
  ['of another length', cursorOf('x', ['a', 'b'])],
  ['without a position', cursorOf('x', [])],
  ['empty', ''],
  ['no base64url', '!!!!'],
  ['with something behind it', `${cursorOf('x', ['a'])}A`],
  ['with padding', `${cursorOf('x', ['a'])}=`],
  ['no JSON', Buffer.from('["x"').toString('base64url')],
  ['numbers', Buffer.from('["x",1]').toString('base64url')],
  ['an object', Buffer.from('{"0":"x","1":"a"}').toString('base64url')],
  ['written otherwise', Buffer.from('[ "x","a"]').toString('base64url')],
])('a cursor that is %s is refused', (_, cursor) => {
  expect(() => page(['a', 'b', 'c'], cursor)).toThrow(ApiError);
});
