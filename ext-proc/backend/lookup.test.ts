import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChanceryError } from '../../core/errors.ts';
import { stateOf, TOKEN_ID, unreachable, versionOf, type World, worldOf } from '../../test/support/ext-proc-world.ts';
import { backendSession, knownSession, openInto } from './lookup.ts';

const MEMORY = versionOf('memory', []);
let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

describe('what is known without asking', () => {
  test('is what the token carries', () => {
    expect(knownSession(world.gateway, stateOf(), MEMORY)).toBe('memory-session');
  });
  test('is what replaced it', async () => {
    await world.gateway.side.open(TOKEN_ID, MEMORY.cluster, async () => 'newer');
    expect(knownSession(world.gateway, stateOf(), MEMORY)).toBe('newer');
  });
  test('is not what replaced it in another session', async () => {
    await world.gateway.side.open('other', MEMORY.cluster, async () => 'newer');
    expect(knownSession(world.gateway, stateOf(), MEMORY)).toBe('memory-session');
  });
  test('is that a backend has no session id', () => {
    expect(
      knownSession(world.gateway, stateOf({ backends: [{ server: 'memory', version: '1', sessionId: '' }] }), MEMORY),
    ).toBe('');
  });
  test('is nothing of another version of the server, sealed or replaced, or of a server that was not there', async () => {
    await world.gateway.side.open(TOKEN_ID, MEMORY.cluster, async () => 'newer');
    expect(knownSession(world.gateway, stateOf(), versionOf('memory', [], { version: '2' }))).toBeNull();
    world.gateway.side.drop(TOKEN_ID, MEMORY.cluster);
    expect(knownSession(world.gateway, stateOf({ backends: [] }), MEMORY)).toBeNull();
  });
});

describe('a session that is not there', () => {
  const bare = stateOf({ backends: [] });

  test('is opened once for all who ask at the same time, and remembered', async () => {
    const asked = Array.from({ length: 10 }, () => backendSession(world.gateway, bare, MEMORY));
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['mcp.memory.1#1']));
    expect(world.sent.filter(({ body }) => body?.includes('"initialize"'))).toHaveLength(1);
    expect(knownSession(world.gateway, bare, MEMORY)).toBe('mcp.memory.1#1');
  });

  test('that cannot be opened is an error that names the server only, and is tried again by the next call', async () => {
    const good = world.backend;
    world.backend = () => unreachable;
    const failure = await Promise.resolve(backendSession(world.gateway, bare, MEMORY)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ChanceryError);
    expect(failure).toMatchObject({ code: 'backend_unavailable', detail: 'memory', reason: 'status: HTTP 503' });
    world.backend = good;
    expect(await backendSession(world.gateway, bare, MEMORY)).toBe('mcp.memory.1#1');
  });

  test('takes the place of a dead one, and only of that one', async () => {
    expect(await openInto(world.gateway, stateOf(), MEMORY, 'memory-session', 'a:1')).toBe('mcp.memory.1#1');
    expect(world.sent[0]?.replica).toBe('a:1');
    // Somebody who saw the same one die takes what replaced it.
    expect(await openInto(world.gateway, stateOf(), MEMORY, 'memory-session', 'a:1')).toBe('mcp.memory.1#1');
    expect(await openInto(world.gateway, stateOf(), MEMORY, 'mcp.memory.1#1', 'a:1')).toBe('mcp.memory.1#2');
  });
});
