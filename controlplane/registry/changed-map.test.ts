import { describe, expect, test } from 'vitest';
import { changedMap } from './changed-map.ts';

const map = new Map([
  ['b', 1],
  ['d', 2],
]);

describe('a changed map', () => {
  test.each<[string, [string, number | null][], [string, number][]]>([
    [
      'has a new entry in its place',
      [['c', 3]],
      [
        ['b', 1],
        ['c', 3],
        ['d', 2],
      ],
    ],
    [
      'has new entries before, between and behind',
      [
        ['z', 5],
        ['c', 4],
        ['a', 3],
      ],
      [
        ['a', 3],
        ['b', 1],
        ['c', 4],
        ['d', 2],
        ['z', 5],
      ],
    ],
    [
      'has a changed entry where it was',
      [['b', 9]],
      [
        ['b', 9],
        ['d', 2],
      ],
    ],
    ['has no longer what was taken away', [['b', null]], [['d', 2]]],
    [
      'takes the later of two changes',
      [
        ['b', null],
        ['b', 7],
        ['c', 1],
        ['c', null],
      ],
      [
        ['b', 7],
        ['d', 2],
      ],
    ],
    [
      'has all of that at once',
      [
        ['d', null],
        ['c', 3],
        ['b', 9],
      ],
      [
        ['b', 9],
        ['c', 3],
      ],
    ],
  ])('%s', (_, changes, wanted) => {
    expect([...changedMap(map, changes)]).toEqual(wanted);
    expect([...map]).toEqual([
      ['b', 1],
      ['d', 2],
    ]);
  });

  test.each<[string, [string, number | null][]]>([
    ['nothing was to change', []],
    ['what was to change was so already', [['b', 1]]],
    ['what was to go was not there', [['x', null]]],
  ])('is the same map when %s', (_, changes) => expect(changedMap(map, changes)).toBe(map));
});
