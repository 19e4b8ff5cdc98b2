import { describe, expect, test } from 'vitest';
import { NOW_MS, versionedServer, versionOf } from '../../test/support/catalog-world.ts';
import type { Canary, CatalogServer, ServerVersion } from './catalog.ts';
import { choose } from './choose.ts';
import type { LifecycleState } from './lifecycle.ts';

const version = (name: string, state: string, over: Partial<ServerVersion> = {}): ServerVersion =>
  versionOf('memory', [], { version: name, state: state as LifecycleState, ...over });
const deprecated = (name: string, sinceMs: number) => version(name, 'deprecated', { deprecation: { sinceMs } });
const canary = (name: string, over: Partial<Canary>) =>
  version(name, 'canary', { canary: { percent: 0, principals: [], ...over } });
const serverWith = (...versions: ServerVersion[]): CatalogServer => versionedServer('memory', versions);
const ALICE = { key: 'k', subject: 'alice' };
const chosenOf = (server: CatalogServer, sealed?: string, chooser = ALICE) =>
  choose(server, chooser, sealed)?.version ?? null;

const ALL = serverWith(
  version('0', 'decommissioned'),
  deprecated('1', NOW_MS),
  version('2', 'active'),
  canary('3', { principals: ['bold-*'] }),
);

describe('a session keeps its version', () => {
  test.each(['0', '1', '2', '3'])('%s, as long as anything is known of it', (sealed) => {
    expect(chosenOf(ALL, sealed)).toBe(sealed);
  });
  test.each<[string, CatalogServer, string]>([
    ['that left the registry', ALL, '9'],
    ['that went back to be looked at', serverWith(version('1', 'staging'), version('2', 'active')), '1'],
    ['in a state that nobody knows', serverWith(version('1', 'paused'), version('2', 'active')), '1'],
    ['in a state that every object has', serverWith(version('1', 'toString'), version('2', 'active')), '1'],
  ])('but not one %s', (_, server, sealed) => {
    expect(chosenOf(server, sealed)).toBe('2');
  });
});

describe('without one it is given', () => {
  test.each<[string, CatalogServer, string | null]>([
    ['the active version', ALL, '2'],
    ['the one that was deprecated last', serverWith(deprecated('1', 2), deprecated('2', 3), deprecated('3', 1)), '2'],
    ['of those at the same time the later one', serverWith(deprecated('1', 2), deprecated('2', 2)), '2'],
    ['a deprecated one before a canary for others', serverWith(canary('2', {}), deprecated('1', 1)), '1'],
    [
      'the last decommissioned one, to be told',
      serverWith(version('1', 'decommissioned'), version('2', 'decommissioned')),
      '2',
    ],
    ['none where there is only a canary for others', serverWith(canary('1', {})), null],
    ['none where nothing is served', serverWith(version('1', 'staging'), version('2', 'requested')), null],
    ['none where there is none', serverWith(), null],
  ])('%s', (_, server, wanted) => {
    expect(chosenOf(server)).toBe(wanted);
  });
});

describe('a canary', () => {
  test.each<[string, string, string]>([
    ['by its name', 'bold-1', '3'],
    ['not by another', 'alice', '2'],
    ['not by a part of it', 'a-bold-1', '2'],
    ['not by nothing', '', '2'],
  ])('is given %s', (_, subject, wanted) => {
    expect(chosenOf(ALL, undefined, { key: 'k', subject })).toBe(wanted);
  });

  const share = (percent: number, server = 'memory') =>
    versionedServer(server, [version('1', 'active'), canary('2', { percent })]);
  const keys = Array.from({ length: 20_000 }, (_, index) => ({ key: `session-${index}`, subject: 'alice' }));
  const led = (server: CatalogServer): readonly boolean[] =>
    keys.map((chooser) => choose(server, chooser)?.version === '2');
  const count = (found: readonly boolean[]): number => found.filter(Boolean).length;

  test.each([0.5, 1, 5, 10, 30, 50, 75, 99])('of %s percent gets about its share of many', (percent) => {
    const wanted = (keys.length * percent) / 100;
    const deviation = Math.sqrt(wanted * (1 - percent / 100));
    // The keys are fixed, so this does not change from run to run; five deviations would be one in two million.
    expect(Math.abs(count(led(share(percent))) - wanted)).toBeLessThan(5 * deviation);
  });

  test('of none has nobody, and of all everybody', () => {
    expect(count(led(share(0)))).toBe(0);
    expect(count(led(share(100)))).toBe(keys.length);
  });

  test('that grows keeps whom it has', () => {
    let before = led(share(0));
    for (const percent of [0.01, 0.07, 1, 2.5, 10, 33.33, 50, 90, 99.99, 100]) {
      const after = led(share(percent));
      expect(before.every((was, index) => !was || after[index])).toBe(true);
      expect(count(after)).toBeGreaterThanOrEqual(count(before));
      before = after;
    }
  });

  test('says nothing of another server’s, nor of the next version’s', () => {
    const one = led(share(50));
    const other = led(share(50, 'files'));
    const next = keys.map(
      (chooser) => choose(serverWith(version('1', 'active'), canary('3', { percent: 50 })), chooser)?.version === '3',
    );
    for (const found of [other, next]) {
      const agree = count(one.map((was, index) => was === found[index]));
      expect(Math.abs(agree - keys.length / 2)).toBeLessThan(5 * Math.sqrt(keys.length / 4));
    }
  });

  test('is chosen by the key alone: the same one has the same version each time', () => {
    expect(led(share(40))).toEqual(led(share(40)));
    const names = keys.slice(0, 100).map(({ key }) => choose(share(40), { key, subject: 'bob' })?.version);
    expect(names).toEqual(keys.slice(0, 100).map((chooser) => choose(share(40), chooser)?.version));
  });
});
