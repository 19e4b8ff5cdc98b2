import { describe, expect, test } from 'vitest';
import type { Discovered } from '../../core/catalog/catalog.ts';
import { type Document, parseDocument } from '../../core/catalog/document.ts';
import type { StoredDiscovery } from '../registry/discoveries.ts';
import { buildCatalog, type CatalogSources } from './build.ts';

function document(value: unknown): Document {
  const result = parseDocument(value);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.document;
}
const server = (name: string, ...urls: string[]) =>
  document({ kind: 'Server', name, versions: [{ version: '1.0', endpoints: urls.map((url) => ({ url })) }] });
const stdioServer = document({
  kind: 'Server',
  name: 'memory',
  versions: [{ version: '2.1', stdio: { command: 'node', args: ['x.js'], env: { SECRET: 's3' } } }],
});
const surface = (name: string, rest: object = {}) =>
  document({ kind: 'Surface', name, servers: [{ server: 'memory', tools: ['read_*'] }], ...rest });

const base: CatalogSources = {
  revision: 7,
  documents: [],
  discoveries: [],
  settings: { host: '127.0.0.1', publicUrl: 'https://mcp.example.com', runDir: '/run/c' },
  issuers: [],
  sessionKeys: [],
};

describe('a server', () => {
  const tcp = { kind: 'tcp', tls: false, host: '127.0.0.1', port: 3001, path: '/mcp', authority: '127.0.0.1:3001' };
  const unix = { kind: 'unix', tls: false, port: 0, path: '/mcp', authority: 'localhost' };
  const cases: [string, string[], object[], string, boolean][] = [
    ['at an IPv4 address', ['http://127.0.0.1:3001/mcp'], [tcp], '/mcp', false],
    [
      'at an IPv6 address',
      ['http://[::1]:3001/'],
      [{ ...tcp, host: '::1', path: '/', authority: '[::1]:3001' }],
      '/',
      false,
    ],
    [
      'at a name over TLS',
      ['https://api.example.com/v1/mcp'],
      [{ kind: 'tcp', tls: true, host: 'api.example.com', port: 443, path: '/v1/mcp', authority: 'api.example.com' }],
      '/v1/mcp',
      false,
    ],
    [
      'at a socket by name is in the run directory',
      ['unix:a.sock:/mcp'],
      [{ ...unix, host: '/run/c/a.sock' }],
      '/mcp',
      false,
    ],
    [
      'at a socket by path is at that path',
      ['unix:/srv/a.sock:/mcp'],
      [{ ...unix, host: '/srv/a.sock' }],
      '/mcp',
      false,
    ],
    [
      'at several IP addresses pins sessions',
      ['http://127.0.0.1:3001/mcp', 'http://127.0.0.1:3002/mcp'],
      [tcp, { port: 3002 }],
      '/mcp',
      true,
    ],
    ['at several sockets pins sessions', ['unix:a.sock:/mcp', 'unix:b.sock:/mcp'], [{}, {}], '/mcp', true],
    [
      'at several addresses with a name among them pins none',
      ['http://127.0.0.1:3001/mcp', 'http://localhost:3001/mcp'],
      [tcp, { host: 'localhost' }],
      '/mcp',
      false,
    ],
  ];
  test.each(cases)('%s', (_, urls, endpoints, path, affinity) => {
    const { catalog, backends } = buildCatalog({ ...base, documents: [server('a', ...urls)] });
    expect(backends[0]?.endpoints).toMatchObject(endpoints);
    expect(backends[0]?.server).toBe(catalog.servers.get('a'));
    expect(catalog.servers.get('a')).toMatchObject({ cluster: 'mcp.a.1.0', path, affinity });
  });

  test.each([
    ['is checked at the path that it declares', { healthCheck: { path: '/up' } }, { healthPath: '/up' }],
    ['is checked by TCP when it declares none', {}, {}],
  ])('%s', (_, declared, wanted) => {
    const versions = [{ version: '1', endpoints: [{ url: 'unix:a.sock:/mcp' }], ...declared }];
    const { backends } = buildCatalog({ ...base, documents: [document({ kind: 'Server', name: 'a', versions })] });
    const { server: _server, endpoints: _endpoints, ...rest } = backends[0]!;
    expect(rest).toEqual(wanted);
  });
});

test('a stdio server is reached at the bridge, which alone is told its command and environment', () => {
  const built = buildCatalog({ ...base, documents: [stdioServer] });
  const socket = '/run/c/bridge-memory-2.1.sock';
  expect(built.stdio).toEqual([
    { server: 'memory', version: '2.1', socket, command: 'node', args: ['x.js'], env: { SECRET: 's3' } },
  ]);
  expect(built.backends).toMatchObject([
    { server: { path: '/mcp', affinity: false }, endpoints: [{ kind: 'unix', host: socket }] },
  ]);
  expect(JSON.stringify([...built.catalog.servers])).not.toContain('s3');
});

test('a surface has its path, its URL and its members', () => {
  const { catalog } = buildCatalog({
    ...base,
    documents: [stdioServer, surface('default'), surface('ops', { instructions: 'be kind' })],
  });
  expect(catalog.surfaces.get('default')).toEqual({
    name: 'default',
    url: 'https://mcp.example.com/mcp',
    path: '/mcp',
    auth: 'token',
    decision: 'ext_proc',
    members: [{ server: 'memory', tools: ['read_*'], prompts: ['*'], resources: ['*'] }],
  });
  expect(catalog.surfaces.get('ops')).toMatchObject({
    url: 'https://mcp.example.com/mcp/ops',
    path: '/mcp/ops',
    instructions: 'be kind',
  });
});

test('a surface without authentication wants tokens once the gateway listens elsewhere', () => {
  const documents = [stdioServer, surface('default', { auth: 'none' })];
  const auth = (host: string) =>
    buildCatalog({ ...base, documents, settings: { ...base.settings, host } }).catalog.surfaces.get('default')?.auth;
  expect([auth('127.0.0.1'), auth('0.0.0.0')]).toEqual(['none', 'token']);
});

test('a server shows what was read from the version that it serves, and nothing of another', () => {
  const discovered = { hash: 'h' } as Discovered;
  const of = (version: string): StoredDiscovery => ({
    server: 'a',
    version,
    discovered,
    readAtMs: 1,
    error: null,
    errorAtMs: null,
  });
  const shown = (discoveries: StoredDiscovery[]) =>
    buildCatalog({ ...base, documents: [server('a', 'http://127.0.0.1:1/')], discoveries }).catalog.servers.get('a')
      ?.discovered;
  expect(shown([of('1.0')])).toBe(discovered);
  expect(shown([of('0.9')])).toBeNull();
  expect(shown([])).toBeNull();
});

test('the order of the documents makes no difference', () => {
  const policy = (name: string) =>
    document({ kind: 'Policy', name, version: 'tbac/v1', rules: [{ id: 'r', effect: 'allow', tools: ['*'] }] });
  const documents = [
    policy('z'),
    policy('a'),
    surface('s'),
    surface('b'),
    stdioServer,
    server('a', 'http://127.0.0.1:1/'),
  ];
  const [one, two] = [documents, [...documents].reverse()].map((order) => buildCatalog({ ...base, documents: order }));
  expect(one).toEqual(two);
  expect([...one!.catalog.policies.keys()]).toEqual(['a', 'z']);
  expect([...one!.catalog.servers.keys()]).toEqual(['a', 'memory']);
  expect(one!.catalog.policies.get('a')).toEqual({
    name: 'a',
    version: 'tbac/v1',
    surfaces: ['*'],
    rules: [{ id: 'r', effect: 'allow', tools: ['*'] }],
  });
});
