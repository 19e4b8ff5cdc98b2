import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { OWN_TYPES } from '../../core/contract.ts';
import type { AdsNode, DeltaRequest, DeltaResponse } from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Identity } from '../../core/xds-client/identity.ts';
import { type AnyResponse, type Connection, createHub, type Hub, type Peer, type Transport } from './hub.ts';
import type { XdsMetrics } from './metrics.ts';
import { buildOwnSnapshot, type OwnResources } from './own-snapshot.ts';
import { CDS, LDS, SDS } from './resource-types.ts';
import { type Snapshot, typeSnapshot } from './snapshot.ts';
import type { Refusal } from './stream.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [member: string]: unknown;
}

interface Client {
  readonly connection: Connection;
  readonly got: DeltaResponse[];
  readonly ended: Refusal[];
  ask(typeUrl: string, request?: Partial<DeltaRequest>): ReturnType<Connection['request']>;
  ack(error?: string): void;
}

const peer = (transport: Transport = 'unix', identity: Identity | null = null): Peer => {
  return { transport, variant: 'delta', typeUrl: null, identity };
};
const NOBODY = { send: () => 0, end: () => {} };

const closing: Hub[] = [];
afterEach(() => {
  for (const hub of closing.splice(0)) hub.close();
});

interface World {
  readonly hub: Hub;
  readonly lines: Line[];
  readonly counted: string[];
  tick(byMs: number): void;
  client(group: string, from?: Transport | Peer, node?: Partial<AdsNode>): Client;
}

function start(): World {
  const lines: Line[] = [];
  const counted: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as Line) });
  let clock = 1000;
  const metrics: XdsMetrics = {
    connected: ({ group, transport }, by) => counted.push(`${group} ${transport} ${by}`),
    sent: (type, resources, bytes) => counted.push(`sent ${type} ${resources} ${bytes}`),
    acked: (type) => counted.push(`acked ${type}`),
    nacked: (type) => counted.push(`nacked ${type}`),
    pushed: (latencyMs) => counted.push(`pushed ${latencyMs}`),
  };
  let streams = 0;
  const hub = createHub({ log, now: () => clock, metrics, streamId: () => `s${streams++}` });
  closing.push(hub);
  return {
    hub,
    lines,
    counted,
    tick: (byMs) => {
      clock += byMs;
    },
    client(group, from = 'unix', node = {}) {
      const got: DeltaResponse[] = [];
      const ended: Refusal[] = [];
      const opened = hub.open(typeof from === 'string' ? peer(from) : from, {
        send: (response: AnyResponse) => got.push(response as DeltaResponse) * 10,
        end: (reason) => ended.push(reason),
      });
      if ('code' in opened) throw new Error(opened.message);
      const connection = opened;
      const ask: Client['ask'] = (typeUrl, request = {}) =>
        connection.request({
          node: { id: `${group}-1`, cluster: group, ...node },
          typeUrl,
          subscribe: ['*'],
          unsubscribe: [],
          initialVersions: new Map(),
          responseNonce: '',
          error: null,
          ...request,
        });
      const ack: Client['ack'] = (error) => {
        const { typeUrl, nonce } = got.at(-1)!;
        ask(typeUrl, { subscribe: [], responseNonce: nonce, error: error ?? null });
      };
      return { connection, got, ended, ask, ack };
    },
  };
}

const listeners = (versions: Readonly<Record<string, string>>): Snapshot => {
  const held = Object.entries(versions).map(
    ([name, version]) => [name, { version, bytes: Buffer.from(name) }] as const,
  );
  return { types: new Map([[LDS.typeUrl, typeSnapshot(new Map(held))]]), references: [], endpointsOf: new Map() };
};
const own = (resources: OwnResources): Snapshot => buildOwnSnapshot(resources, 1);
const LISTENERS = [{ typeUrl: LDS.typeUrl }];

test('each group is given its own snapshot', () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  hub.setSnapshot('ext-proc', own({ tombstone: new Map([['t', { tokenId: 't', expiresAtMs: 1 }]]) }));
  const envoy = client('envoy');
  const extProc = client('ext-proc');
  expect(envoy.ask(LDS.typeUrl)).toBeNull();
  expect(extProc.ask(OWN_TYPES.tombstone)).toBeNull();
  expect(envoy.got.map(({ resources }) => resources.map(({ name }) => name))).toEqual([['l']]);
  expect(extProc.got.map(({ resources }) => resources.map(({ name }) => name))).toEqual([['t']]);
});

test.each<[string, Partial<DeltaRequest>, string, RegExp]>([
  ['no node', { node: null }, 'INVALID_ARGUMENT', /node\.id/],
  ['no id', { node: { id: '', cluster: 'envoy' } }, 'INVALID_ARGUMENT', /node\.id/],
  ['a long id', { node: { id: 'n'.repeat(257), cluster: 'envoy' } }, 'INVALID_ARGUMENT', /256/],
])('%s is refused and logged', (_name, request, code, message) => {
  const { hub, lines, client } = start();
  expect(client('envoy').ask(LDS.typeUrl, request)).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(hub.nodes()).toEqual([]);
  expect(lines.map(({ level }) => level)).toEqual([40]);
});

test.each<[string, string, string, Transport, string | null]>([
  ['keys on a Unix socket are served', 'ext-proc', OWN_TYPES.sessionKey, 'unix', null],
  ['keys on TCP are refused', 'ext-proc', OWN_TYPES.sessionKey, 'tcp', 'PERMISSION_DENIED'],
  ['policies and principals on TCP are refused', 'ext-proc', OWN_TYPES.server, 'tcp', 'PERMISSION_DENIED'],
  ['an Envoy on TCP is served', 'envoy', LDS.typeUrl, 'tcp', null],
  ['an Envoy may be called by any other name', 'edge of team a', LDS.typeUrl, 'tcp', null],
  ['and is given nothing of our own', 'Bridge', OWN_TYPES.stdioServer, 'unix', 'INVALID_ARGUMENT'],
  ['commands on TCP are refused', 'bridge', OWN_TYPES.stdioServer, 'tcp', 'PERMISSION_DENIED'],
  ["Envoy's secrets on TCP are refused", 'envoy', SDS.typeUrl, 'tcp', 'PERMISSION_DENIED'],
  ["Envoy's secrets on a Unix socket are served", 'envoy', SDS.typeUrl, 'unix', null],
  ['keys of another group are refused', 'ext-authz', OWN_TYPES.sessionKey, 'unix', 'INVALID_ARGUMENT'],
])('%s', (_name, group, typeUrl, transport, code) => {
  const { hub, client } = start();
  hub.setSnapshot('ext-proc', own({ sessionKey: new Map([['k', { kid: 'k', key: 'secret', active: true }]]) }));
  const one = client(group, transport);
  expect(one.ask(typeUrl)?.code ?? null).toBe(code);
  if (code !== null) expect(one.got).toEqual([]);
});

test('the table of nodes is plain data, and shows who left', () => {
  const { hub, client, tick } = start();
  hub.setSnapshot('envoy', listeners({ l: '1', m: '1' }));
  const one = client('envoy', 'tcp', { userAgent: 'envoy 1.40.0' });
  one.ask(LDS.typeUrl);
  tick(5);
  one.ack('Error adding/updating listener(s) m: no');
  const version = hub.nodes()[0]!.types[0]!.sent;
  const nacked = { version, message: 'Error adding/updating listener(s) m: no', resources: ['m'], atMs: 1005 };
  const status = {
    id: 'envoy-1',
    client: 'envoy',
    group: 'envoy',
    transport: 'tcp',
    variant: 'delta',
    userAgent: 'envoy 1.40.0',
    connected: true,
    streams: 1,
    connectedSinceMs: 1000,
    lastContactMs: 1005,
    disconnectedAtMs: null,
    types: [{ typeUrl: LDS.typeUrl, label: 'LDS', sent: version, acked: null, nacked }],
  };
  expect(hub.nodes()).toEqual([status]);
  expect(structuredClone(hub.nodes())).toEqual(hub.nodes());
  tick(5);
  one.connection.close();
  expect(hub.nodes()).toEqual([{ ...status, connected: false, streams: 0, disconnectedAtMs: 1010 }]);
  tick(LIMITS.xdsNodesGoneMs + 1);
  expect(hub.nodes()).toEqual([]);
});

test('a refusal is one line that names the node, the type, the resource and the reason', () => {
  const { hub, lines, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  const one = client('envoy');
  one.ask(LDS.typeUrl);
  lines.splice(0);
  one.ack('l: route_specifier is required');
  expect(lines).toHaveLength(1);
  expect(lines[0]!.msg).toBe(
    'envoy "envoy-1" refused LDS "l": it goes on with what it had, and is not sent the same again; mend what its message names and publish again',
  );
  expect(lines[0]).toMatchObject({
    node: 'envoy-1',
    type: 'LDS',
    resources: ['l'],
    message: 'l: route_specifier is required',
  });
});

test('nobody connected: nobody is waited for', async () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  expect(await hub.acked('envoy', LISTENERS, 10_000)).toBe('nobody');
  client('envoy').ask(CDS.typeUrl);
  expect(await hub.acked('envoy', LISTENERS, 10_000)).toBe('nobody');
});

test('all nodes of the group are waited for, and no others', async () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  const [one, two, other] = [client('envoy'), client('envoy'), client('ext-proc')];
  one.ask(LDS.typeUrl);
  two.ask(LDS.typeUrl);
  other.ask(OWN_TYPES.server);
  let outcome = '';
  const waiting = hub.acked('envoy', LISTENERS, 10_000).then((found) => {
    outcome = found;
  });
  one.ack();
  await Promise.resolve();
  expect(outcome).toBe('');
  two.ack();
  await waiting;
  expect(outcome).toBe('acked');
  expect(await hub.acked('envoy', LISTENERS, 10_000)).toBe('acked');
});

test.each<[string, (client: Client, hub: Hub) => void, string]>([
  ['a refusal', (client) => client.ack('l: no'), 'nacked'],
  ['the last node leaving', (client) => client.connection.close(), 'nobody'],
  ['the end of the server', (_client, hub) => hub.close(), 'nobody'],
])('%s ends the wait', async (_name, act, outcome) => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  const one = client('envoy');
  one.ask(LDS.typeUrl);
  const waiting = hub.acked('envoy', LISTENERS, 10_000);
  act(one, hub);
  expect(await waiting).toBe(outcome);
});

test('a silent node is waited for until the deadline', async () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  client('envoy').ask(LDS.typeUrl);
  expect(await hub.acked('envoy', LISTENERS, 1)).toBe('deadline');
});

test('a newer snapshot satisfies an older wait', async () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  const one = client('envoy');
  one.ask(LDS.typeUrl);
  const waiting = hub.acked('envoy', LISTENERS, 10_000);
  hub.setSnapshot('envoy', listeners({ l: '2' }));
  one.ack();
  one.ack();
  expect(one.got.map(({ resources }) => resources[0]?.version)).toEqual(['1', '2']);
  expect(await waiting).toBe('acked');
});

test('streams are bounded', () => {
  const { hub } = start();
  const open = Array.from({ length: LIMITS.xdsStreamsMax }, () => hub.open(peer(), NOBODY));
  const refused = { code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining(String(LIMITS.xdsStreamsMax)) };
  expect(open.every((connection) => 'request' in connection)).toBe(true);
  expect(hub.open(peer(), NOBODY)).toEqual(refused);
  const [first] = open as Connection[];
  first!.close();
  first!.close();
  expect(hub.open(peer(), NOBODY)).not.toHaveProperty('code');
  expect(hub.open(peer(), NOBODY)).toEqual(refused);
});

test('strangers on TCP keep nobody out of the Unix socket, nor make the publisher wait for a service', async () => {
  const { hub, client } = start();
  const open = Array.from({ length: LIMITS.xdsStreamsMax }, () => hub.open(peer('tcp'), NOBODY)) as Connection[];
  expect(hub.open(peer('tcp'), NOBODY)).toHaveProperty('code');
  expect(hub.open(peer(), NOBODY)).not.toHaveProperty('code');
  open[0]!.close();
  hub.setSnapshot('ext-proc', own({ tombstone: new Map([['t', { tokenId: 't', expiresAtMs: 1 }]]) }));
  client('ext-proc', 'tcp').ask(OWN_TYPES.tombstone);
  expect(await hub.acked('ext-proc', [{ typeUrl: OWN_TYPES.tombstone }], 10_000)).toBe('nobody');
});

test('what a stranger on TCP refuses under the name of a node is not held against that node', () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: 'bad' }));
  const stranger = client('envoy', 'tcp');
  stranger.ask(LDS.typeUrl);
  stranger.ack('l: no');
  const one = client('envoy');
  one.ask(LDS.typeUrl, { initialVersions: new Map([['l', 'good']]) });
  expect(one.got[0]?.resources.map(({ name }) => name)).toEqual(['l']);
  expect(hub.nodes()).toHaveLength(2);
});

test('Envoys are put into groups by what they say of themselves, and moved when the groups change', () => {
  const { hub, client, counted } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  hub.setSnapshot('edge', listeners({ l: '1', e: '1' }));
  const seen: unknown[] = [];
  hub.setGroups((node) => {
    seen.push(node);
    return node.metadata.stage === 'edge' || node.zone === 'eu' ? 'edge' : 'envoy';
  });
  const plain = client('envoy');
  const edge = client('envoy', 'unix', { id: 'e', metadata: { stage: 'edge' } });
  const zone = client('envoy', 'unix', { id: 'z', zone: 'eu' });
  for (const one of [plain, edge, zone]) one.ask(LDS.typeUrl);
  const names = (one: Client): readonly string[] => one.got.at(-1)!.resources.map(({ name }) => name);
  expect([names(plain), names(edge), names(zone)]).toEqual([['l'], ['l', 'e'], ['l', 'e']]);
  expect(seen[1]).toMatchObject({ id: 'e', cluster: 'envoy', metadata: { stage: 'edge' }, zone: '' });
  expect(hub.nodes().map(({ id, group }) => [id, group])).toEqual([
    ['envoy-1', 'envoy'],
    ['e', 'edge'],
    ['z', 'edge'],
  ]);
  for (const one of [plain, edge, zone]) one.ack();
  counted.splice(0);
  hub.setGroups(({ id }) => (id === 'e' ? 'envoy' : 'edge'));
  // Only what is another one in the new group.
  expect([names(plain), edge.got.at(-1)!.removed, zone.got]).toEqual([['e'], ['e'], [expect.anything()]]);
  expect(counted).toContain('envoy unix -1');
  plain.ack();
  // A snapshot of the group that it left is not for it.
  hub.setSnapshot('envoy', listeners({ l: '2' }));
  expect(names(plain)).toEqual(['e']);
  hub.setSnapshot('edge', listeners({ l: '3', e: '1' }));
  expect(plain.got.at(-1)!.resources).toMatchObject([{ name: 'l', version: '3' }]);
});

test('a service is in its own group whatever the resolver says', () => {
  const { hub, client } = start();
  hub.setGroups(() => 'edge');
  client('bridge').ask(OWN_TYPES.stdioServer);
  expect(hub.nodes()).toMatchObject([{ client: 'bridge', group: 'bridge' }]);
});

test.each<[string, Identity, Partial<AdsNode>, RegExp | null]>([
  ['the node of the certificate is served', { group: 'envoy', id: 'envoy-1' }, {}, null],
  ['another id is refused', { group: 'envoy', id: 'envoy-2' }, {}, /node "envoy-2" of the group "envoy".*"envoy-1"/],
  ['another kind of client is refused', { group: 'ext-proc', id: 'envoy-1' }, {}, /of the group "ext-proc"/],
  [
    'a group that its metadata says is refused',
    { group: 'envoy', id: 'envoy-1' },
    { metadata: { stage: 'edge' } },
    /of "edge"$/,
  ],
  ['the group of the certificate is given', { group: 'edge', id: 'envoy-1' }, { metadata: { stage: 'edge' } }, null],
])('with a certificate %s', (_name, identity, node, message) => {
  const { hub, client, lines } = start();
  hub.setGroups(({ metadata }) => metadata.stage ?? 'envoy');
  const refusal = client('envoy', peer('mtls', identity), node).ask(SDS.typeUrl);
  if (message === null) {
    expect(refusal).toBeNull();
    expect(hub.nodes()).toMatchObject([{ transport: 'mtls' }]);
  } else {
    expect(refusal).toEqual({ code: 'PERMISSION_DENIED', message: expect.stringMatching(message) });
    expect(lines.at(-1)).toMatchObject({ level: 40, msg: expect.stringMatching(message) });
    expect(hub.nodes()).toEqual([]);
  }
});

test('an Envoy whose certificate does not allow its new group is ended', () => {
  const { hub, client } = start();
  const one = client('envoy', peer('mtls', { group: 'envoy', id: 'envoy-1' }));
  one.ask(LDS.typeUrl);
  hub.setGroups(() => 'edge');
  expect(one.ended).toMatchObject([{ code: 'PERMISSION_DENIED' }]);
});

test('several streams of one node are one node', async () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  const [lds, cds] = [LDS, CDS].map(({ typeUrl }) => client('envoy', { ...peer(), typeUrl }));
  expect(lds!.ask(CDS.typeUrl)).toMatchObject({ code: 'INVALID_ARGUMENT' });
  lds!.ask(LDS.typeUrl);
  cds!.ask(CDS.typeUrl);
  expect(hub.nodes()).toMatchObject([{ streams: 2, types: [{ label: 'LDS' }, { label: 'CDS' }] }]);
  const waiting = hub.acked('envoy', [{ typeUrl: CDS.typeUrl }, ...LISTENERS], 10_000);
  cds!.ack();
  lds!.ack();
  expect(await waiting).toBe('acked');
  lds!.connection.close();
  expect(hub.nodes()).toMatchObject([{ connected: true, streams: 1 }]);
  cds!.connection.close();
  expect(hub.nodes()).toMatchObject([{ connected: false, types: [{ label: 'LDS' }, { label: 'CDS' }] }]);
});

test('what a node refused is not sent to it again after a reconnect, and is still shown', () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: 'good', m: '1' }));
  const one = client('envoy');
  one.ask(LDS.typeUrl);
  one.ack();
  hub.setSnapshot('envoy', listeners({ l: 'bad', m: '1' }));
  one.ack('l: no');
  one.connection.close();
  const back = { initialVersions: new Map(Object.entries({ l: 'good', m: '1' })) };
  const again = client('envoy');
  again.ask(LDS.typeUrl, back);
  expect(again.got).toMatchObject([{ resources: [], removed: [] }]);
  expect(hub.nodes()).toMatchObject([{ types: [{ nacked: { message: 'l: no', resources: ['l'] } }] }]);
  again.ack();
  hub.setSnapshot('envoy', listeners({ l: 'mended', m: '1' }));
  expect(again.got.at(-1)!.resources).toMatchObject([{ name: 'l', version: 'mended' }]);
  again.ack();
  expect(hub.nodes()).toMatchObject([{ types: [{ nacked: null }] }]);
});

test('a process that begins anew is sent what the one before it refused', () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: 'bad' }));
  const one = client('envoy');
  one.ask(LDS.typeUrl);
  one.ack('l: the port is taken');
  one.connection.close();
  const again = client('envoy');
  again.ask(LDS.typeUrl);
  expect(again.got[0]!.resources).toMatchObject([{ name: 'l', version: 'bad' }]);
});

test('streams, responses, answers and the time that a push takes are counted', () => {
  const { hub, client, counted, tick } = start();
  hub.setSnapshot('envoy', listeners({ l: '1' }));
  const one = client('envoy');
  one.ask(LDS.typeUrl);
  one.ack();
  // What was asked for was not pushed.
  expect(counted.splice(0)).toEqual(['envoy unix 1', 'sent LDS 1 10', 'acked LDS']);
  hub.setSnapshot('envoy', listeners({ l: '2' }));
  tick(3);
  hub.setSnapshot('envoy', listeners({ l: '3' }));
  tick(4);
  one.ack();
  tick(5);
  one.ack('l: no');
  one.connection.close();
  expect(counted).toEqual(['sent LDS 1 20', 'acked LDS', 'pushed 7', 'sent LDS 1 30', 'nacked LDS', 'envoy unix -1']);
});

test('what has a TTL is renewed at every heartbeat, for clients that know of it', () => {
  vi.useFakeTimers();
  try {
    const { hub, client } = start();
    const held = new Map([['l', { version: '1', bytes: Buffer.from('l'), ttlMs: LIMITS.xdsTtlMs }]]);
    hub.setSnapshot('envoy', {
      types: new Map([[LDS.typeUrl, typeSnapshot(held)]]),
      references: [],
      endpointsOf: new Map(),
    });
    const one = client('envoy', 'unix', { id: 'n', features: ['xds.config.supports-resource-ttl'] });
    const other = client('envoy');
    for (const each of [one, other]) {
      each.ask(LDS.typeUrl);
      each.ack();
    }
    vi.advanceTimersByTime(LIMITS.xdsHeartbeatMs);
    // Not answered yet: it is not asked again.
    vi.advanceTimersByTime(LIMITS.xdsHeartbeatMs);
    const ttlMs = LIMITS.xdsTtlMs;
    expect(one.got.map(({ resources }) => resources)).toEqual([
      [{ name: 'l', version: '1', bytes: Buffer.from('l'), ttlMs }],
      [{ name: 'l', version: '1', bytes: null, ttlMs }],
    ]);
    expect(other.got.map(({ resources }) => resources)).toEqual([
      [{ name: 'l', version: '1', bytes: Buffer.from('l') }],
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test('at the end streams are ended, and new ones refused', () => {
  const { hub, client } = start();
  const one = client('envoy');
  hub.close();
  expect(one.ended).toEqual([{ code: 'UNAVAILABLE', message: 'the control plane is closing' }]);
  expect(hub.open(peer(), NOBODY)).toMatchObject({ code: 'UNAVAILABLE' });
});
