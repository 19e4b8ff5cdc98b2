import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { askerOf, principalOf, type World, worldOf } from '../../test/support/ext-proc-world.ts';
import { askedFor, type BridgedState, openBridged, ownerText, sealBridged } from './bridged-state.ts';
import { createSubscriptions } from './subscriptions.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

const STATE: BridgedState = { kind: 'parked', instance: 'i', id: '7' };
const ASKED = askedFor('tools/call', 'memory__read_graph');
const of = (surface = 'default', subject = 'alice', issuer?: string) =>
  askerOf(world.catalog!, surface, principalOf(subject, issuer === undefined ? {} : { issuer }));
const sealed = (state: BridgedState = STATE): string => sealBridged(world.gateway, of(), ASKED, state);

describe('a state', () => {
  test('opens to its owner with the same request', () => {
    expect(openBridged(world.gateway, of(), ASKED, sealed())).toEqual({ ok: true, state: STATE });
    expect(openBridged(world.gateway, of(), ASKED, sealed({ kind: 'before' }))).toEqual({
      ok: true,
      state: { kind: 'before' },
    });
  });
  test.each<[string, () => ReturnType<typeof openBridged>]>([
    ['another principal', () => openBridged(world.gateway, of('default', 'bob'), ASKED, sealed())],
    ['the same name of another issuer', () => openBridged(world.gateway, of('default', 'alice', 'x'), ASKED, sealed())],
    ['another surface', () => openBridged(world.gateway, of('one'), ASKED, sealed())],
    ['another target', () => openBridged(world.gateway, of(), askedFor('tools/call', 'other'), sealed())],
    ['another method', () => openBridged(world.gateway, of(), askedFor('prompts/get', 'memory__read_graph'), sealed())],
    ['an altered text', () => openBridged(world.gateway, of(), ASKED, `${sealed().slice(0, -2)}AA`)],
    ['no text', () => openBridged(world.gateway, of(), ASKED, '')],
    [
      'a state of a server’s own',
      () => {
        const { surface, principal } = of();
        const owner = { surface: surface.name, issuer: principal.issuer, subject: principal.subject };
        const text = world.gateway.handles().seal('state', owner, ['server', 'memory', '1', '"s"'], world.nowMs + 1);
        return openBridged(world.gateway, of(), ASKED, text);
      },
    ],
  ])('is refused to %s, in one way', (_, open) => {
    expect(open()).toMatchObject({ ok: false, code: 'invalid_state' });
  });
  test('tells its owner that its time is over', () => {
    const text = sealed();
    world.nowMs += LIMITS.parkedCallMs;
    expect(openBridged(world.gateway, of(), ASKED, text)).toMatchObject({ ok: false, code: 'state_gone' });
  });
});

test('no two owners read alike', () => {
  expect(ownerText(of('default', 'a","b'))).not.toBe(ownerText(of('default', 'b')));
});

test('subscriptions are a session’s own, bounded, and told to who watches', () => {
  const subscriptions = createSubscriptions(10, 2);
  let told = 0;
  const end = subscriptions.watch('s', 'b', () => {
    told++;
  });
  expect(['x', 'y', 'x', 'z'].map((uri) => subscriptions.add('s', 'b', uri))).toEqual([true, true, true, false]);
  expect(subscriptions.of('s', 'b')).toEqual(['x', 'y']);
  expect([subscriptions.of('t', 'b'), subscriptions.of('s', 'c')]).toEqual([[], []]);
  subscriptions.remove('s', 'b', 'x');
  subscriptions.remove('s', 'b', 'none');
  expect([subscriptions.of('s', 'b'), told]).toEqual([['y'], 3]);
  end();
  subscriptions.remove('s', 'b', 'y');
  expect(told).toBe(3);
});
