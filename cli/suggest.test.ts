import { expect, test } from 'vitest';
import { suggestion } from './suggest.ts';

test.each([
  ['a letter too few', 'aply', 'apply'],
  ['a letter too many', 'applly', 'apply'],
  ['another letter', 'spply', 'apply'],
  ['two letters that are swapped', 'epxort', 'export'],
  ['the beginning of a word', 'trans', 'transition'],
  ['capital letters', 'GET', 'get'],
  ['a flag', '--dry-rnu', '--dry-run'],
])('%s is taken for the word that is near', (_, word, wanted) => {
  const known = ['apply', 'export', 'get', 'transition', '--dry-run'];
  expect(suggestion(word, known)).toBe(` (did you mean "${wanted}"?)`);
});

test.each([
  ['another word', 'fly'],
  ['nothing', ''],
  ['one letter', 'g'],
  ['a flag that is another', '--fast'],
  ['what is much longer than any', 'x'.repeat(100_000)],
])('%s is taken for none', (_, word) => {
  expect(suggestion(word, ['apply', 'get', '--host'])).toBe('');
});
