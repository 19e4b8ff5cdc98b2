import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLegacy, connectModern, openSession, raw, request, texts } from '../support/clients.ts';
import { TOOLS } from './build.ts';
import { type FixtureServer, startFixtureServer } from './serve.ts';

let server: FixtureServer;
beforeAll(async () => {
  server = await startFixtureServer();
});
afterAll(() => server.close());

const NAMES = TOOLS.map(({ name }) => name);

test('one URL serves the legacy era', async () => {
  const { client, transport } = await connectLegacy(server.url, '');
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(NAMES);
  expect(texts(await client.callTool({ name: 'test_simple_text', arguments: {} }))).toContain('simple text');
  await transport.close();
});

test('and the modern one', async () => {
  const { client, transport, seen } = await connectModern(server.url, '', 'auto');
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(NAMES);
  expect(seen.responses.some(({ headers }) => headers.has('mcp-session-id'))).toBe(false);
  await transport.close();
});

test('a list that changes is another one in both eras, and the session of the legacy one is told', async () => {
  const { client, transport } = await connectLegacy(server.url, '');
  const told = new Promise((resolve) => {
    client.setNotificationHandler(ToolListChangedNotificationSchema, resolve);
  });
  const modern = await connectModern(server.url, '', 'auto');
  await modern.client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
  await told;
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([...NAMES, 'test_coming_and_going']);
  await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(NAMES);
  await Promise.all([transport.close(), modern.transport.close()]);
});

test('a session that was deleted is unknown, and a foreign host is refused', async () => {
  const session = await openSession(server.url);
  expect((await raw(server.url, { method: 'DELETE', session })).status).toBe(200);
  expect((await raw(server.url, { session, body: request(1, 'ping') })).status).toBe(404);
  const headers = { origin: 'http://evil.example.com' };
  expect((await raw(server.url, { headers, body: request(1, 'ping') })).status).toBe(403);
});

test('it listens on a Unix socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chy-fixture-'));
  const socketPath = join(folder, 'f.sock');
  const other = await startFixtureServer(socketPath);
  expect(other).toMatchObject({ url: '', endpoint: `unix:${socketPath}:/mcp` });
  const status = await new Promise((resolve, reject) => {
    const sent = httpRequest({ socketPath, path: '/mcp', method: 'DELETE', headers: { host: 'localhost' } });
    sent.once('error', reject).once('response', (response) => resolve(response.resume().statusCode));
    sent.end();
  });
  // Without a session there is nothing to delete.
  expect(status).toBe(400);
  await other.close();
  rmSync(folder, { recursive: true });
});
