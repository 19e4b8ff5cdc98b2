import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { resolveSettings } from '../../core/runtime/settings.ts';
import { reachable } from './ask.ts';
import { apiOf, gatewayProbe, until } from './ready.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function serve(answer: (path: string, bearer: string) => readonly [number, string]): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer((request, response) => {
      const [status, body] = answer(request.url ?? '', request.headers.authorization ?? '');
      response.writeHead(status).end(body);
    });
    servers.push(server);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}
const settings = (port: number) =>
  resolveSettings({ config: '/dev/null', port: String(port), 'api-port': String(port) }, {}, '/');

test.each([
  ['a 401 is a gateway that serves', 401, true, null],
  ['a 406 is one too (a surface without authentication)', 406, true, null],
  ['a 404 is one when no surface is configured', 404, false, null],
  ['a 404 is none when one is', 404, true, 'the gateway answers 404'],
  ['a 503 is none', 503, true, 'the gateway answers 503'],
])('%s', async (_name, status, configured, wanted) => {
  const port = await serve(() => [status, '']);
  expect(await gatewayProbe(settings(port), configured)()).toBe(wanted);
});

test('a gateway that is not there is not ready', async () => {
  const port = await serve(() => [200, '']);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  expect(await gatewayProbe(settings(port), true)()).toBe('the gateway does not answer yet');
});

test.each([
  [
    'a status names the servers that are not read',
    '{"ready":false,"servers":[{"name":"a","discovered":true},{"name":"b","discovered":false}]}',
    { ready: false, unread: [{ name: 'b', error: undefined, errorAtMs: 0 }] },
  ],
  [
    'a status names the servers that were read once and cannot be now',
    '{"ready":false,"servers":[{"name":"a","discovered":true,"error":"no","errorAt":"1970-01-01T00:00:01.000Z"}]}',
    { ready: false, unread: [{ name: 'a', error: 'no', errorAtMs: 1000 }] },
  ],
  ['a status may be without servers', '{"ready":true}', { ready: true, unread: [] }],
  ['a status of another shape is none', '{"ready":"yes"}', null],
  ['no JSON is none', 'ready', null],
])('%s', async (_name, body, wanted) => {
  const port = await serve(() => [200, body]);
  expect(await apiOf(settings(port), () => 'x').status()).toEqual(wanted);
});

test('the API is asked with the operator token, and not at all before there is one', async () => {
  const seen: string[] = [];
  const port = await serve((path, bearer) => {
    seen.push(`${path} ${bearer}`);
    return [200, '{"items":[1,2]}'];
  });
  expect(await apiOf(settings(port), () => null).count('servers')).toBeNull();
  expect(await apiOf(settings(port), () => 'secret').count('servers')).toBe(2);
  expect(seen).toEqual(['/v1/servers Bearer secret']);
});

test('waiting ends with what is missing at the deadline, and at once when nobody waits any more', async () => {
  let now = 0;
  const nowMs = (): number => {
    now += 10;
    return now;
  };
  const probe = async (): Promise<string> => 'a thing';
  expect(await until(probe, { deadlineMs: 30, signal: new AbortController().signal, nowMs })).toBe('a thing');
  await expect(until(probe, { deadlineMs: 30, signal: AbortSignal.abort(), nowMs })).rejects.toThrow(/abort/i);
});

test.each([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
  ['10.1.2.3', '10.1.2.3'],
])('a part that listens on %s is asked at %s', (host, wanted) => {
  expect(reachable(host)).toBe(wanted);
});
