import { describe, expect, test } from 'vitest';
import type { CatalogApiKey, Discovered } from '../../core/catalog/catalog.ts';
import { LIFECYCLE_STATES } from '../../core/catalog/lifecycle.ts';
import { registrySnapshot, SINCE_MS, type SnapshotInput } from '../../test/support/registry-snapshot.ts';
import { type BuiltCatalog, buildCatalog, type CatalogContext } from './build.ts';

const server = (name: string, ...urls: string[]) => ({
  kind: 'Server',
  name,
  versions: [{ version: '1.0', endpoints: urls.map((url) => ({ url })) }],
});
const versions = (name: string, ...all: object[]) => ({
  kind: 'Server',
  name,
  versions: all.map((more, index) => ({
    version: `${index + 1}`,
    endpoints: [{ url: `http://127.0.0.1:${3001 + index}/mcp` }],
    ...more,
  })),
});
const program = {
  kind: 'Server',
  name: 'memory',
  versions: [{ version: '2.1', stdio: { command: 'node', args: ['x.js'], env: { SECRET: 's3' } } }],
};
const surface = (name: string, rest: object = {}) => ({
  kind: 'Surface',
  name,
  servers: [{ server: 'memory', tools: ['read_*'] }],
  ...rest,
});

const context: CatalogContext = {
  settings: { host: '127.0.0.1', publicUrl: 'https://mcp.example.com', runDir: '/run/c' },
  issuers: [],
  sessionKeys: [],
};
const built = (input: SnapshotInput) => buildCatalog(registrySnapshot(input), context);
const of = (...documents: object[]) => built({ documents });
const backendsOf = ({ servers }: BuiltCatalog) => [...servers.values()].flatMap(({ backends }) => backends);
const stdioOf = ({ servers }: BuiltCatalog) => [...servers.values()].flatMap(({ stdio }) => stdio);

describe('a server', () => {
  const tcp = { kind: 'tcp', tls: false, host: '127.0.0.1', port: 3001, path: '/mcp', authority: '127.0.0.1:3001' };
  const unix = { kind: 'unix', tls: false, port: 0, path: '/mcp', authority: 'localhost' };
  const cases: [string, string[], object[], string][] = [
    ['at an IPv4 address', ['http://127.0.0.1:3001/mcp'], [tcp], '/mcp'],
    ['at an IPv6 address', ['http://[::1]:3001/'], [{ ...tcp, host: '::1', path: '/', authority: '[::1]:3001' }], '/'],
    [
      'at a name over TLS',
      ['https://api.example.com/v1/mcp'],
      [{ kind: 'tcp', tls: true, host: 'api.example.com', port: 443, path: '/v1/mcp', authority: 'api.example.com' }],
      '/v1/mcp',
    ],
    ['at a socket by name is in the run directory', ['unix:a.sock:/mcp'], [{ ...unix, host: '/run/c/a.sock' }], '/mcp'],
    ['at a socket by path is at that path', ['unix:/srv/a.sock:/mcp'], [{ ...unix, host: '/srv/a.sock' }], '/mcp'],
    [
      'at several addresses has them in their order',
      ['http://127.0.0.1:3001/mcp', 'http://localhost:3002/mcp'],
      [tcp, { host: 'localhost', port: 3002 }],
      '/mcp',
    ],
  ];
  test.each(cases)('%s', (_, urls, endpoints, path) => {
    const found = of(server('a', ...urls));
    const [backend] = backendsOf(found);
    expect(backend?.endpoints).toMatchObject(endpoints);
    expect(backend?.version).toBe(found.catalog.servers.get('a')?.versions[0]);
    expect(backend?.version).toMatchObject({ name: 'a', version: '1.0', cluster: 'mcp.a.1.0', path });
  });

  test.each<[string, object, object]>([
    ['is checked at the path that it declares', { healthCheck: { path: '/up' } }, { healthPath: '/up' }],
    ['is checked by TCP when it declares none', {}, {}],
    ['with no credential has none', { auth: { type: 'none' } }, {}],
    ['with a credential has it', { auth: { type: 'bearer', secret: 's' } }, { auth: { type: 'bearer', secret: 's' } }],
  ])('%s', (_, declared, wanted) => {
    const [backend] = backendsOf(of(versions('a', declared)));
    const { server: _1, version: _2, endpoints: _3, ...rest } = backend!;
    expect(rest).toEqual(wanted);
  });

  test('has replicas of the weight and in the zone that are declared', () => {
    const endpoints = [{ url: 'http://127.0.0.1:1/', weight: 3, zone: 'eu-1a' }, { url: 'http://127.0.0.1:2/' }];
    const [backend] = backendsOf(of(versions('a', { endpoints })));
    expect(backend?.endpoints.map(({ weight, zone }) => ({ weight, zone }))).toEqual([
      { weight: 3, zone: 'eu-1a' },
      { weight: undefined, zone: undefined },
    ]);
  });

  test('tells its callers what policies read, and nothing of where it is', () => {
    const declared = {
      labels: { tier: 'one' },
      classification: 'internal',
      annotations: { 'a*': { readOnlyHint: true } },
    };
    const { catalog } = of({ ...server('a', 'http://127.0.0.1:1/'), ...declared, owner: { team: 'x' } });
    const { versions: _, ...rest } = catalog.servers.get('a')!;
    expect(rest).toEqual({ name: 'a', ...declared });
    expect(JSON.stringify(catalog.servers.get('a'))).not.toContain('127.0.0.1');
  });
});

describe('of a version in the state', () => {
  test.each<[string, boolean, boolean]>([
    ['requested', false, false],
    ['in-review', false, false],
    ['staging', true, false],
    ['canary', true, true],
    ['active', true, true],
    ['deprecated', true, true],
    ['decommissioned', false, true],
  ])('%s Envoy and discovery know: %s, callers: %s', (state, reached, known) => {
    const found = of(versions('a', { state, ...(state === 'canary' ? { canary: { percent: 5 } } : {}) }));
    expect(backendsOf(found)).toHaveLength(reached ? 1 : 0);
    expect(found.servers.get('a')?.targets).toHaveLength(reached ? 1 : 0);
    expect(found.catalog.servers.get('a')?.versions.map((version) => version.state) ?? []).toEqual(
      known ? [state] : [],
    );
    expect(found.catalog.servers.has('a')).toBe(known);
  });

  test('every state there is, is in this sheet', () => {
    expect(LIFECYCLE_STATES).toHaveLength(7);
  });

  test('canary the share and the principals are told', () => {
    const versionsOf = (canary: object) =>
      of(versions('a', { state: 'canary', canary })).catalog.servers.get('a')?.versions[0]?.canary;
    expect(versionsOf({ percent: 2.5 })).toEqual({ percent: 2.5, principals: [] });
    expect(versionsOf({ principals: ['bold-*'] })).toEqual({ percent: 0, principals: ['bold-*'] });
  });

  test('deprecated it is told since when, and until when if that is known', () => {
    const deprecationOf = (more: object) =>
      of(versions('a', { state: 'deprecated', ...more })).catalog.servers.get('a')?.versions[0]?.deprecation;
    expect(deprecationOf({})).toEqual({ sinceMs: SINCE_MS });
    expect(deprecationOf({ sunset: '2027-01-31T00:00:00Z' })).toEqual({
      sinceMs: SINCE_MS,
      sunsetMs: Date.UTC(2027, 0, 31),
    });
  });

  test('decommissioned it stands beside the active one', () => {
    const { catalog, servers } = of(versions('a', { state: 'decommissioned' }, {}));
    expect(catalog.servers.get('a')?.versions.map(({ version, state }) => `${version} ${state}`)).toEqual([
      '1 decommissioned',
      '2 active',
    ]);
    expect(servers.get('a')?.backends.map(({ version }) => version.cluster)).toEqual(['mcp.a.2']);
  });
});

describe('what discovery is told to read', () => {
  const targetOf = (more: object, rest: object = {}) =>
    of({ ...versions('a', more), ...rest }).servers.get('a')!.targets[0]!;

  test('is each version that is reached', () => {
    expect(of(versions('a', {}, { state: 'staging' })).servers.get('a')?.targets).toMatchObject([
      { server: 'a', version: '1', cluster: 'mcp.a.1', path: '/mcp' },
      { server: 'a', version: '2', cluster: 'mcp.a.2', path: '/mcp' },
    ]);
  });

  test.each<[string, object, object, boolean]>([
    ['another endpoint', { endpoints: [{ url: 'http://127.0.0.1:1/mcp' }] }, {}, false],
    ['another credential', { auth: { type: 'bearer', secret: 's' } }, {}, false],
    ['another description', {}, { description: 'other' }, true],
    ['another label', {}, { labels: { a: 'b' } }, true],
    ['another health check', { healthCheck: { path: '/up' } }, {}, true],
    ['another state', { state: 'deprecated' }, {}, true],
  ])('is told apart by what is dialled: %s', (_, more, rest, same) => {
    expect(targetOf(more, rest).documentHash === targetOf({}).documentHash).toBe(same);
  });

  test('is told apart by the values of the secrets that it is sent', () => {
    const auth = { type: 'bearer', secret: 's' };
    const hashOf = (value: string): string | undefined => {
      const secret = { kind: 'Secret', name: 's', value };
      return of(secret, versions('a', { auth })).servers.get('a')?.targets[0]?.documentHash;
    };
    expect(hashOf('one')).toBe(hashOf('one'));
    expect(hashOf('one')).not.toBe(hashOf('two'));
  });

  test('has the names that are resolved on the way, that of the token endpoint too', () => {
    const auth = { type: 'oauth', tokenUrl: 'https://login.example/t', clientId: 'c', secret: 's' };
    expect(targetOf({ endpoints: [{ url: 'https://mcp.example/' }], auth }).hosts).toEqual([
      'mcp.example',
      'login.example',
    ]);
    expect(targetOf({})).not.toHaveProperty('hosts');
  });
});

describe('a stdio server', () => {
  const withSecret = {
    ...program,
    versions: [{ version: '2.1', stdio: { command: 'node', env: { TOKEN: { secret: 'token' }, PLAIN: 'p' } } }],
  };
  const secret = (value: string) => ({ kind: 'Secret', name: 'token', value });

  test('is reached at the bridge, which alone is told its command and environment', () => {
    const found = of(program);
    const socket = '/run/c/bridge-memory-2.1.sock';
    expect(stdioOf(found)).toMatchObject([
      {
        name: 'memory.2.1',
        definition: {
          server: 'memory',
          version: '2.1',
          socket,
          command: 'node',
          args: ['x.js'],
          env: { SECRET: 's3' },
        },
      },
    ]);
    expect(backendsOf(found)).toMatchObject([
      { version: { path: '/mcp' }, endpoints: [{ kind: 'unix', host: socket }] },
    ]);
    expect(JSON.stringify([...found.catalog.servers])).not.toContain('s3');
  });

  test('is given the secrets that its environment names, under a version that tells nothing of them', () => {
    const [one] = stdioOf(of(secret('value-one'), withSecret));
    const [two] = stdioOf(of(secret('value-two'), withSecret));
    expect(one?.definition.env).toEqual({ TOKEN: 'value-one', PLAIN: 'p' });
    expect(two?.definition.env).toEqual({ TOKEN: 'value-two', PLAIN: 'p' });
    expect(one?.contentVersion).not.toBe(two?.contentVersion);
  });

  test('is not run while a secret is not there, nor before its review', () => {
    expect(stdioOf(of(withSecret))).toEqual([]);
    expect(stdioOf(of({ ...program, versions: [{ ...program.versions[0], state: 'in-review' }] }))).toEqual([]);
  });

  test('with two versions is two programs', () => {
    const two = {
      ...program,
      versions: [{ ...program.versions[0] }, { ...program.versions[0], version: '3', state: 'staging' }],
    };
    expect(stdioOf(of(two)).map(({ name }) => name)).toEqual(['memory.2.1', 'memory.3']);
  });
});

describe('a surface', () => {
  test('has its path, its URL and its members', () => {
    const { catalog } = of(program, surface('default'), surface('ops', { instructions: 'be kind' }));
    expect(catalog.surfaces.get('default')).toEqual({
      name: 'default',
      url: 'https://mcp.example.com/mcp',
      path: '/mcp',
      auth: 'token',
      decision: 'ext_proc',
      naming: 'bare',
      members: [{ server: 'memory', tools: ['read_*'], prompts: ['*'], resources: ['*'] }],
    });
    expect(catalog.surfaces.get('ops')).toMatchObject({
      url: 'https://mcp.example.com/mcp/ops',
      path: '/mcp/ops',
      instructions: 'be kind',
    });
  });

  test('has no members that no caller can meet, and its names do not depend on that', () => {
    const servers = [{ server: 'memory' }, { server: 'new' }];
    const { catalog } = of(program, versions('new', { state: 'staging' }), surface('default', { servers }));
    expect(catalog.surfaces.get('default')).toMatchObject({ naming: 'prefixed', members: [{ server: 'memory' }] });
  });

  test.each<[string, object, string]>([
    ['of one server shows its own names', {}, 'bare'],
    ['that says how, does so', { naming: 'prefixed' }, 'prefixed'],
    [
      'of mapped tools shows these',
      { naming: 'mapped', servers: [{ server: 'memory', map: [{ tool: 'a' }] }] },
      'mapped',
    ],
  ])('%s', (_, rest, naming) => {
    expect(of(program, surface('default', rest)).catalog.surfaces.get('default')?.naming).toBe(naming);
  });

  test('without authentication wants tokens once the gateway listens elsewhere', () => {
    const snapshot = registrySnapshot({ documents: [program, surface('default', { auth: 'none' })] });
    const auth = (host: string) =>
      buildCatalog(snapshot, { ...context, settings: { ...context.settings, host } }).catalog.surfaces.get('default')
        ?.auth;
    expect([auth('127.0.0.1'), auth('0.0.0.0')]).toEqual(['none', 'token']);
  });
});

test('a version shows what was read from it, and nothing of another', () => {
  const discovered = { hash: 'h' } as Discovered;
  const shown = (key: string) =>
    built({ documents: [server('a', 'http://127.0.0.1:1/')], discovered: { [key]: discovered } }).catalog.servers.get(
      'a',
    )?.versions[0]?.discovered;
  expect(shown('a 1.0')).toBe(discovered);
  expect(shown('a 0.9')).toBeNull();
  expect(shown('b 1.0')).toBeNull();
});

test('keys of agents are found by their hash', () => {
  const key: CatalogApiKey = {
    id: 'k1',
    sha256: 'ab'.repeat(32),
    subject: 'robot',
    groups: [],
    scopes: [],
    surfaces: ['*'],
    expiresAtMs: 1,
  };
  expect(built({ apiKeys: [key] }).catalog.apiKeys).toEqual(new Map([[key.sha256, key]]));
});

describe('after a change', () => {
  const policy = (name: string, tools = '*') => ({
    kind: 'Policy',
    name,
    version: 'tbac/v1',
    rules: [{ id: 'r', effect: 'allow', tools: [tools] }],
  });
  const first = [
    server('a', 'http://127.0.0.1:1/'),
    server('b', 'http://127.0.0.1:2/'),
    program,
    surface('default'),
    surface('two', { servers: [{ server: 'a' }, { server: 'b' }] }),
    policy('p'),
  ];
  const second: Readonly<Record<string, readonly object[]>> = {
    'to an endpoint': [server('a', 'http://127.0.0.1:9/'), ...first.slice(1)],
    'to a label': [{ ...first[0]!, labels: { x: 'y' } }, ...first.slice(1)],
    'by which a server came': [server('aa', 'http://127.0.0.1:9/'), ...first],
    'by which a server went out of sight': [
      versions('b', { state: 'staging' }),
      ...first.filter((_, index) => index !== 1),
    ],
    'to a surface': [...first.slice(0, 4), surface('two', { servers: [{ server: 'b' }] }), policy('p')],
    'to a policy': [...first.slice(0, 5), policy('p', 'a/*')],
    'that is none': first,
  };
  const one = registrySnapshot({ documents: first });
  const before = buildCatalog(one, context);
  const changed = (documents: readonly object[]) => registrySnapshot({ documents, revision: 2 }, one);
  const plain = ({ catalog, servers }: BuiltCatalog) => ({
    catalog,
    servers: [...servers],
    names: [...catalog.servers.keys()],
  });

  test.each(Object.entries(second))('%s, what is built upon the one before is what is built alone', (_, documents) => {
    const snapshot = changed(documents);
    expect(plain(buildCatalog(snapshot, context, before))).toEqual(plain(buildCatalog(snapshot, context)));
  });

  test('to an endpoint, everything that callers see is the same object', () => {
    const { catalog, servers } = buildCatalog(changed(second['to an endpoint']!), context, before);
    expect(catalog.servers).toBe(before.catalog.servers);
    expect(catalog.surfaces).toBe(before.catalog.surfaces);
    expect(servers.get('b')).toBe(before.servers.get('b'));
    expect(servers.get('a')?.backends[0]?.endpoints).not.toEqual(before.servers.get('a')?.backends[0]?.endpoints);
  });

  test('to a label, all others are the same objects', () => {
    const { catalog } = buildCatalog(changed(second['to a label']!), context, before);
    expect(catalog.servers.get('b')).toBe(before.catalog.servers.get('b'));
    expect(catalog.surfaces).toBe(before.catalog.surfaces);
    expect(catalog.policies).toBe(before.catalog.policies);
  });

  test('to what was read, only that server is another', () => {
    const discovered = { 'a 1.0': { hash: 'h' } as Discovered };
    const next = buildCatalog(registrySnapshot({ documents: first, revision: 2, discovered }, one), context, before);
    expect(next.catalog.servers.get('a')?.versions[0]?.discovered).toEqual({ hash: 'h' });
    expect(next.servers.get('b')).toBe(before.servers.get('b'));
  });
});
