import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import {
  callerOf,
  catalogOf,
  messageOf,
  NOW_MS,
  sessionCallOf,
  stateOf,
  surfaceOf,
  TOKEN_ID,
  unreachable,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { cancel, endSession, rootsChanged } from './ending.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a session that is ended is gone here at once, for the control plane, and at each backend', async () => {
  await world.gateway.side.open(TOKEN_ID, 'mcp.memory.1', async () => 'newer');
  const outcome = endSession(callerOf(world, { want: 'end' }), stateOf());
  expect(outcome).toMatchObject({ kind: 'immediate', answer: { status: 200, body: '' } });
  expect(world.gateway.tombstones.has(TOKEN_ID)).toBe(true);
  expect(world.reported).toEqual([{ tokenId: TOKEN_ID, expiresAtMs: NOW_MS + 3_600_000 }]);
  expect(world.sent.map(({ cluster, method, sessionId }) => ({ cluster, method, sessionId }))).toEqual([
    { cluster: 'mcp.memory.1', method: 'DELETE', sessionId: 'newer' },
    { cluster: 'mcp.files.1', method: 'DELETE', sessionId: 'files-session' },
  ]);
  await settled();
  expect(world.gateway.side.size).toBe(0);
});

test('its stream is ended', () => {
  let ended = 0;
  world.gateway.streams.open({
    tokenId: TOKEN_ID,
    expiresAtMs: NOW_MS + 1,
    digest: () => ({}),
    sink: { write: () => {}, end: () => void ended++, pendingBytes: () => 0 },
  });
  endSession(callerOf(world, { want: 'end' }), stateOf());
  expect(ended).toBe(1);
  expect(world.gateway.streams.size).toBe(0);
});

test('backends that are away do not keep it', async () => {
  world.backend = () => unreachable;
  expect(endSession(callerOf(world, { want: 'end' }), stateOf())).toMatchObject({
    kind: 'immediate',
    answer: { status: 200 },
  });
  await settled();
  expect(world.gateway.tombstones.has(TOKEN_ID)).toBe(true);
});

test('only backends with a session of this client’s, on this surface, are told', () => {
  world.catalog = catalogOf({ surfaces: [surfaceOf('default', ['memory', 'gone'])] });
  endSession(
    callerOf(world, { want: 'end' }),
    stateOf({ backends: [{ server: 'memory', version: '1', sessionId: '' }] }),
  );
  expect(world.sent).toEqual([]);
});

test('a cancellation goes to each backend as it came, and is not waited for', () => {
  const text = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9007199254740993}}';
  expect(cancel(sessionCallOf(world, messageOf(text)))).toMatchObject({ kind: 'immediate', answer: { status: 202 } });
  expect(world.sent.map(({ cluster, method, sessionId, body }) => [cluster, method, sessionId, body])).toEqual([
    ['mcp.memory.1', 'POST', 'memory-session', text],
    ['mcp.files.1', 'POST', 'files-session', text],
  ]);
  expect(world.gateway.side.size).toBe(0);
});

test('a cancellation of a call whose answer is composed here goes to the backend that has it, by the type of its id', async () => {
  const cancelled = (idText: string) =>
    cancel(
      sessionCallOf(
        world,
        messageOf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${idText}}}`),
      ),
    );
  const { promise: given, resolve: cancelledHere } = Promise.withResolvers<void>();
  const under = { tokenId: TOKEN_ID, idText: '7', cluster: 'mcp.files.1', cancelled: cancelledHere };
  world.gateway.underway.add(under);
  cancelled('7');
  expect(world.sent.map(({ cluster }) => cluster)).toEqual(['mcp.files.1']);
  await given;
  cancelled('"7"');
  expect(world.sent).toHaveLength(3);
  world.gateway.underway.remove({ ...under });
  expect(world.gateway.underway.size, 'a later call with the same id').toBe(1);
  world.gateway.underway.remove(under);
  cancelled('7');
  expect(world.sent).toHaveLength(5);
});

test('changed roots are told to each backend, if the client has any', () => {
  const text = '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}';
  expect(rootsChanged(sessionCallOf(world, messageOf(text)))).toMatchObject({ answer: { status: 202 } });
  expect(world.sent).toEqual([]);
  rootsChanged(sessionCallOf(world, messageOf(text), { clientCapabilities: { roots: {} } }));
  expect(world.sent.map(({ cluster, body }) => [cluster, body])).toEqual([
    ['mcp.memory.1', text],
    ['mcp.files.1', text],
  ]);
});

test('a cancellation of megabytes is passed on to nobody', () => {
  const params = { requestId: 1, reason: 'x'.repeat(LIMITS.cancelBytesMax) };
  const message = messageOf({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
  expect(cancel(sessionCallOf(world, message))).toMatchObject({ answer: { status: 202 } });
  expect(world.sent).toEqual([]);
});
