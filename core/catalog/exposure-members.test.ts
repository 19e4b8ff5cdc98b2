import { expect, test } from 'vitest';
import type { ListedFor } from './catalog.ts';
import { type ListProfile, listedFor } from './exposure-members.ts';

const items = (...names: readonly string[]) => names.map((name) => ({ name }));
/** `fallback` is for who cannot sample; `both` wants sampling and elicitation. */
const LISTED: ListedFor = {
  bare: items('echo', 'fallback'),
  full: items('echo', 'roots', 'sample', 'ask', 'both'),
  alone: {
    roots: ['echo', 'fallback', 'roots'],
    sampling: ['echo', 'sample'],
    elicitation: ['echo', 'fallback', 'ask', 'unheard of'],
  },
};

test.each<[ListProfile, readonly string[]]>([
  ['bare', ['echo', 'fallback']],
  ['full', ['echo', 'roots', 'sample', 'ask', 'both']],
  ['any', ['echo', 'fallback', 'roots', 'sample', 'ask', 'both']],
  ['roots', ['echo', 'fallback', 'roots']],
  ['sampling', ['echo', 'sample']],
  ['elicitation', ['echo', 'fallback', 'ask']],
  ['roots,sampling', ['echo', 'roots', 'sample']],
  ['roots,elicitation', ['echo', 'fallback', 'roots', 'ask']],
  // What only the two together bring is not known.
  ['sampling,elicitation', ['echo', 'sample', 'ask']],
])('to a client with %s is shown %j', (profile, names) => {
  expect(listedFor(LISTED, profile, 'name')).toEqual(items(...names));
});

test('where it is not known what each one brings, a client with some is shown what everybody is', () => {
  const { alone: _, ...unknown } = LISTED;
  expect(listedFor(unknown, 'sampling', 'name')).toEqual(unknown.bare);
});
