import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from '../../controlplane/api/api.ts';
import { type ServedApi, serveApi } from '../../controlplane/api/serve.ts';
import { openKeys } from '../../controlplane/keys/keys.ts';
import { openRegistry, type Registry } from '../../controlplane/registry/registry.ts';
import type { NodeStatus } from '../../controlplane/xds/hub.ts';
import { createVerifier } from '../../core/identity/verify.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { resolveSettings } from '../../core/runtime/settings.ts';
import type { CliContext, Command } from '../context.ts';
import * as apply from './apply.ts';
import * as get from './get.ts';
import { table } from './table.ts';
import * as token from './token.ts';

const log = pino({ level: 'silent' });
const type = { typeUrl: 't', label: 'CDS', sent: 'v1', acked: 'v1', nacked: null };
const nodes: NodeStatus[] = [
  { id: 'envoy-1', group: 'envoy', transport: 'unix', connectedSinceMs: 1, lastContactMs: 2, types: [type] },
  {
    id: 'proc-1',
    group: 'ext-proc',
    transport: 'unix',
    connectedSinceMs: 1,
    lastContactMs: 2,
    types: [type, { ...type, label: 'Policy', acked: null }],
  },
];
let folder: string;
let home: string;
let registry: Registry;
let served: ServedApi;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-cli-'));
  home = join(folder, 'home');
  const { operatorToken } = openKeys(home, { publicUrl: 'http://127.0.0.1:10000' });
  const constraints = { host: '127.0.0.1', runDir: '/run/chancery' };
  registry = await openRegistry(join(home, 'registry.db'), { now: () => 1_000, log, constraints });
  const settings = { apiHost: '127.0.0.1', apiPort: 0 };
  served = await serveApi(
    createApi({ registry, settings, operatorToken, nodes: () => nodes, missing: () => [], onChange: () => {}, log }),
    '127.0.0.1',
    0,
  );
  settings.apiPort = served.port;
});
afterEach(async () => {
  await served.close();
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(
  command: Command,
  args: string[],
  options: { readonly stdin?: string; readonly flags?: Record<string, string> } = {},
) {
  let out = '';
  let err = '';
  const context: CliContext = {
    settings: resolveSettings({ home, 'api-port': String(served.port), ...options.flags }, {}, folder),
    rootDir: ROOT_DIR,
    cwd: folder,
    env: {},
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    nowMs: () => 5_000_000,
    stdin: (async function* () {
      yield options.stdin ?? '';
    })(),
  };
  const status = await command(args, context);
  return { status, out, err };
}

function write(name: string, ...lines: string[]): string {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  return name;
}

const SERVER = [
  'kind: Server',
  'name: a',
  'versions:',
  '  - version: "1"',
  '    endpoints:',
  '      - url: http://127.0.0.1:3001/mcp',
];
const SURFACE = ['kind: Surface', 'name: s', 'servers:', '  - server: a'];

describe('apply', () => {
  test('writes all documents of a file, and says of each what it did', async () => {
    write('all.yaml', ...SERVER, '---', ...SURFACE);
    expect(await call(apply.run, ['-f', 'all.yaml'])).toEqual({
      status: 0,
      out: 'server/a created\nsurface/s created\n',
      err: '',
    });
    expect(await call(apply.run, ['-f', 'all.yaml'])).toMatchObject({
      status: 0,
      out: 'server/a unchanged\nsurface/s unchanged\n',
    });
  });

  test('takes a folder, several files, JSON and the standard input', async () => {
    mkdirSync(join(folder, 'docs'));
    write('docs/1.yaml', ...SERVER);
    write('docs/2.json', JSON.stringify({ kind: 'Surface', name: 's', servers: [{ server: 'a' }] }));
    write('docs/up.run.yaml', 'servers: []');
    write('docs/readme.md', '# not a document');
    expect((await call(apply.run, ['-f', 'docs'])).out).toBe('server/a created\nsurface/s created\n');
    expect((await call(apply.run, ['-f', 'docs/1.yaml', '-f', 'docs/2.json'])).out).toBe(
      'server/a unchanged\nsurface/s unchanged\n',
    );
    expect((await call(apply.run, ['-f', '-'], { stdin: SERVER.join('\n') })).out).toBe('server/a unchanged\n');
  });

  test('takes back what `get -o json` gave', async () => {
    write('all.yaml', ...SERVER);
    await call(apply.run, ['-f', 'all.yaml']);
    const { out } = await call(get.run, ['servers', 'a', '-o', 'json']);
    expect((await call(apply.run, ['-f', '-'], { stdin: out })).out).toBe('server/a unchanged\n');
  });

  test('tells every problem with its line, and applies nothing', async () => {
    write('good.yaml', ...SERVER);
    write(
      'bad.yaml',
      '# one server',
      'kind: Server',
      'name: B_ad',
      'colour: red',
      'versions:',
      '  - version: 1',
      '    endpoints:',
      '      - url: ftp://x',
      '---',
      ...SURFACE,
      '  - server: zebra',
      '---',
      ...SERVER,
    );
    const { status, out, err } = await call(apply.run, ['-f', 'good.yaml', '-f', 'bad.yaml']);
    expect([status, out]).toEqual([1, '']);
    expect(err.split('\n')).toEqual([
      expect.stringMatching(/^bad\.yaml:3: name: a name is lower-case/),
      'bad.yaml:4: colour: unknown member "colour"',
      expect.stringMatching(/^bad\.yaml:6: versions\[0\]\.version: .*expected string/),
      expect.stringMatching(/^bad\.yaml:8: versions\[0\]\.endpoints\[0\]\.url: an endpoint is http/),
      'bad.yaml:14: servers[1].server: no server is named "zebra"',
      'bad.yaml:17: name: Server "a" is given twice',
      'nothing was applied',
      '',
    ]);
    expect((await registry.snapshot()).documents).toEqual([]);
  });

  test('with YAML that is broken tells its lines beside the other problems', async () => {
    write(
      'bad.yaml',
      'kind: Server',
      'name: a',
      'name: b',
      '---',
      'kind: Surface',
      'name: s',
      'servers: []',
      '---',
      'kind: [Server',
      '---',
      ...SERVER,
      '---',
      ...SERVER,
    );
    const { status, err } = await call(apply.run, ['-f', 'bad.yaml']);
    expect(status).toBe(1);
    expect(err).toMatch(/^bad\.yaml:3: Map keys must be unique/m);
    expect(err).toMatch(/^bad\.yaml:7: servers: /m);
    expect(err).toMatch(/^bad\.yaml:(9|10): /m);
    expect(err).toMatch(/^bad\.yaml:\d+: name: Server "a" is given twice$/m);
    expect(err).toContain('nothing was applied');
  });

  const bad: [string, string[], string][] = [
    ['an absent member is told at the document', ['# head', 'kind: Surface', 'name: s'], 'x.yaml:2: servers: '],
    [
      'a document that is no object is told at its line',
      ['', '- a list'],
      'x.yaml:2: kind: kind must be one of Server, Surface, Policy',
    ],
    ['a tag that nobody knows is refused', ['kind: !secret Server', 'name: a'], 'x.yaml:1: Unresolved tag'],
    [
      'aliases that would explode are refused',
      ['a: &a [x,x,x,x,x,x,x,x,x,x]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]', 'c: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]'],
      'x.yaml:1: Excessive alias count',
    ],
    ['a file without a document is told', ['# nothing', '---', ''], 'x.yaml:1: there is no document'],
    [
      'what could steer a terminal is cut',
      [
        'kind: Policy',
        'name: p',
        'version: tbac/v1',
        'rules:',
        '  - id: r',
        '    effect: allow',
        '    tools: ["\\e[31mred"]',
      ],
      'x.yaml:7: rules[0].tools[0]: found " [31mred"',
    ],
  ];
  test.each(bad)('%s', async (_, lines, wanted) => {
    write('x.yaml', ...lines);
    const { status, err } = await call(apply.run, ['-f', 'x.yaml']);
    expect([status, err.split('\n')[0]]).toEqual([1, expect.stringContaining(wanted)]);
  });

  test.each([
    ['without a file', [], 2, 'usage: chancery apply'],
    ['with an unknown flag', ['--force'], 2, 'force'],
    ['of a file that is not there', ['-f', 'none.yaml'], 1, 'none.yaml: there is no such file'],
    ['of an empty folder', ['-f', 'home'], 1, 'home: there is no .yaml, .yml or .json file in this folder'],
  ])('%s says so', async (_, args, status, wanted) => {
    mkdirSync(join(folder, 'home/empty'));
    const answer = await call(apply.run, args[1] === 'home' ? ['-f', 'home/empty'] : args);
    expect(answer.status).toBe(status);
    expect(answer.err).toContain(wanted.replace('home:', 'home/empty:'));
  });
});

test('the quickstart is applied as it is, and its folder too', async () => {
  const { status, out } = await call(apply.run, ['-f', join(ROOT_DIR, 'examples/quickstart.yaml')]);
  expect(status).toBe(0);
  expect(out.trim().split('\n')).toEqual(
    [
      'server/everything',
      'server/filesystem',
      'server/memory',
      'surface/default',
      'surface/review',
      'policy/example',
    ].map((name) => `${name} created`),
  );
});

describe('get', () => {
  beforeEach(async () => {
    write('all.yaml', ...SERVER, '---', ...SURFACE);
    await call(apply.run, ['-f', 'all.yaml']);
    await registry.saveDiscovery('a', '1', { ok: false, error: 'initialize: HTTP 503' });
  });

  test.each([
    ['servers', 'NAME  VERSION  TOOLS  STATUS\na     1        0      not read: initialize: HTTP 503 (83 min ago)\n'],
    ['surfaces', 'NAME  AUTH   DECISION  SERVERS\ns     token  ext_proc  a\n'],
    ['policies', 'NAME  RULES  SURFACES\n'],
    [
      'nodes',
      [
        'ID       GROUP      BY    ACKED  STATUS',
        'envoy-1  envoy      unix  1/1    ok',
        'proc-1   ext-proc   unix  1/2    behind',
        '-        ext-authz  -     -      not connected: see ext-authz.log',
        '-        bridge     -     -      not connected: see bridge.log',
        '',
      ].join('\n'),
    ],
  ])('%s is a table', async (what, wanted) => {
    expect(await call(get.run, [what])).toEqual({ status: 0, out: wanted, err: '' });
  });

  test('of one name shows that one', async () => {
    expect((await call(get.run, ['servers', 'a'])).out).toContain('\na ');
    expect((await call(get.run, ['nodes', 'proc-1'])).out).not.toContain('envoy-1');
    expect(JSON.parse((await call(get.run, ['surfaces', 's', '-o', 'json'])).out)).toMatchObject({
      kind: 'Surface',
      name: 's',
    });
    expect(JSON.parse((await call(get.run, ['nodes', 'envoy-1', '-o', 'json'])).out)).toMatchObject({ id: 'envoy-1' });
  });

  test('as JSON is what the API says', async () => {
    expect(JSON.parse((await call(get.run, ['servers', '-o', 'json'])).out)).toMatchObject({
      revision: 1,
      items: [{ name: 'a', status: { discovered: false } }],
    });
  });

  test.each([
    ['of nothing', [], 2, 'usage: chancery get'],
    ['of what there is not', ['tools'], 2, 'there is no "tools"'],
    ['of an inherited member', ['constructor'], 2, 'there is no "constructor"'],
    ['in another form', ['servers', '-o', 'yaml'], 2, 'found -o yaml, wanted -o json'],
    ['of a name that is not there', ['servers', 'zebra'], 1, 'no Server is named "zebra"'],
    ['of a node that is not there', ['nodes', 'zebra'], 1, 'no node is named "zebra"'],
  ])('%s says so', async (_, args, status, wanted) => {
    const answer = await call(get.run, args);
    expect([answer.status, answer.out]).toEqual([status, '']);
    expect(answer.err).toContain(wanted);
  });
});

describe('a command says what to do when', () => {
  test('there is no home', async () => {
    const { status, err } = await call(get.run, ['servers'], { flags: { home: join(folder, 'other') } });
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(
        /^get: there is no operator token in .*other: start Chancery with "chancery up", or .*CHANCERY_HOME\n$/,
      ),
    ]);
  });
  test('the home is of another instance', async () => {
    openKeys(join(folder, 'other'), { publicUrl: 'http://x' });
    const { status, err } = await call(apply.run, ['-f', '-'], {
      stdin: SERVER.join('\n'),
      flags: { home: join(folder, 'other') },
    });
    expect([status, err]).toEqual([1, expect.stringContaining('does not take the token in')]);
  });
  test('others may read the token', async () => {
    chmodSync(join(home, 'operator.token'), 0o644);
    const { status, err } = await call(get.run, ['servers']);
    expect([status, err]).toEqual([1, expect.stringContaining('has mode 0644, wanted 0600')]);
  });
  test('nobody listens', async () => {
    const flags = { 'api-port': String(served.port) };
    await served.close();
    const { status, err } = await call(get.run, ['servers'], { flags });
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(
        /^get: the REST API does not answer at http:\/\/127\.0\.0\.1:\d+: start Chancery with "chancery up", or .*CHANCERY_API_PORT\)\n$/,
      ),
    ]);
  });
  test('another program listens', async () => {
    const other = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { status, err } = await call(get.run, ['servers'], {
      flags: { 'api-port': String((other.address() as AddressInfo).port) },
    });
    other.close();
    expect([status, err]).toEqual([1, expect.stringContaining("is not Chancery's REST API")]);
  });
});

describe('token', () => {
  test('prints one that the gateway takes, and nothing else', async () => {
    const { status, out, err } = await call(token.run, []);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { issuer } = openKeys(home, { publicUrl: 'http://127.0.0.1:10000' });
    const question = {
      authorization: `Bearer ${out.trim()}`,
      audience: 'http://127.0.0.1:10000/mcp',
      issuers: new Map([['local', issuer]]),
    };
    expect(await createVerifier({ now: () => 5_000_000 }).verify(question)).toMatchObject({
      ok: true,
      principal: { subject: 'agent', expiresAtMs: 5_000_000 + 12 * 3_600_000 },
    });
  });

  test('says what it is asked to', async () => {
    const args = [
      '--sub',
      'alice',
      '--surface',
      'review',
      '--ttl',
      '15m',
      '--groups',
      'ops, dev',
      '--scope',
      'read write',
    ];
    const { out } = await call(token.run, args, { flags: { 'public-url': 'https://mcp.example.com' } });
    expect(decodeJwt(out.trim())).toEqual({
      iss: 'https://mcp.example.com',
      sub: 'alice',
      aud: 'https://mcp.example.com/mcp/review',
      iat: 5000,
      exp: 5900,
      jti: expect.any(String),
      groups: ['ops', 'dev'],
      scope: 'read write',
    });
  });

  test.each([
    ['a time that is none', ['--ttl', 'soon'], 2, 'found "soon"'],
    ['no time at all', ['--ttl', '0s'], 2, 'found "0s"'],
    ['a time without end', ['--ttl', '400d'], 2, 'at most 366d'],
    ['a surface that cannot be', ['--surface', '../x'], 2, '--surface: a name is lower-case'],
    ['a subject that is empty', ['--sub', ''], 2, '--sub wants a name'],
    ['an unknown flag', ['--admin'], 2, 'admin'],
  ])('%s is refused', async (_, args, status, wanted) => {
    const answer = await call(token.run, args);
    expect([answer.status, answer.out]).toEqual([status, '']);
    expect(answer.err).toContain(wanted);
  });

  test('without a key says what to do, with a spoiled one what is wrong', async () => {
    expect((await call(token.run, [], { flags: { home: folder } })).err).toContain('start Chancery with "chancery up"');
    const secret = JSON.parse(readFileSync(join(home, 'issuer.key.json'), 'utf8')).d;
    writeFileSync(join(home, 'issuer.key.json'), `{"d":"${secret}"`);
    const answer = await call(token.run, []);
    expect([answer.status, answer.out, answer.err]).toEqual([
      1,
      '',
      expect.stringContaining('does not hold a private ES256 key'),
    ]);
    expect(answer.err).not.toContain(secret);
  });
});

test('a table cuts what could steer a terminal', () => {
  expect(
    table([
      ['A', 'B'],
      ['x\u001b[2J', 'y\n'],
    ]),
  ).toBe('A      B\nx [2J  y\n');
});
