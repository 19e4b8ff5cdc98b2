// Decides that an operator sees each server as it is: what it shows to whom, that it cannot be read, and what it changed, through the real Envoy.
import { connect, createServer, type Server } from 'node:net';
import type { RegisteredTool } from '@modelcontextprotocol/sdk/server/mcp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, raw, request, rpc } from '../support/clients.ts';
import { ALLOW_ALL, declare, put, served } from '../support/federation.ts';
import { startRawServer } from '../support/raw-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let server: TestServer | undefined;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await server?.close();
  await stack?.stop();
  stack?.remove();
});

interface Version {
  readonly discovered: boolean;
  readonly tools: number;
  readonly protocolVersions: readonly string[];
  readonly refusesDisagreement?: boolean;
  readonly hash?: string;
  readonly readAt?: string;
  readonly error?: string;
  readonly errorAt?: string;
  readonly health?: readonly { readonly address: string; readonly healthy: boolean }[];
}

async function versionOf(name: string): Promise<Version> {
  const body = (await (await stack.api('GET', `/v1/servers/${name}`)).json()) as { status: { versions: Version[] } };
  return body.status.versions[0]!;
}

test('server-everything is read with and without capabilities, and what it speaks is found out', async () => {
  const found = await until(
    'its facts are known',
    () => versionOf('everything'),
    ({ refusesDisagreement }) => refusesDisagreement !== undefined,
  );
  // For a client that can do everything; a client of the gateway is given what one without capabilities is.
  expect(found).toMatchObject({ discovered: true, tools: 19 });
  expect(found.protocolVersions).toContain('2025-11-25');
  expect(found.hash).toMatch(/./);
  expect(Date.parse(found.readAt ?? '')).toBeGreaterThan(0);
  expect(found.health?.map(({ healthy }) => healthy)).toEqual([true, true]);
  const token = await stack.token();
  const session = await openSession(stack.mcp(), token);
  const list = await rpc(await raw(stack.mcp(), { token, session, body: request(1, 'tools/list') }));
  const names = ((list.result?.tools ?? []) as { name: string }[]).map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('everything__'))).toHaveLength(13);
});

test('a server that cannot be read stays visible with its error, is read when it can be, and again when it says that its tools changed', async () => {
  // A port on which nobody listens any more.
  const gone = await startTestServer('late');
  await gone.close();
  const put = await stack.api('PUT', '/v1/servers/late', {
    versions: [{ version: '1', endpoints: [{ url: gone.url }] }],
  });
  expect(put.status).toBe(201);
  const unread = await until(
    'why it cannot be read',
    () => versionOf('late'),
    ({ error, health }) => error !== undefined && health?.[0]?.healthy === false,
  );
  expect(unread).toMatchObject({ discovered: false, tools: 0 });
  expect(Date.parse(unread.errorAt ?? '')).toBeGreaterThan(0);
  expect((await stack.cli('get', 'servers')).stdout).toMatch(/^late +1 +active +- +.*unread|^late +1 +active +- /m);

  const greets: RegisteredTool[] = [];
  let added = false;
  server = await startTestServer('late', Number(new URL(gone.url).port), (mcp) => {
    greets.push(mcp.registerTool('more', { description: 'Is not there at first.' }, () => ({ content: [] })));
    if (!added) greets.at(-1)?.disable();
  });
  const read = await until(
    'it is read',
    () => versionOf('late'),
    ({ discovered, error }) => discovered && error === undefined,
    40_000,
  );
  expect(read.tools).toBe(1);

  // Who listens is told of the change, and it is read again long before its turn.
  added = true;
  const changed = await until(
    'the new tool is known',
    async () => {
      for (const tool of greets) tool.enable();
      return versionOf('late');
    },
    ({ tools }) => tools === 2,
    40_000,
  );
  expect(changed.hash).not.toBe(read.hash);

  await server.close();
  server = undefined;
  const kept = await until(
    'the health of its replica',
    () => versionOf('late'),
    ({ health }) => health?.[0]?.healthy === false,
    20_000,
  );
  // What was read of it stays.
  expect(kept).toMatchObject({ discovered: true, tools: 2 });
});

test('a name is resolved by Envoy, and of two replicas the one of greater weight has more of the sessions', async () => {
  const [light, heavy] = await Promise.all([startTestServer('light'), startTestServer('heavy')]);
  const port = Number(new URL(light.url).port);
  const sixth = await alsoOnIpv6(port);
  try {
    const named = `http://localhost:${port}/mcp`;
    const put = await stack.api('PUT', '/v1/servers/named', {
      versions: [{ version: '1', endpoints: [{ url: named }] }],
    });
    expect(put.status, await put.text()).toBe(201);
    await until(
      'it is read by its name',
      () => versionOf('named'),
      ({ tools }) => tools === 1,
    );
    expect(light.requests.length).toBeGreaterThan(0);

    const endpoints = [
      { url: light.url, weight: 1 },
      { url: heavy.url, weight: 4 },
    ];
    await stack.api('PUT', '/v1/servers/weighed', { versions: [{ version: '1', endpoints }] });
    await until(
      'both are read',
      () => versionOf('weighed'),
      ({ tools }) => tools === 1,
    );
    await stack.api('PUT', '/v1/surfaces/weighed', { servers: [{ server: 'weighed' }] });
    const token = await stack.token('weighed');
    await until(
      'the surface is served',
      async () => (await raw(stack.mcp('weighed'), { token, body: request(1, 'ping') })).status,
      (status) => status === 400,
    );
    const opened = (server: TestServer): number =>
      server.requests.filter(({ body }) => body.includes('"method":"initialize"') && body.includes('chancery-test'))
        .length;
    for (let count = 0; count < 50; count++) await openSession(stack.mcp('weighed'), token);
    expect(opened(light) + opened(heavy)).toBe(50);
    // Envoy counts by worker, of which there is one here: four of five, but for the first few.
    expect(opened(heavy)).toBeGreaterThan(35);
    expect(opened(light)).toBeGreaterThan(5);
  } finally {
    sixth.close();
    await Promise.all([light.close(), heavy.close()]);
  }
});

/** `localhost` has two addresses, of which Envoy may take either. On a machine without IPv6 there is one. */
function alsoOnIpv6(port: number): Promise<Server> {
  const server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    const end = (): void => {
      socket.destroy();
      onward.destroy();
    };
    socket.on('error', end).on('close', end).pipe(onward);
    onward.on('error', end).on('close', end).pipe(socket);
  });
  return new Promise((resolve) => {
    server.once('error', () => resolve(server)).listen(port, '::1', () => resolve(server));
  });
}

test('what a server of both eras declares in the later one alone is told to clients of that one', async () => {
  const MODERN = '2026-07-28';
  const extensions = { 'io.modelcontextprotocol/tasks': {} };
  const dual = await startRawServer('dual', {
    answers: {
      'tools/list': '{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}',
      'server/discover': JSON.stringify({ supportedVersions: [MODERN], capabilities: { tools: {}, extensions } }),
    },
  });
  try {
    await put(stack, '/v1/policies/dual', { ...ALLOW_ALL, surfaces: ['dual'] });
    await declare(stack, { dual: dual.url });
    await put(stack, '/v1/surfaces/dual', { servers: [{ server: 'dual' }] });
    await served(stack, 'dual', 't');
    const token = await stack.token('dual');
    const meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
    };
    const discover = async (): Promise<object | undefined> => {
      const headers = { 'mcp-protocol-version': MODERN, 'mcp-method': 'server/discover' };
      const body = request(1, 'server/discover', { _meta: meta });
      const { result } = await rpc(await raw(stack.mcp('dual'), { token, headers, body }));
      return result?.capabilities as object | undefined;
    };
    const capabilities = await until('it is probed', discover, (found) => found !== undefined && 'extensions' in found);
    expect(capabilities).toMatchObject({ tools: { listChanged: true }, extensions });
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
    const legacy = await rpc(await raw(stack.mcp('dual'), { token, body: request(1, 'initialize', params) }));
    expect(Object.keys((legacy.result?.capabilities ?? {}) as object)).toEqual(['tools']);
  } finally {
    await dual.close();
  }
});
