import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Deprecation } from '../../core/catalog/catalog.ts';
import { govern } from '../../core/catalog/govern.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallRequest } from '../../core/mcp/egress-call.ts';
import {
  catalogOf,
  messageOf,
  readAs,
  request,
  serverOf,
  sessionCallOf,
  stateOf,
  unreachable,
  versionedServer,
  versionOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { relay } from './relay.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

function relayed(value: object | string, over: Partial<ReturnType<typeof stateOf>> = {}): Outcome | Promise<Outcome> {
  const call = sessionCallOf(world, messageOf(value), over);
  const verdict = govern(call.message, call);
  if (verdict.kind !== 'call') throw new Error(JSON.stringify(verdict));
  return relay(call, verdict);
}
const relayOf = async (outcome: Outcome | Promise<Outcome>) => {
  const settled = await outcome;
  if (settled.kind !== 'relay') throw new Error(JSON.stringify(settled));
  return {
    ...settled.relay,
    set: Object.fromEntries(settled.relay.setHeaders),
    text: Buffer.concat(settled.relay.body).toString(),
  };
};
const CALL = request('tools/call', { name: 'memory__read_graph', arguments: { a: 1 } });

test('a call of a client that its backend may ask is made here, under the backend’s own name, in its session', () => {
  const opened: CallRequest[] = [];
  Object.assign(world.gateway, {
    calls: { open: (asked: CallRequest) => (opened.push(asked), { close() {}, pause() {}, resume() {} }), close() {} },
  });
  const outcome = relayed(CALL, { clientCapabilities: { sampling: {} } });
  if (outcome instanceof Promise || outcome.kind !== 'pending') throw new Error('it is not pending');
  const settled: Outcome[] = [];
  outcome.start((each) => void settled.push(each));
  expect(opened).toMatchObject([
    {
      cluster: 'mcp.memory.1',
      path: '/mcp',
      method: 'POST',
      sessionId: 'memory-session',
      protocolVersion: '2025-11-25',
    },
  ]);
  expect(JSON.parse(String(opened[0]?.body))).toEqual({ ...CALL, params: { name: 'read_graph', arguments: { a: 1 } } });
  opened[0]?.onOpen({ status: 200, contentType: 'application/json', sessionId: 'another' });
  opened[0]?.onEvent({ data: '{"jsonrpc":"2.0","id":1,"result":{}}' });
  opened[0]?.onEnd('ended');
  expect(settled).toMatchObject([{ kind: 'immediate', answer: { status: 200 } }]);
  expect(JSON.stringify(settled)).not.toContain('session');
  expect(world.gateway.underway.size).toBe(0);
});

test('a request of a backend whose id cannot be mapped is answered here, so that it does not wait', async () => {
  const opened: CallRequest[] = [];
  Object.assign(world.gateway, {
    calls: { open: (asked: CallRequest) => (opened.push(asked), { close() {}, pause() {}, resume() {} }), close() {} },
  });
  const outcome = relayed(CALL, { clientCapabilities: { sampling: {} } });
  if (outcome instanceof Promise || outcome.kind !== 'pending') throw new Error('it is not pending');
  outcome.start(() => {});
  opened[0]?.onOpen({ status: 200, contentType: 'text/event-stream', sessionId: '' });
  const id = `"${'x'.repeat(LIMITS.backendIdBytesMax)}"`;
  opened[0]?.onEvent({ data: `{"jsonrpc":"2.0","id":${id},"method":"ping"}` });
  expect(world.sent).toMatchObject([{ cluster: 'mcp.memory.1', sessionId: 'memory-session' }]);
  expect(JSON.parse(world.sent[0]?.body ?? '')).toMatchObject({ id: JSON.parse(id), error: { code: -32600 } });
});

test('a call goes to its backend under the backend’s own name, in the backend’s own session', async () => {
  const outcome = relayed(CALL);
  expect(outcome, 'at once: nobody has to be asked').not.toBeInstanceOf(Promise);
  const { set, removeHeaders, text, metadata } = await relayOf(outcome);
  expect(set).toEqual({
    'x-chancery-cluster': 'mcp.memory.1',
    ':path': '/mcp',
    'mcp-protocol-version': '2025-11-25',
    'content-type': 'application/json',
    'mcp-session-id': 'memory-session',
  });
  expect(removeHeaders).toEqual(['mcp-method', 'mcp-name']);
  expect(JSON.parse(text)).toEqual({ ...CALL, params: { name: 'read_graph', arguments: { a: 1 } } });
  const values = Object.fromEntries(metadata.values);
  expect(metadata.namespace).toBe('chancery');
  expect(values).toMatchObject({ id: '1', server: 'memory', tool: 'read_graph', decision: 'd1' });
});

test('every other byte is as the client wrote it', async () => {
  const text =
    '{"jsonrpc":"2.0" ,\n"id":9007199254740993,"method":"tools/call","params":{"arguments":{"n":1e40,"é":"\\u00e9"},"name":"memory__read_graph","_meta":{"x":1}}}';
  const { text: sent, metadata } = await relayOf(relayed(text));
  expect(sent).toBe(text.replace('memory__read_graph', 'read_graph'));
  const [token, server, idPart, ...rest] = String(Object.fromEntries(metadata.values)['repair']).split(' ');
  expect(world.gateway.sessions().open(token ?? '')).toMatchObject({ ok: true });
  expect({ server, rest, id: Buffer.from(idPart ?? '', 'base64url').toString() }).toEqual({
    server: 'memory/1',
    rest: [],
    id: '9007199254740993',
  });
});

test('a resource keeps its URI, and its message is not copied', async () => {
  const message = messageOf(request('resources/read', { uri: 'file:///a.txt' }));
  const call = sessionCallOf(world, message);
  const verdict = govern(message, call);
  if (verdict.kind !== 'call') throw new Error(verdict.kind);
  const { body, set } = await relayOf(relay(call, verdict));
  expect(body).toEqual([message.bytes]);
  expect(body[0]).toBe(message.bytes);
  expect(set['mcp-session-id']).toBe('files-session');
});

test('a backend that keeps no sessions is not given ours', async () => {
  const { set, removeHeaders } = await relayOf(
    relayed(CALL, { backends: [{ server: 'memory', version: '1', sessionId: '' }] }),
  );
  expect(set).not.toHaveProperty('mcp-session-id');
  expect(removeHeaders).toContain('mcp-session-id');
});

test('a backend that has no newer version is spoken to in its own', async () => {
  const old = readAs('memory', ['read_graph'], { protocolVersion: '2025-06-18' });
  world.catalog = catalogOf({ servers: [old, serverOf('files', [])] });
  expect((await relayOf(relayed(CALL))).set['mcp-protocol-version']).toBe('2025-06-18');
});

describe('a call to a deprecated version', () => {
  const values = async (deprecation: Deprecation) => {
    world.catalog = catalogOf({
      servers: [serverOf('memory', ['read_graph'], { state: 'deprecated', deprecation }), serverOf('files', [])],
    });
    return Object.fromEntries((await relayOf(relayed(CALL))).metadata.values);
  };
  test('goes on, and carries what its answer will say', async () => {
    expect(await values({ sinceMs: 1_688_169_599_999, sunsetMs: Date.UTC(2099, 0, 31) })).toMatchObject({
      deprecation: '@1688169599',
      sunset: 'Sat, 31 Jan 2099 00:00:00 GMT',
    });
  });
  test('does not say when it will be gone, where nobody knows', async () => {
    const found = await values({ sinceMs: 0 });
    expect(found).toMatchObject({ deprecation: '@0' });
    expect(found).not.toHaveProperty('sunset');
  });
  test('alone does: another one says nothing', async () => {
    expect(Object.keys(Object.fromEntries((await relayOf(relayed(CALL))).metadata.values))).not.toContain(
      'deprecation',
    );
  });
});

test('a session goes to the version that it was opened on, another to its own', async () => {
  const versions = [
    versionOf('memory', ['read_graph'], { state: 'deprecated', deprecation: { sinceMs: 1 } }),
    versionOf('memory', ['read_graph'], { version: '2', path: '/v2/mcp' }),
  ];
  world.catalog = catalogOf({ servers: [versionedServer('memory', versions), serverOf('files', [])] });
  expect((await relayOf(relayed(CALL))).set).toMatchObject({
    'x-chancery-cluster': 'mcp.memory.1',
    'mcp-session-id': 'memory-session',
  });
  const { set, metadata } = await relayOf(
    relayed(CALL, { backends: [{ server: 'memory', version: '2', sessionId: 'second' }] }),
  );
  expect(set).toMatchObject({ 'x-chancery-cluster': 'mcp.memory.2', ':path': '/v2/mcp', 'mcp-session-id': 'second' });
  expect(Object.fromEntries(metadata.values).repair).toContain(' memory/2 ');
});

test('a call waits for its session’s own stream when that was asked for before', async () => {
  let begun = (): void => {};
  const asked: unknown[] = [];
  world.gateway.streams.opening = (...of) => {
    asked.push(of);
    return new Promise((resolve) => {
      begun = resolve;
    });
  };
  const outcome = relayed(CALL);
  expect(outcome).toBeInstanceOf(Promise);
  expect(asked).toEqual([[stateOf().tokenId, 'mcp.memory.1']]);
  begun();
  expect(await outcome).toMatchObject({ kind: 'relay' });
});

describe('a backend without a session', () => {
  test('gets one first', async () => {
    const { set } = await relayOf(relayed(CALL, { backends: [] }));
    expect(set['mcp-session-id']).toBe('mcp.memory.1#1');
  });

  test('that cannot be reached is named, and no more is said', async () => {
    world.backend = () => unreachable;
    const outcome = await relayed(CALL, { backends: [] });
    if (outcome.kind !== 'immediate') throw new Error(outcome.kind);
    expect(outcome.answer.status).toBe(503);
    expect(JSON.parse(String(outcome.answer.body))).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32000, message: 'the server behind this tool cannot be reached: memory' },
    });
  });
});

test('no token of a session is logged', async () => {
  await relayOf(relayed(CALL));
  expect(JSON.stringify(world.logged)).not.toContain('chs1.');
  expect(JSON.stringify(world.logged)).not.toContain('memory-session');
});
