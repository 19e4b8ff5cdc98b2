import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { DeltaRequest, DeltaResponse } from '../../core/grpc/ads.ts';
import { type Connection, createHub } from './hub.ts';
import { CDS, EDS } from './resource-types.ts';
import { type Snapshot, type SnapshotResource, typeSnapshot } from './snapshot.ts';

const NAMES = Array.from({ length: 2_000 }, (_, index) => `mcp.server-${index}.1`);
const CLIENTS = 200;
const WILDCARDS = 4;
const HELD = 40;

/** Counts how often somebody looks into it. */
class CountedMap extends Map<string, SnapshotResource> {
  looks = 0;
  override get(name: string): SnapshotResource | undefined {
    this.looks += 1;
    return super.get(name);
  }
  override has(name: string): boolean {
    this.looks += 1;
    return super.has(name);
  }
}

const resource = (version: string): SnapshotResource => ({ version, bytes: Buffer.from(version) });
const all = (): CountedMap => new CountedMap(NAMES.map((name) => [name, resource('1')]));

function start() {
  const clusters = typeSnapshot(all());
  const endpointsOf = new Map(NAMES.map((name) => [name, name]));
  const snapshot = (endpoints: CountedMap): Snapshot => {
    const types = new Map([
      [CDS.typeUrl, clusters],
      [EDS.typeUrl, { version: `${Math.random()}`, resources: endpoints }],
    ]);
    return { types, references: [], endpointsOf };
  };
  const hub = createHub({ log: pino({ level: 'silent' }), now: () => 0 });
  const endpoints = all();
  hub.setSnapshot('envoy', snapshot(endpoints));
  const sent: { readonly client: number; readonly response: DeltaResponse; readonly answer: () => void }[] = [];
  const drain = () => {
    const taken: typeof sent = [];
    for (let next = sent.shift(); next !== undefined; next = sent.shift()) {
      taken.push(next);
      next.answer();
    }
    return taken;
  };
  for (let client = 0; client < CLIENTS; client += 1) {
    const ask = (typeUrl: string, more: Partial<DeltaRequest>): unknown =>
      connection.request({
        node: { id: `n${client}`, cluster: 'envoy' },
        typeUrl,
        subscribe: [],
        unsubscribe: [],
        initialVersions: new Map(),
        responseNonce: '',
        error: null,
        ...more,
      });
    const connection = hub.open(
      { transport: 'unix', variant: 'delta', typeUrl: null, identity: null },
      {
        send(response) {
          const answer = (): void => void ask(response.typeUrl, { responseNonce: response.nonce });
          sent.push({ client, response: response as DeltaResponse, answer });
          return 0;
        },
        end: () => {},
      },
    ) as Connection;
    const first = (client * HELD) % NAMES.length;
    const subscribe = client < WILDCARDS ? ['*'] : NAMES.slice(first, first + HELD);
    ask(CDS.typeUrl, { subscribe });
    ask(EDS.typeUrl, { subscribe });
  }
  drain();
  return { hub, endpoints, snapshot, drain, close: () => hub.close() };
}

const holds = (client: number, index: number): boolean =>
  client < WILDCARDS || Math.floor(index / HELD) === client % (NAMES.length / HELD);

test('one changed endpoint is one resource to those that hold it, and nobody else is looked at', () => {
  const { hub, endpoints, snapshot, drain, close } = start();
  const index = 777;
  const next = new CountedMap(endpoints);
  next.set(NAMES[index]!, resource('2'));
  endpoints.looks = 0;
  hub.setSnapshot('envoy', snapshot(next));
  const sent = drain();
  const holders = Array.from({ length: CLIENTS }, (_, client) => client).filter((client) => holds(client, index));
  expect(holders.length).toBeGreaterThan(WILDCARDS);
  expect(sent.map(({ client }) => client)).toEqual(holders);
  for (const { response } of sent) {
    expect(response).toMatchObject({
      typeUrl: EDS.typeUrl,
      resources: [{ name: NAMES[index], version: '2' }],
      removed: [],
    });
  }
  // Once through both snapshots for all streams together; for each stream that holds it a few looks at that one name.
  expect(endpoints.looks).toBeLessThanOrEqual(NAMES.length);
  expect(next.looks).toBeLessThanOrEqual(NAMES.length + 20 * holders.length);
  close();
});

test('a snapshot in which nothing changed costs streams nothing', () => {
  const { hub, endpoints, snapshot, drain, close } = start();
  const same = new CountedMap(endpoints);
  hub.setSnapshot('envoy', snapshot(same));
  expect(drain()).toEqual([]);
  expect(same.looks).toBeLessThanOrEqual(NAMES.length);
  close();
});

test('who waits for new clusters is told when the last node that holds them acknowledged', async () => {
  const { hub, endpoints, snapshot, drain, close } = start();
  const next = new CountedMap(endpoints);
  for (const name of NAMES) next.set(name, resource('2'));
  hub.setSnapshot('envoy', snapshot(next));
  let outcome = '';
  const waiting = hub
    .acked(
      'envoy',
      NAMES.map((name) => ({ typeUrl: CDS.typeUrl, name })),
      60_000,
    )
    .then((found) => {
      outcome = found;
    });
  await Promise.resolve();
  expect(outcome).toBe('');
  drain();
  await waiting;
  expect(outcome).toBe('acked');
  close();
});
