// Decides that what is published reaches the real Envoy: what changes without a listener, what a group is given, what goes.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PublishedEnvoy, startPublishedEnvoy } from '../support/published-envoy.ts';
import { until } from '../support/until.ts';

let envoy: PublishedEnvoy;
let backends: Server[];
beforeAll(async () => {
  backends = ['one', 'two'].map((name) => createServer((_message, response) => response.end(name)));
  await Promise.all(backends.map((each) => new Promise<void>((done) => each.listen(0, '127.0.0.1', done))));
  envoy = await startPublishedEnvoy([], 'edge-1');
});
afterAll(async () => {
  await envoy?.close();
  for (const each of backends) each.close();
});

const urlOf = (index: number): string =>
  `http://127.0.0.1:${(backends[index]!.address() as { port: number }).port}/mcp`;
const version = (name: string, index: number, more: object = {}) => ({
  version: name,
  endpoints: [{ url: urlOf(index) }],
  ...more,
});
const server = (name: string, ...versions: object[]) => ({ kind: 'Server', name, versions });
const surface = (name: string, ...servers: string[]) => ({
  kind: 'Surface',
  name,
  servers: servers.map((each) => ({ server: each })),
});
const clusters = async (): Promise<string[]> =>
  [
    ...new Set(
      (await envoy.admin('/clusters'))
        .split('\n')
        .map((line) => line.split('::')[0]!)
        .filter((name) => name.startsWith('mcp.')),
    ),
  ].sort();
const stat = async (name: string): Promise<string> => (await envoy.admin(`/stats?filter=${name}$`)).trim();

test('allowed origins change, and runtime values, and the listener stays as it was', async () => {
  const status = async (): Promise<number> =>
    (await envoy.ingress('/nowhere', { origin: 'https://console.example' })).status;
  expect(await status()).toBe(403);
  const listeners = await stat('listener_manager.listener_(added|modified|removed)');
  const runtime = (value: number) => ({ kind: 'Runtime', name: 'limits', values: { 'chancery.note': value } });

  await envoy.publish([runtime(7)], { allowedOrigins: ['https://console.example'] });
  await until('the origin is allowed', status, (found) => found === 404);
  await until(
    'the runtime value is there',
    () => envoy.admin('/runtime'),
    (text) => text.includes('"chancery.note"') && text.includes('"7"'),
  );
  expect(await envoy.admin('/runtime')).toContain('ext_proc_graceful_grpc_close');
  await envoy.publish([], {});
  await until('the origin is refused again', status, (found) => found === 403);
  await until(
    'the runtime value is gone',
    () => envoy.admin('/runtime'),
    (text) => !text.includes('"chancery.note"'),
  );
  expect(await stat('listener_manager.listener_(added|modified|removed)')).toBe(listeners);
});

test('each version that is reached is a cluster of its own, staging too; what is gone, goes', async () => {
  await envoy.publish([
    server('pilot', version('1', 0), version('2', 1, { state: 'staging' }), version('3', 1, { state: 'requested' })),
  ]);
  expect(await clusters()).toEqual(['mcp.pilot.1', 'mcp.pilot.2']);
  const body = async (cluster: string) =>
    (
      await until(
        `${cluster} answers`,
        () => envoy.egress(cluster),
        ({ status }) => status === 200,
      )
    ).body;
  expect(await body('mcp.pilot.1')).toBe('one');
  expect(await body('mcp.pilot.2')).toBe('two');

  await envoy.publish([server('pilot', version('1', 0, { state: 'decommissioned' }), version('2', 1))]);
  await until('the cluster is gone', clusters, (found) => found.join() === 'mcp.pilot.2');
  expect(await body('mcp.pilot.2')).toBe('two');
});

test('an Envoy of a group has the servers of its surfaces and no others, from when there is such a group', async () => {
  const documents = [
    server('inner', version('1', 0)),
    server('outer', version('1', 1)),
    surface('default', 'inner', 'outer'),
    surface('public', 'outer'),
  ];
  await envoy.publish(documents);
  await until('all servers are there', clusters, (found) => found.join() === 'mcp.inner.1,mcp.outer.1');
  expect(envoy.node().group).toBe('envoy');

  const group = { kind: 'NodeGroup', name: 'edge', match: { ids: ['edge-*'] }, surfaces: ['public'] };
  await envoy.publish([...documents, group]);
  expect(envoy.node().group).toBe('envoy.edge');
  await until('the other server is gone', clusters, (found) => found.join() === 'mcp.outer.1');
  const known = async (name: string) =>
    (await envoy.ingress(`/.well-known/oauth-protected-resource/mcp/${name}`)).status;
  await until(
    'the other surface is gone',
    () => known(''),
    (status) => status === 404,
  );
  expect(await known('public')).toBe(200);

  await envoy.publish(documents);
  await until('all servers are back', clusters, (found) => found.length === 2);
});

test('a dry run says what Envoys and services would be given, and leaves them as they are', async () => {
  const before = [server('kept', version('1', 0)), surface('default', 'kept')];
  await envoy.publish(before);
  const after = envoy.snapshot([server('kept', version('1', 1)), server('new', version('1', 0)), ...before.slice(1)]);
  const found = envoy.publisher
    .preview(after)
    .map(({ group, type, name, change }) => `${group} ${type} ${name} ${change}`);
  expect(found.sort()).toEqual([
    'envoy CDS mcp.new.1 added',
    'envoy EDS mcp.kept.1 changed',
    'envoy EDS mcp.new.1 added',
    'ext-authz revision current changed',
    'ext-authz server new added',
    'ext-proc revision current changed',
    'ext-proc server new added',
  ]);
  expect(envoy.publisher.problemsOf(after)).toEqual([]);
  await until('what went before is gone', clusters, (names) => names.join() === 'mcp.kept.1');
});
