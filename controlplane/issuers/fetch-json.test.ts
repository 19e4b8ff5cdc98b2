import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { parseNetworks } from '../../core/catalog/networks.ts';
import { LIMITS } from '../../core/limits.ts';
import { createFetchJson } from './fetch-json.ts';

let server: Server | undefined;
afterEach(() => new Promise((resolve) => (server === undefined ? resolve(null) : server.close(resolve))));

async function serving(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
function fetching(...items: string[]) {
  const networks = parseNetworks(items);
  if ('problem' in networks) throw new Error(networks.problem);
  return createFetchJson({ networks });
}

test('a JSON object is read', async () => {
  const url = await serving((_, response) => void response.end('{"keys":[]}'));
  expect(await fetching('loopback')(url)).toEqual({ keys: [] });
});

const ANSWERS: readonly [string, RequestListener, string][] = [
  ['another status', (_, response) => void response.writeHead(503).end('{}'), 'HTTP 503, wanted 200'],
  [
    'a redirection, which would lead where nobody looked',
    (_, response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    'HTTP 302, wanted 200',
  ],
  ['no JSON', (_, response) => void response.end('keys'), 'is not a JSON object'],
  ['a list', (_, response) => void response.end('[]'), 'is not a JSON object'],
  ['too much', (_, response) => void response.end(' '.repeat(LIMITS.issuerBytesMax + 1)), 'is larger than'],
  ['a connection that breaks', (request) => void request.socket.destroy(), 'hang up'],
];
test.each(ANSWERS)('%s is a failure that says why', async (_, listener, why) => {
  await expect(fetching('loopback')(await serving(listener))).rejects.toThrow(why);
});

const URLS: readonly [string, string][] = [
  ['http://login.example/', 'is not a URL that may be asked'],
  ['ftp://login.example/', 'is not a URL that may be asked'],
  ['https://user:word@login.example/', 'is not a URL that may be asked'],
  ['https://169.254.169.254/keys', 'is in the network "link-local"'],
  ['https://10.0.0.1/keys', 'is in the network "private"'],
  ['https://localhost/keys', 'is in the network "loopback"'],
];
test.each(URLS)('%s is not asked', async (url, why) => {
  await expect(fetching('public')(url)).rejects.toThrow(why);
});

test('a name is judged by the address that is dialled', async () => {
  const url = (await serving((_, response) => void response.end('{}'))).replace('127.0.0.1', 'localhost');
  expect(await fetching('loopback')(url)).toEqual({});
});
