import { pino } from 'pino';
import { expect, test } from 'vitest';
import { OWN_TYPES } from '../../core/contract.ts';
import type { DeltaRequest, DeltaResponse } from '../../core/grpc/ads.ts';
import { type Connection, createHub, type Hub, type Transport } from './hub.ts';
import { buildOwnSnapshot, type OwnResources } from './own-snapshot.ts';
import { CDS, LDS, SDS } from './resource-types.ts';
import { type Snapshot, typeSnapshot } from './snapshot.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [member: string]: unknown;
}

interface Client {
  readonly connection: Connection;
  readonly got: DeltaResponse[];
  ask(typeUrl: string, request?: Partial<DeltaRequest>): ReturnType<Connection['request']>;
  ack(error?: string): void;
}

function start(): { readonly hub: Hub; readonly lines: Line[]; client(group: string, transport?: Transport): Client } {
  const lines: Line[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as Line) });
  let clock = 1000;
  const hub = createHub({ log, now: () => clock++ });
  return {
    hub,
    lines,
    client(group, transport = 'unix') {
      const got: DeltaResponse[] = [];
      const connection = hub.open(transport, (response) => void got.push(response))!;
      const ask: Client['ask'] = (typeUrl, request = {}) =>
        connection.request({
          node: { id: `${group}-1`, cluster: group },
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
      return { connection, got, ask, ack };
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
  ['an unknown group', { node: { id: 'n', cluster: 'Envoy' } }, 'PERMISSION_DENIED', /"Envoy".*envoy, ext-proc/],
  ['no group', { node: { id: 'n', cluster: '' } }, 'PERMISSION_DENIED', /""/],
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
  ['servers on TCP are served', 'ext-proc', OWN_TYPES.server, 'tcp', null],
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

test('the table of nodes is plain data', () => {
  const { hub, client } = start();
  hub.setSnapshot('envoy', listeners({ l: '1', m: '1' }));
  const one = client('envoy', 'tcp');
  one.ask(LDS.typeUrl);
  one.ack('Error adding/updating listener(s) m: no');
  const version = hub.nodes()[0]!.types[0]!.sent;
  expect(hub.nodes()).toEqual([
    {
      id: 'envoy-1',
      group: 'envoy',
      transport: 'tcp',
      connectedSinceMs: expect.any(Number),
      lastContactMs: expect.any(Number),
      types: [
        {
          typeUrl: LDS.typeUrl,
          label: 'LDS',
          sent: version,
          acked: null,
          nacked: {
            version,
            message: 'Error adding/updating listener(s) m: no',
            resources: ['m'],
            atMs: expect.any(Number),
          },
        },
      ],
    },
  ]);
  expect(hub.nodes()[0]!.lastContactMs).toBeGreaterThan(hub.nodes()[0]!.connectedSinceMs);
  expect(structuredClone(hub.nodes())).toEqual(hub.nodes());
  one.connection.close();
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
  const open = Array.from({ length: 1_000 }, () => hub.open('unix', () => {}));
  expect(open.every((connection) => connection !== null)).toBe(true);
  expect(hub.open('unix', () => {})).toBeNull();
  open[0]!.close();
  open[0]!.close();
  expect(hub.open('unix', () => {})).not.toBeNull();
  expect(hub.open('unix', () => {})).toBeNull();
});

test('strangers on TCP keep nobody out of the Unix socket, nor make the publisher wait for a service', async () => {
  const { hub, client } = start();
  const open = Array.from({ length: 1_000 }, () => hub.open('tcp', () => {}));
  expect(hub.open('tcp', () => {})).toBeNull();
  expect(hub.open('unix', () => {})).not.toBeNull();
  open[0]!.close();
  hub.setSnapshot('ext-proc', own({ tombstone: new Map([['t', { tokenId: 't', expiresAtMs: 1 }]]) }));
  client('ext-proc', 'tcp').ask(OWN_TYPES.tombstone);
  expect(await hub.acked('ext-proc', [{ typeUrl: OWN_TYPES.tombstone }], 10_000)).toBe('nobody');
});
