import { expect, test } from 'vitest';
import { compileGlob, globMatches } from './glob.ts';

const ROWS: readonly [string, string, boolean][] = [
  ['*', '', true],
  ['*', 'anything/at all', true],
  ['', '', true],
  ['', 'a', false],
  ['echo', 'echo', true],
  ['echo', 'Echo', false],
  ['echo', 'echo2', false],
  ['echo', 'necho', false],
  ['get_*', 'get_', true],
  ['get_*', 'get_user', true],
  ['get_*', 'forget_user', false],
  ['*_user', 'get_user', true],
  ['*_user', 'get_users', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'aXbYc', true],
  ['a*b*c', 'aXcYb', false],
  ['*a*a*', 'a', false],
  ['**', '', true],
  ['a**b', 'ab', true],
  ['ab*ba', 'aba', false],
  ['*abc', 'ababc', true],
  ['*ab*bc', 'abc', false],
  ['a.c', 'abc', false],
  ['a?c', 'abc', false],
  ['[ab]', 'a', false],
  ['a\\*', 'a*', false],
  ['(a+)+$', 'aaaa', false],
  ['file:///x/*', 'file:///x/y\nz', true],
];

test.each(ROWS)('"%s" against "%s": %s', (pattern, name, wanted) => {
  expect(globMatches(pattern, name)).toBe(wanted);
  expect(compileGlob(pattern)(name)).toBe(wanted);
});

test('all short patterns and names over two letters: both forms agree with the recursive definition', () => {
  const words = (letters: string, lengthMax: number): string[] => {
    const all = [''];
    for (let from = 0, length = 1; length <= lengthMax; length++) {
      const to = all.length;
      for (; from < to; from++) for (const letter of letters) all.push(all[from]! + letter);
    }
    return all;
  };
  const fits = (pattern: string, name: string): boolean => {
    if (pattern === '') return name === '';
    if (pattern[0] !== '*') return name[0] === pattern[0] && fits(pattern.slice(1), name.slice(1));
    return fits(pattern.slice(1), name) || (name !== '' && fits(pattern, name.slice(1)));
  };
  const wrong: string[] = [];
  for (const pattern of words('ab*', 5)) {
    const glob = compileGlob(pattern);
    for (const name of words('ab', 5)) {
      const wanted = fits(pattern, name);
      if (glob(name) !== wanted || globMatches(pattern, name) !== wanted) wrong.push(`${pattern} ${name}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('a pattern that makes backtracking explode is answered', () => {
  expect(compileGlob('*a'.repeat(200))(`${'a'.repeat(8000)}b`)).toBe(false);
  expect(globMatches('*a'.repeat(200), `${'a'.repeat(8000)}b`)).toBe(false);
});

test('a long name that nearly fits a long pattern at each of its letters is no work for minutes', () => {
  const pattern = `*${'a'.repeat(50_000)}b*`;
  const name = 'a'.repeat(4_000_000);
  expect(globMatches(pattern, name)).toBe(false);
  expect(globMatches(pattern, `${name}b`)).toBe(true);
});
