import { expect, test } from 'vitest';
import type { Catalog, CatalogRevocation } from '../core/catalog/catalog.ts';
import { ANONYMOUS } from '../core/identity/verify.ts';
import { LIMITS } from '../core/limits.ts';
import type { Principal } from '../core/policy/types.ts';
import { catalogOf, NOW_MS, principalOf } from '../test/support/catalog-world.ts';
import { createLiveTable } from './live.ts';

const issuer = { name: 'corp', issuer: principalOf('x').issuer, algorithms: [], jwks: { keys: [] } };
const of = (revocations: readonly CatalogRevocation[] = [], issuers = [issuer]): Catalog =>
  catalogOf({ issuers, revocations });
const revoked = (subject: string): CatalogRevocation => ({ name: subject, subject, untilMs: NOW_MS + 1 });
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function opened(first: Catalog | null) {
  const state = { catalog: first, ended: [] as string[] };
  const table = createLiveTable({ now: () => NOW_MS, catalog: () => state.catalog });
  const watch = (principal: Principal, surface = 'default') =>
    table.watch({ principal, apiKey: null, surface: { name: surface } }, () => state.ended.push(principal.subject));
  return { state, table, watch };
}

test('who was revoked is cut off once, and nobody else', async () => {
  const { state, table, watch } = opened(of());
  watch(principalOf('alice'));
  watch(principalOf('bob'));
  state.catalog = of([revoked('alice')]);
  table.changed();
  table.changed();
  await nextTurn();
  expect([state.ended, table.size]).toEqual([['alice'], 1]);
});

test('who left before is not told', async () => {
  const { state, table, watch } = opened(of());
  const forget = watch(principalOf('alice'));
  state.catalog = of([revoked('alice')]);
  table.changed();
  forget();
  await nextTurn();
  expect([state.ended, table.size]).toEqual([[], 0]);
});

test('an issuer that is gone takes all its people with it', async () => {
  const { state, table, watch } = opened(of());
  watch(principalOf('alice'));
  state.catalog = of([], []);
  table.changed();
  await nextTurn();
  expect(state.ended).toEqual(['alice']);
});

test('nobody in particular stays while the surface is open to everybody', async () => {
  const { state, table, watch } = opened(of());
  watch(ANONYMOUS);
  table.changed();
  await nextTurn();
  expect(state.ended).toEqual(['anonymous']);
});

test('without a catalog, and on a surface that is gone, nobody is cut off', async () => {
  const { state, table, watch } = opened(null);
  watch(principalOf('alice'));
  watch(principalOf('bob'), 'gone');
  table.changed();
  await nextTurn();
  expect(state.ended).toEqual([]);
});

test('many are asked some at a time', async () => {
  const { state, table, watch } = opened(of([revoked('alice')]));
  for (let count = 0; count < LIMITS.streamsBatchMax + 1; count += 1) watch(principalOf('alice'));
  table.changed();
  await nextTurn();
  expect(state.ended).toHaveLength(LIMITS.streamsBatchMax);
  await nextTurn();
  expect(state.ended).toHaveLength(LIMITS.streamsBatchMax + 1);
});
