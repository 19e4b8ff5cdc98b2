import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { envoyForTests } from '../test/support/envoy.ts';
import { until } from '../test/support/until.ts';
import { createHealth } from './health.ts';

const folder = mkdtempSync(join(tmpdir(), 'chy-health-'));
const adminSocket = join(folder, 'admin.sock');
const asked: string[] = [];
let answer: http.RequestListener;
const admin = http.createServer((request, response) => {
  asked.push(new URL(request.url ?? '', 'http://localhost').searchParams.get('filter') ?? '');
  answer(request, response);
});
beforeAll(() => new Promise<void>((resolve) => admin.listen(adminSocket, resolve)));
beforeEach(() => asked.splice(0));
afterAll(async () => {
  admin.closeAllConnections();
  await new Promise((resolve) => admin.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const host = (health_status: object) => ({
  address: { socket_address: { address: '10.0.0.1', port_value: 80 } },
  health_status,
});
const shown = (...healthy: boolean[]) => healthy.map((each) => ({ address: '10.0.0.1:80', healthy: each }));
const says =
  (text: string, status = 200): http.RequestListener =>
  (_, response) =>
    response.writeHead(status).end(text);
const clusters = (...statuses: object[]): http.RequestListener => says(JSON.stringify({ cluster_statuses: statuses }));
const found = async (names: readonly string[]) => Object.fromEntries(await createHealth({ adminSocket }).of(names));

test.each<[string, object[], object]>([
  ['is healthy without a flag', [host({ eds_health_status: 'HEALTHY' }), host({})], shown(true, true)],
  ['may be degraded', [host({ failed_active_degraded_check: true })], shown(true)],
  ['fails its health check', [host({ failed_active_health_check: true }), host({})], shown(false, true)],
  ['was ejected', [host({ failed_outlier_check: true })], shown(false)],
  ['was not checked yet', [host({ pending_active_hc: true })], shown(false)],
  ['is draining', [host({ eds_health_status: 'DRAINING' })], shown(false)],
])('an endpoint %s', async (_, host_statuses, health) => {
  answer = clusters({ name: 'mcp.a.1', host_statuses });
  expect(await found(['mcp.a.1'])).toEqual({ 'mcp.a.1': health });
});

test('a cluster without endpoints has none, one that Envoy does not have is not told', async () => {
  answer = clusters({ name: 'mcp.a.1' });
  expect(await found(['mcp.a.1', 'mcp.b.1'])).toEqual({ 'mcp.a.1': [] });
  expect(asked).toEqual(['^(mcp\\.a\\.1|mcp\\.b\\.1)$']);
});

test.each<[string, http.RequestListener]>([
  ['is away', (request) => request.socket.destroy()],
  ['refuses', says('no', 503)],
  ['says what is no JSON', says('OK')],
  ['says other JSON', says('{"cluster_statuses":7}')],
  ['says nothing', says('')],
  ['says null', says('null')],
  ['says too much', says('x'.repeat(LIMITS.healthBytesMax + 1))],
  ['redirects', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ['does not answer', () => {}],
])('of an Envoy that %s nothing is known', async (_, listener) => {
  answer = listener;
  expect(await found(['mcp.a.1'])).toEqual({});
});

test('nobody listens: nothing is known', async () => {
  expect(await createHealth({ adminSocket: join(folder, 'none.sock') }).of(['mcp.a.1'])).toEqual(new Map());
});

test('what was told a moment ago is not asked for again, and what is not known is', async () => {
  let nowMs = 0;
  const health = createHealth({ adminSocket, now: () => nowMs });
  answer = clusters({ name: 'a' }, { name: 'b' });
  await Promise.all([health.of(['a']), health.of(['a']), health.of(['a', 'b'])]);
  expect(asked).toEqual(['^(a)$', '^(b)$']);
  nowMs += LIMITS.healthFreshMs;
  await health.of(['a']);
  expect(asked).toHaveLength(3);
});

test('an Envoy that is away is asked once for all who wait', async () => {
  const health = createHealth({ adminSocket, now: () => 0 });
  answer = says('no', 503);
  await Promise.all(Array.from({ length: 20 }, () => health.of(['a'])));
  expect(asked).toHaveLength(1);
});

test('many clusters are asked for in parts, and none without any', async () => {
  answer = (request, response) => {
    const filter = new URL(request.url ?? '', 'http://localhost').searchParams.get('filter') ?? '';
    const names = filter.slice(2, -2).split('|');
    clusters(...names.map((name) => ({ name, host_statuses: [host({})] })))(request, response);
  };
  const names = Array.from({ length: LIMITS.healthClustersMax + 1 }, (_, index) => `c${index}`);
  expect(Object.keys(await found(names))).toEqual(names);
  expect(asked).toHaveLength(2);
  expect(await found([])).toEqual({});
  expect(asked).toHaveLength(2);
});

test('the real Envoy tells which endpoint cannot be reached', async () => {
  const socketPath = join(folder, 'envoy.sock');
  const backend = http.createServer();
  await new Promise<void>((resolve) => backend.listen(join(folder, 'up.sock'), resolve));
  const endpoint = (path: string) => ({ endpoint: { address: { pipe: { path: join(folder, path) } } } });
  const cluster = (name: string, ...paths: string[]) => ({
    name,
    connect_timeout: '1s',
    health_checks: [
      { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} },
    ],
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: paths.map(endpoint) }] },
  });
  const path = join(folder, 'envoy.json');
  writeFileSync(
    path,
    JSON.stringify({
      admin: { address: { pipe: { path: socketPath } } },
      static_resources: { clusters: [cluster('mcp.a.1', 'up.sock', 'down.sock'), cluster('mcp.axb', 'up.sock')] },
    }),
  );
  const envoy = spawn(envoyForTests(), ['-c', path, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'off'], {
    env: {},
    stdio: 'ignore',
  });
  try {
    const health = createHealth({ adminSocket: socketPath });
    const ask = async () => Object.fromEntries(await health.of(['mcp.a.1', 'mcp.a']));
    const last = await until('one of two is healthy', ask, (each) =>
      (each['mcp.a.1'] ?? []).some(({ healthy }) => healthy),
    );
    expect(last).toEqual({
      'mcp.a.1': [
        { address: join(folder, 'up.sock'), healthy: true },
        { address: join(folder, 'down.sock'), healthy: false },
      ],
    });
  } finally {
    envoy.kill('SIGKILL');
    backend.close();
  }
});
