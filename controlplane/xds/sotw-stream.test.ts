import { describe, expect, test } from 'vitest';
import type { SotwRequest, SotwResponse } from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import { changesBetween } from './changes.ts';
import { CDS, EDS, GROUP_TYPES, type ResourceType, RTDS } from './resource-types.ts';
import { type Snapshot, typeSnapshot } from './snapshot.ts';
import { SotwStream } from './sotw-stream.ts';
import { TTL_FEATURE, WRAPPED_FEATURE } from './stream.ts';

// What a client sees of it is in test/conformance; here is what only the state machine shows.

const LABELS = new Map([...GROUP_TYPES.envoy, ...GROUP_TYPES['ext-proc']].map((type) => [type.label, type]));
type Versions = Readonly<Record<string, Readonly<Record<string, string>>>>;

function snapshotOf(versions: Versions, ttlMs?: number): Snapshot {
  const types = Object.entries(versions).map(([label, resources]) => {
    const held = Object.entries(resources).map(
      ([name, version]) =>
        [name, { version, bytes: Buffer.from(version), ...(ttlMs === undefined ? {} : { ttlMs }) }] as const,
    );
    return [LABELS.get(label)!.typeUrl, typeSnapshot(new Map(held))] as const;
  });
  return { types: new Map(types), references: [], endpointsOf: new Map() };
}

class Client {
  readonly stream: SotwStream;
  #snapshot: Snapshot;

  constructor(
    snapshot: Snapshot,
    types: readonly ResourceType[] = GROUP_TYPES.envoy,
    features: readonly string[] = [TTL_FEATURE, WRAPPED_FEATURE],
  ) {
    this.#snapshot = snapshot;
    this.stream = new SotwStream({ streamId: 's', types, features }, snapshot);
  }

  ask(type: ResourceType, names: readonly string[] = [], more: Partial<SotwRequest> = {}): readonly SotwResponse[] {
    const request = { node: null, typeUrl: type.typeUrl, responseNonce: '', error: null, versionInfo: '', names };
    return this.stream.request({ ...request, ...more }, 1).responses;
  }

  ack({ typeUrl, nonce, version }: SotwResponse, names: readonly string[] = []): readonly SotwResponse[] {
    return this.ask({ ...CDS, typeUrl }, names, { responseNonce: nonce, versionInfo: version });
  }

  set(snapshot: Snapshot): readonly SotwResponse[] {
    const changes = changesBetween(this.#snapshot, snapshot);
    this.#snapshot = snapshot;
    return this.stream.replace(snapshot, changes, 1).responses;
  }
}

const show = ({ typeUrl, resources }: SotwResponse): string => {
  const label = [...LABELS.values()].find((type) => type.typeUrl === typeUrl)!.label;
  return [label, ...resources.map(({ name, version }) => `${name}@${version}`)].join(' ');
};

test('our own types are whole too; what is gone goes with what comes, and the revision is last', () => {
  const types = GROUP_TYPES['ext-proc'];
  const client = new Client(
    snapshotOf({ server: { a: '1', b: '1' }, policy: { p: '1' }, revision: { r: '1' } }),
    types,
  );
  for (const type of types) for (const response of client.ask(type)) client.ack(response);
  const sent = client.set(snapshotOf({ server: { a: '2' }, policy: { p: '1' }, revision: { r: '2' } }));
  expect(sent.map(show)).toEqual(['server a@2', 'revision r@2']);
});

describe('heartbeats', () => {
  const state = snapshotOf({ CDS: { c: '1' }, EDS: { e: '1' }, RTDS: { r: '1' } }, LIMITS.xdsTtlMs);
  const settled = (features?: readonly string[]): Client => {
    const client = new Client(state, GROUP_TYPES.envoy, features);
    for (const [type, names] of [
      [CDS, []],
      [EDS, ['e']],
      [RTDS, ['r']],
    ] as const) {
      for (const response of client.ask(type, names)) client.ack(response, names);
    }
    return client;
  };

  test('have the whole resources, all that there are of a whole type', () => {
    const beats = settled().stream.beat();
    expect(beats.map(show)).toEqual(['CDS c@1', 'RTDS r@1']);
    expect(beats.flatMap(({ resources }) => resources.map(({ ttlMs, bytes }) => [ttlMs, String(bytes)]))).toEqual([
      [LIMITS.xdsTtlMs, '1'],
      [LIMITS.xdsTtlMs, '1'],
    ]);
  });

  test('endpoints have no TTL: an Envoy in which they expire ends', () => {
    const client = new Client(state);
    const [response] = client.ask(EDS, ['e']);
    expect(response!.resources).toEqual([{ name: 'e', version: '1', bytes: Buffer.from('1') }]);
  });

  test('one that is not answered is not repeated', () => {
    const client = settled();
    expect(client.stream.beat()).toHaveLength(2);
    expect(client.stream.beat()).toEqual([]);
  });

  test.each([
    ['knows of none', []],
    ['does not unwrap', [TTL_FEATURE]],
    ['only unwraps', [WRAPPED_FEATURE]],
  ])('are not for a client that %s', (_name, features) => {
    expect(settled(features).stream.beat()).toEqual([]);
  });

  test('what it refused is not renewed', () => {
    const client = settled();
    const [changed] = client
      .set(snapshotOf({ RTDS: { r: 'bad' } }, LIMITS.xdsTtlMs))
      .filter(({ typeUrl }) => typeUrl === RTDS.typeUrl);
    client.ask(RTDS, ['r'], { responseNonce: changed!.nonce, error: 'r: no' });
    expect(client.stream.beat().map(show)).toEqual([]);
  });
});

test('a change of what the client does not subscribe to is nothing to it', () => {
  const client = new Client(snapshotOf({ CDS: { a: '1', b: '1' } }));
  for (const response of client.ask(CDS, ['a'])) client.ack(response, ['a']);
  expect(client.set(snapshotOf({ CDS: { a: '1', b: '2' } }))).toEqual([]);
});

test('too many names are refused', () => {
  const names = Array.from({ length: LIMITS.xdsNamesMax + 1 }, (_, index) => `n${index}`);
  const stream = new SotwStream({ streamId: 's', types: GROUP_TYPES.envoy }, null);
  const request = { node: null, typeUrl: EDS.typeUrl, responseNonce: '', error: null, versionInfo: '', names };
  expect(stream.request(request, 1).refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
});
