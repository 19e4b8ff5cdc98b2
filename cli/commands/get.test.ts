import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { NodeStatus } from '../../controlplane/xds/nodes.ts';
import { type Instance, NOW_MS, openInstance, SERVER, SURFACE } from '../testdata/instance.ts';
import { type PlayedApi, playApi } from '../testdata/played-api.ts';
import * as apply from './apply.ts';
import * as get from './get.ts';
import * as history from './history.ts';

const cds = { typeUrl: 't', label: 'CDS', sent: 'v2', acked: 'v2', nacked: null };
const node: NodeStatus = {
  id: 'envoy-1',
  client: 'envoy',
  group: 'edge',
  transport: 'unix',
  variant: 'delta',
  userAgent: 'envoy 1.40.0',
  connected: true,
  streams: 1,
  connectedSinceMs: NOW_MS - 60_000,
  lastContactMs: NOW_MS - 2_000,
  disconnectedAtMs: null,
  types: [cds],
};
const nack = { version: 'v2', message: 'no such field:\n\u001b[31mx', resources: ['l'], atMs: NOW_MS };
const refused = { ...cds, label: 'LDS', acked: 'v1', nacked: nack };
const NODES: readonly NodeStatus[] = [
  node,
  { ...node, id: 'envoy-2', types: [cds, refused] },
  { ...node, id: 'proc-1', client: 'ext-proc', group: 'ext-proc', types: [cds, { ...cds, acked: null }] },
  // It came back, and holds all there is.
  { ...node, id: 'bridge-1', client: 'bridge', group: 'bridge', types: [{ ...cds, sent: null, acked: null }] },
  { ...node, id: 'authz-1', client: 'ext-authz', group: 'ext-authz', connected: false, disconnectedAtMs: NOW_MS - 9e6 },
];

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance({
    nodes: () => NODES,
    warnings: (name) => (name === 's' ? ['it has 12 tools', 'two tools say the same'] : []),
    health: async () => [
      { address: '127.0.0.1:3001', healthy: true },
      { address: '127.0.0.1:3002', healthy: false },
    ],
  });
  const more = ['    state: staging', 'owner: { team: core }', 'labels: { team: core }', 'classification: internal'];
  instance.write(
    'all.yaml',
    ...SERVER,
    ...more,
    '---',
    ...SURFACE,
    '---',
    'kind: Runtime',
    'name: r',
    'values: {a.b: 1}',
  );
  instance.write('group.yaml', 'kind: NodeGroup', 'name: edge', 'match: { ids: ["e*"], metadata: { zone: "1" } }');
  const { status } = await instance.call(apply.run, ['-f', 'all.yaml', '-f', 'group.yaml', '--why', 'the beginning']);
  expect(status).toBe(0);
  await instance.registry.saveDiscovery('a', '1', { ok: false, error: 'initialize: HTTP 503' });
});
afterEach(() => instance.close());

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

describe('get', () => {
  test.each([
    [
      'servers',
      lines(
        'NAME  VERSION  STATE    TOOLS  STATUS',
        'a     1        staging  -      not read: initialize: HTTP 503 (0 s ago)',
      ),
    ],
    [
      'surfaces',
      lines(
        'NAME  AUTH   DECISION  SERVERS  WARNINGS',
        's     token  ext_proc  a        it has 12 tools; two tools say the same',
      ),
    ],
    ['policies', lines('NAME  RULES  SURFACES')],
    ['secrets', lines('NAME  TYPE')],
    ['node-groups', lines('NAME  MATCH                    SURFACES', 'edge  ids e*; metadata zone=1  *')],
    ['runtimes', lines('NAME  VALUES', 'r     a.b=1')],
    ['keys', lines('ID  SUB  OPENS  USED  STATUS  DESCRIPTION')],
    [
      'nodes',
      lines(
        'ID        GROUP       BY    CONTACT  ACKED  STATUS',
        'envoy-1   envoy/edge  unix  2 s ago  1/1    ok',
        'envoy-2   envoy/edge  unix  2 s ago  1/2    LDS refused v2: no such field:\\u000a\\u001b[31mx',
        'proc-1    ext-proc    unix  2 s ago  1/2    behind',
        'bridge-1  bridge      unix  2 s ago  1/1    ok',
        'authz-1   ext-authz   unix  2 s ago  1/1    gone for 3 h',
        '-         ext-authz   -     -        -      not connected: see ext-authz.log',
      ),
    ],
  ])('%s is a table', async (what, wanted) => {
    expect(await instance.call(get.run, [what])).toEqual({ status: 0, out: wanted, err: '' });
  });

  test.each([
    ['the name of one', ['node', 'envoy-2']],
    ['-o wide', ['nodes', '-o', 'wide']],
  ])('nodes with %s shows what was sent, acknowledged and refused of each type', async (_, args) => {
    const { out } = await instance.call(get.run, args);
    expect(out).toMatch(/^ID +GROUP +BY +CONTACT +VARIANT +.*TYPE +SENT +ACKED +NACKED +STATUS$/m);
    expect(out).toMatch(/^envoy-2 .* LDS +v2 +v1 +v2 +refused v2: no such field:/m);
    expect(out.includes('envoy-1')).toBe(args.length === 3);
  });

  test('of one server shows what Envoy says of its replicas', async () => {
    const discovered = {
      hash: 'h',
      protocolVersion: '2025-11-25',
      serverInfo: { name: 'x' },
      capabilities: {},
      tools: { bare: [], full: [{ name: 'echo' }] },
      prompts: { bare: [], full: [] },
      resources: { bare: [], full: [] },
      resourceTemplates: { bare: [], full: [] },
    };
    await instance.registry.saveDiscovery('a', '1', { ok: true, discovered });
    expect((await instance.call(get.run, ['server', 'a'])).out).toMatch(
      /^a +1 +staging +1 +1 of 2 replicas unhealthy: 127\.0\.0\.1:3002$/m,
    );
  });

  test('-o wide shows more columns', async () => {
    const { out } = await instance.call(get.run, ['servers', '-o', 'wide']);
    expect(out).toMatch(/^NAME +VERSION +STATE +TOOLS +OWNER +CLASSIFICATION +LABELS +DESCRIPTION +STATUS$/m);
    expect(out).toMatch(/^a +1 +staging +- +core +internal +team=core +- +not read/m);
  });

  test.each([
    ['a label that it has', 'team=core', true],
    ['a label with another value', 'team=other', false],
    ['a key that it has', 'team', true],
    ['a key that it has not', 'tier', false],
  ])('-l with %s chooses', async (_, label, there) => {
    const { out } = await instance.call(get.run, ['servers', '-l', label]);
    expect(out.includes('\na ')).toBe(there);
  });

  test('as JSON is what the API says, and as YAML a document each', async () => {
    const { out } = await instance.call(get.run, ['servers', '-o', 'json']);
    const item = { name: 'a', status: { versions: [{ discovered: false, error: 'initialize: HTTP 503' }] } };
    expect(JSON.parse(out)).toMatchObject({ revision: 1, items: [item] });
    const one = await instance.call(get.run, ['surface', 's', '-o', 'json']);
    expect(JSON.parse(one.out)).toMatchObject({ kind: 'Surface', name: 's' });
    const yaml = await instance.call(get.run, ['servers', '-o', 'yaml']);
    expect(parseAllDocuments(yaml.out)[0]?.toJS()).toMatchObject(item);
  });

  test('the log and the history say who, when and why', async () => {
    const { out } = await instance.call(get.run, ['log', '--limit', '1']);
    expect(out).toMatch(/^REVISION +AT +WHO +WHAT +CHANGE +WHY$/m);
    expect(out).toMatch(/^1 +2026-11-21T12:00:00.000Z +operator-token +\S+ +\S.* +the beginning$/m);
    const { out: own } = await instance.call(history.run, ['server', 'a']);
    expect(own).toMatch(/ server\/a +1 new -> staging +the beginning$/m);
    expect(own).not.toContain('surface/s');
    const { out: json } = await instance.call(history.run, ['server', 'a', '-o', 'json']);
    expect(JSON.parse(json).items.at(-1)).toMatchObject({ document: { kind: 'Server' } });
  });

  test('fewer than there are says so', async () => {
    const { err } = await instance.call(get.run, ['log', '--limit', '2']);
    expect(err).toBe('get: there are more than these 2: see --limit\n');
  });

  test.each([
    ['of nothing', [], 'usage: chancery get'],
    ['of what there is not', ['tools'], 'there is no kind "tools"; the kinds are issuers, keys, log,'],
    ['of what is misspelt', ['severs'], 'there is no kind "severs" (did you mean "servers"?)'],
    ['of an inherited member', ['constructor'], 'there is no kind "constructor"'],
    ['in another form', ['servers', '-o', 'xml'], 'found -o xml, wanted json, yaml or wide'],
    ['of a name that is not there', ['servers', 'zebra'], 'no Server is named "zebra"'],
    ['of a node that is not there', ['nodes', 'zebra'], 'no node has the id "zebra"'],
    ['of none', ['servers', '--limit', '0'], '--limit is a whole number from 1'],
    ['of a label that is none', ['servers', '-l', 'A B'], 'wanted KEY=VALUE'],
    ['of a label of nodes', ['nodes', '-l', 'a=b'], '-l chooses among documents'],
    ['of the log of a name', ['log', 'a'], 'chancery history KIND NAME'],
    ['of the history of what is not there', ['server', 'b', 'c'], 'found "c" where nothing more is wanted'],
  ])('%s says so', async (_, args, wanted) => {
    const answer = await instance.call(get.run, args);
    expect([answer.status, answer.out]).toEqual([1, '']);
    expect(answer.err).toContain(wanted);
  });
});

describe('a list in pages', () => {
  let api: PlayedApi;
  afterEach(() => api.close());

  test('is read to its end', async () => {
    const names = ['a', 'b', 'c'];
    api = await playApi(tmpdir(), ({ path }) => {
      const at = Number(new URL(path, 'http://x').searchParams.get('cursor') ?? 0);
      const item = { name: names[at], type: 'opaque' };
      return { body: { revision: 1, items: [item], ...(at < 2 ? { next: String(at + 1) } : {}) } };
    });
    expect((await api.call(get.run, ['secrets'])).out).toBe(
      lines('NAME  TYPE', ...names.map((name) => `${name}     opaque`)),
    );
    expect(api.asked.map(({ path }) => path)).toEqual([
      '/v1/secrets?limit=1000',
      '/v1/secrets?limit=1000&cursor=1',
      '/v1/secrets?limit=1000&cursor=2',
    ]);
  });

  test('without an end is given up', async () => {
    api = await playApi(tmpdir(), () => ({ body: { items: [], next: 'again' } }));
    expect(await api.call(get.run, ['secrets'])).toEqual({
      status: 1,
      out: '',
      err: 'get: the list has more than 200 pages\n',
    });
  });

  test.each([
    ['a list of another shape', { things: [] }, 'its list has another shape'],
    ['items of another shape', { items: [{ title: 'x' }] }, 'use -o json'],
  ])('%s is told', async (_, body, wanted) => {
    api = await playApi(tmpdir(), () => ({ body }));
    expect(await api.call(get.run, ['secrets'])).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining(wanted),
    });
  });

  test.each([
    ['a table', [], '\\u009b31m\\u202e'],
    ['JSON', ['-o', 'json'], '\\u009b31m\\u202e'],
    ['YAML', ['-o', 'yaml'], '\\u009b31m\\u202e'],
  ])('what could steer a terminal is written out in %s', async (_, flags, wanted) => {
    const item = { name: 'a', type: 'x\u009b31m\u202e' };
    api = await playApi(tmpdir(), () => ({ body: { items: [item] } }));
    const { out } = await api.call(get.run, ['secrets', ...flags]);
    expect(out).toContain(wanted);
    expect(out).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    if (flags[1] === 'json') expect(JSON.parse(out).items).toEqual([item]);
    if (flags[1] === 'yaml') expect(parseAllDocuments(out)[0]?.toJS()).toEqual(item);
  });
});
