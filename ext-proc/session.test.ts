import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { callerOf, NOW_MS, TOKEN_ID, type World, worldOf } from '../test/support/ext-proc-world.ts';
import { openSession } from './session.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

test('a session of this caller on this surface is opened', () => {
  expect(openSession(callerOf(world, { sessionToken: world.token() }))).toMatchObject({
    ok: true,
    session: { tokenId: TOKEN_ID, subject: 'alice' },
  });
});

test('none is asked for', () => {
  expect(openSession(callerOf(world))).toEqual({ ok: false, code: 'session_required' });
});

describe('every other one is not found, and only the log says why', () => {
  const altered = (token: string): string => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
  test.each<[string, () => ReturnType<typeof callerOf>, string | RegExp]>([
    ['a word', () => callerOf(world, { sessionToken: 'hello' }), 'malformed'],
    [
      'two tokens in one header',
      () => callerOf(world, { sessionToken: `${world.token()}, ${world.token()}` }),
      'malformed',
    ],
    ['one that was altered', () => callerOf(world, { sessionToken: altered(world.token()) }), /forged|malformed/],
    ['one that expired', () => callerOf(world, { sessionToken: world.token({ expiresAtMs: NOW_MS }) }), 'expired'],
    [
      'one of another surface',
      () => callerOf(world, { sessionToken: world.token({ surface: 'one' }) }),
      'wrong_surface',
    ],
    [
      'one of another principal',
      () => callerOf(world, { sessionToken: world.token(), subject: 'bob' }),
      'wrong_principal',
    ],
    [
      'one of the same subject of another issuer',
      () => callerOf(world, { sessionToken: world.token({ issuer: 'http://other' }) }),
      'wrong_principal',
    ],
    [
      'one that was ended',
      () => {
        world.gateway.tombstones.add(TOKEN_ID, NOW_MS + 1);
        return callerOf(world, { sessionToken: world.token() });
      },
      'ended',
    ],
  ])('%s', (_, caller, reason) => {
    expect(openSession(caller())).toMatchObject({ ok: false, code: 'session_unknown' });
    expect(String(world.logged.at(-1)?.['reason'])).toMatch(reason);
    expect(JSON.stringify(world.logged)).not.toContain(world.token().slice(0, 40));
  });
});
