import { expect, test } from 'vitest';
import { OWN_TYPES } from '../../core/contract.ts';
import type { DeltaRequest, DeltaResponse } from '../../core/grpc/ads.ts';
import { changesBetween } from './changes.ts';
import { DeltaStream } from './delta-stream.ts';
import { CDS, EDS, GROUP_TYPES, LDS, RDS, type ResourceType } from './resource-types.ts';
import { EMPTY_TYPE, type Snapshot, typeSnapshot } from './snapshot.ts';
import type { Step as AnyStep, TypeStatus } from './stream.ts';

type Step = AnyStep<DeltaResponse>;

type Versions = Readonly<Record<string, Readonly<Record<string, string>>>>;
const LABELS = new Map([...GROUP_TYPES.envoy, ...GROUP_TYPES['ext-proc']].map((type) => [type.label, type]));

/** Label → name → version. Every cluster gets its endpoints by EDS, under its own name, if there are any. */
function snapshotOf(versions: Versions): Snapshot {
  const types = Object.entries(versions).map(([label, resources]) => {
    const held = Object.entries(resources).map(
      ([name, version]) => [name, { version, bytes: Buffer.from(version) }] as const,
    );
    return [LABELS.get(label)!.typeUrl, typeSnapshot(new Map(held))] as const;
  });
  const endpointsOf = new Map(Object.keys(versions.EDS ?? {}).map((name) => [name, name]));
  return { types: new Map(types), references: [], endpointsOf };
}

/**
 * A client of the protocol. It asserts of every response that its nonce is new, that its type was asked for, that the
 * version is the snapshot's, and that no more than one is unacknowledged for each type.
 */
class FakeClient {
  readonly stream: DeltaStream;
  readonly log: string[] = [];
  readonly waiting = new Map<string, DeltaResponse>();
  readonly #nonces = new Set<string>();
  readonly #asked = new Set<string>();
  #snapshot: Snapshot | null;

  constructor(versions: Versions | null, types: readonly ResourceType[] = GROUP_TYPES.envoy) {
    this.#snapshot = versions === null ? null : snapshotOf(versions);
    this.stream = new DeltaStream({ streamId: 's', types }, this.#snapshot);
  }

  ask(type: ResourceType, request: Partial<DeltaRequest> = {}): Step {
    this.#asked.add(type.typeUrl);
    const step = this.stream.request(
      {
        node: null,
        typeUrl: type.typeUrl,
        subscribe: [],
        unsubscribe: [],
        initialVersions: new Map(),
        responseNonce: '',
        error: null,
        ...request,
      },
      7,
    );
    return this.#take(step);
  }

  ack(type: ResourceType): Step {
    return this.#answer(type, null);
  }

  nack(type: ResourceType, error: string): Step {
    return this.#answer(type, error);
  }

  ackAll(): void {
    for (let typeUrl = [...this.waiting.keys()][0]; typeUrl !== undefined; typeUrl = [...this.waiting.keys()][0]) {
      this.ack(GROUP_TYPES.envoy.find((type) => type.typeUrl === typeUrl) ?? LABELS.get('server')!);
    }
  }

  set(versions: Versions): Step {
    const before = this.#snapshot;
    this.#snapshot = snapshotOf(versions);
    const changes = before === null ? null : changesBetween(before, this.#snapshot);
    return this.#take(this.stream.replace(this.#snapshot, changes, 7));
  }

  /** What was sent since the last look. */
  took(): readonly string[] {
    return this.log.splice(0);
  }

  standing(type: ResourceType, name?: string): string {
    return this.stream.standing(type.typeUrl, name === undefined ? null : new Set([name]));
  }

  status(type: ResourceType): TypeStatus | undefined {
    return this.stream.status().find(({ typeUrl }) => typeUrl === type.typeUrl);
  }

  #answer(type: ResourceType, error: string | null): Step {
    const response = this.waiting.get(type.typeUrl);
    expect(response, `a ${type.label} response to answer`).toBeDefined();
    this.waiting.delete(type.typeUrl);
    return this.ask(type, { responseNonce: response!.nonce, error });
  }

  #take(step: Step): Step {
    for (const response of step.responses) {
      expect(this.#asked).toContain(response.typeUrl);
      expect(this.#nonces).not.toContain(response.nonce);
      expect(this.waiting.has(response.typeUrl)).toBe(false);
      const type = this.#snapshot?.types.get(response.typeUrl) ?? EMPTY_TYPE;
      expect(response.version).toBe(type.version);
      for (const { name, version } of response.resources) expect(type.resources.get(name)?.version).toBe(version);
      for (const name of response.removed) expect(type.resources.has(name)).toBe(false);
      this.#nonces.add(response.nonce);
      this.waiting.set(response.typeUrl, response);
      const label = [...LABELS.values()].find(({ typeUrl }) => typeUrl === response.typeUrl)!.label;
      const names = [
        ...response.resources.map(({ name, version }) => `${name}@${version}`),
        ...response.removed.map((name) => `-${name}`),
      ];
      this.log.push(`${label} ${names.join(' ')}`.trim());
    }
    return step;
  }
}

const ONE: Versions = { CDS: { c: '1' }, EDS: { c: '1' }, LDS: { l: '1' }, RDS: { r: '1' } };

/** An Envoy that has everything. */
function settled(versions: Versions = ONE): FakeClient {
  const client = new FakeClient(versions);
  client.ask(CDS);
  client.ask(EDS, { subscribe: Object.keys(versions.EDS ?? {}) });
  client.ask(LDS);
  client.ask(RDS, { subscribe: Object.keys(versions.RDS ?? {}) });
  client.ackAll();
  client.took();
  return client;
}

test('each type is answered when it is asked for', () => {
  const client = new FakeClient(ONE);
  client.ask(CDS);
  expect(client.took()).toEqual(['CDS c@1']);
  client.ask(EDS, { subscribe: ['c'] });
  expect(client.took()).toEqual(['EDS c@1']);
});

test('an acknowledgement is not answered', () => {
  const client = new FakeClient(ONE);
  client.ask(CDS);
  client.took();
  client.ack(CDS);
  expect(client.took()).toEqual([]);
  expect(client.status(CDS)?.acked).toBe(client.status(CDS)?.sent);
});

test('a client that comes before the first snapshot is answered when it is there', () => {
  const client = new FakeClient(null);
  client.ask(LDS);
  client.ask(CDS);
  expect(client.took()).toEqual([]);
  client.set(ONE);
  expect(client.took()).toEqual(['CDS c@1', 'LDS l@1']);
});

test('a wildcard is answered even when there is nothing', () => {
  const client = new FakeClient({});
  client.ask(CDS);
  expect(client.took()).toEqual(['CDS']);
  client.ack(CDS);
  expect(client.took()).toEqual([]);
});

test('an unchanged snapshot is not sent', () => {
  const client = settled();
  client.set(ONE);
  expect(client.took()).toEqual([]);
});

test('only what changed is sent', () => {
  const client = settled({ ...ONE, CDS: { c: '1', d: '1' } });
  client.set({ ...ONE, CDS: { c: '1', d: '2' } });
  expect(client.took()).toEqual(['CDS d@2']);
});

test('additions go in push order', () => {
  const client = settled();
  client.ask(EDS, { subscribe: ['d'] });
  client.ackAll();
  client.took();
  client.set({ CDS: { c: '1', d: '1' }, EDS: { c: '1', d: '1' }, LDS: { l: '2' }, RDS: { r: '2' } });
  expect(client.took()).toEqual(['CDS d@1', 'EDS d@1', 'LDS l@2', 'RDS r@2']);
});

test('a changed cluster brings its endpoints again, an unchanged one does not', () => {
  const two = { ...ONE, CDS: { c: '1', d: '1' }, EDS: { c: '1', d: '1' } };
  const client = settled(two);
  client.set({ ...two, CDS: { c: '2', d: '1' } });
  expect(client.took()).toEqual(['CDS c@2', 'EDS c@1']);
});

test('removals wait until everything is acknowledged, and go the other way round', () => {
  const client = settled({
    CDS: { c: '1', d: '1' },
    EDS: { c: '1', d: '1' },
    LDS: { l: '1', m: '1' },
    RDS: { r: '1' },
  });
  client.set({ CDS: { c: '1' }, EDS: { c: '1' }, LDS: { l: '1' }, RDS: { r: '2' } });
  expect(client.took()).toEqual(['RDS r@2']);
  client.ack(RDS);
  expect(client.took()).toEqual(['LDS -m']);
  client.ack(LDS);
  expect(client.took()).toEqual(['EDS -d']);
  client.ack(EDS);
  expect(client.took()).toEqual(['CDS -d']);
  client.ack(CDS);
  expect(client.took()).toEqual([]);
});

test('a removal is not held up for ever by a refusal', () => {
  const client = settled({ ...ONE, CDS: { c: '1', d: '1' } });
  client.set({ ...ONE, RDS: { r: 'bad' } });
  client.took();
  client.nack(RDS, 'r is bad');
  expect(client.took()).toEqual(['CDS -d']);
});

test('while a response is unacknowledged newer state waits and coalesces', () => {
  const client = settled();
  client.set({ ...ONE, RDS: { r: '2' } });
  client.set({ ...ONE, RDS: { r: '3' } });
  client.set({ ...ONE, RDS: { r: '4' } });
  expect(client.took()).toEqual(['RDS r@2']);
  client.ack(RDS);
  expect(client.took()).toEqual(['RDS r@4']);
});

test('a change that was taken back before it was sent is not sent', () => {
  const client = settled();
  client.set({ ...ONE, RDS: { r: '2' } });
  client.set({ ...ONE, RDS: { r: '3' } });
  client.set({ ...ONE, RDS: { r: '2' } });
  client.took();
  client.ack(RDS);
  expect(client.took()).toEqual([]);
});

test('a type that waits for an acknowledgement holds back those that point to it', () => {
  const client = settled();
  client.set({ ...ONE, CDS: { c: '1', d: '1' } });
  client.set({ ...ONE, CDS: { c: '1', d: '1', e: '1' }, RDS: { r: '2' } });
  expect(client.took()).toEqual(['CDS d@1']);
  client.ack(CDS);
  expect(client.took()).toEqual(['CDS e@1', 'RDS r@2']);
});

test('a refused version is not sent again unchanged, a mended one is', () => {
  const client = settled();
  client.set({ ...ONE, LDS: { l: 'bad' } });
  const step = client.nack(LDS, 'Error adding/updating listener(s) l: no');
  expect(step.nack).toMatchObject({
    type: LDS,
    resources: ['l'],
    message: 'Error adding/updating listener(s) l: no',
    atMs: 7,
  });
  client.took();
  client.set({ ...ONE, LDS: { l: 'bad' }, RDS: { r: '2' } });
  expect(client.took()).toEqual(['RDS r@2']);
  expect(client.status(LDS)?.nacked?.resources).toEqual(['l']);
  client.set({ ...ONE, LDS: { l: '1' }, RDS: { r: '2' } });
  expect(client.took()).toEqual(['LDS l@1']);
  client.ack(LDS);
  expect(client.status(LDS)?.nacked).toBeNull();
});

test.each<[string, Partial<DeltaRequest>]>([
  ['an acknowledgement', { responseNonce: 'old' }],
  ['a refusal', { responseNonce: 'old', error: 'no' }],
  ['a refusal without a nonce', { error: 'no' }],
])('%s with a nonce that is not in flight says nothing', (_name, request) => {
  const client = new FakeClient(ONE);
  client.ask(CDS);
  expect(client.ask(CDS, request).nack).toBeNull();
  expect(client.status(CDS)).toMatchObject({ acked: null, nacked: null });
  client.ack(CDS);
  expect(client.status(CDS)?.acked).toBe(client.status(CDS)?.sent);
});

test('a nonce of one type does not acknowledge another', () => {
  const client = new FakeClient(ONE);
  client.ask(CDS);
  client.ask(LDS);
  client.ask(LDS, { responseNonce: client.waiting.get(CDS.typeUrl)!.nonce });
  expect(client.status(LDS)?.acked).toBeNull();
  expect(client.status(CDS)?.acked).toBeNull();
});

test('a subscription that comes with a stale nonce counts', () => {
  const client = settled();
  client.ask(EDS, { subscribe: ['x'], responseNonce: 'old' });
  expect(client.took()).toEqual(['EDS -x']);
});

test('a response that was in flight when its name was unsubscribed is acknowledged without a trace', () => {
  const client = new FakeClient(ONE);
  client.ask(EDS, { subscribe: ['c'] });
  client.ask(EDS, { unsubscribe: ['c'] });
  client.ack(EDS);
  client.took();
  client.set({ ...ONE, EDS: { c: '2' } });
  expect(client.took()).toEqual([]);
});

test('after a reconnect only what is not held is sent, and what is gone is removed', () => {
  const client = new FakeClient({ ...ONE, CDS: { c: '1', d: '1' } });
  client.ask(RDS, { subscribe: ['r'], initialVersions: new Map([['r', '1']]) });
  expect(client.took()).toEqual([]);
  client.ask(CDS, {
    initialVersions: new Map([
      ['c', '1'],
      ['old', '1'],
    ]),
  });
  expect(client.took()).toEqual(['CDS d@1']);
  client.ack(CDS);
  expect(client.took()).toEqual(['CDS -old']);
});

test('our own types go in the order of the table, with the revision last', () => {
  const types = GROUP_TYPES['ext-proc'];
  const client = new FakeClient(null, types);
  for (const type of [...types].reverse()) client.ask(type, { subscribe: ['*'] });
  client.set({ revision: { current: '1' }, server: { a: '1' }, policy: { p: '1' }, surface: { s: '1' } });
  const labels = client.took().map((line) => line.split(' ')[0]);
  expect(labels).toEqual([
    ...['server', 'surface', 'policy', 'issuer', 'revocation', 'apiKey', 'sessionKey', 'identityKey'],
    ...['tombstone', 'instance', 'revision'],
  ]);
});

test.each<[string, string]>([
  ['a type of another group', OWN_TYPES.server],
  ['an unknown type', 'type.googleapis.com/envoy.Nothing'],
  ['no type', ''],
])('%s is refused', (_name, typeUrl) => {
  const step = new FakeClient(ONE).ask({ ...CDS, typeUrl });
  expect(step.refusal).toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(step.refusal?.message).toContain(JSON.stringify(typeUrl));
});

test('too many names are refused', () => {
  const subscribe = Array.from({ length: 100_001 }, (_, index) => `n${index}`);
  expect(new FakeClient(ONE).ask(EDS, { subscribe }).refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
});

test('a refusal is of the refused resource, not of its neighbour', () => {
  const client = settled();
  client.set({ ...ONE, LDS: { l: '2', m: '1' } });
  client.nack(LDS, 'Error adding/updating listener(s) m: no');
  expect([client.standing(LDS, 'l'), client.standing(LDS, 'm'), client.standing(LDS)]).toEqual([
    'acked',
    'nacked',
    'nacked',
  ]);
});

test('a removal is waited for too', () => {
  const client = settled({ ...ONE, LDS: { l: '1', m: '1' } });
  client.set(ONE);
  expect(client.standing(LDS, 'm')).toBe('pending');
  client.ack(LDS);
  expect(client.standing(LDS, 'm')).toBe('acked');
});

test('a client that holds all there is may hold more than it may name', () => {
  const names = Array.from({ length: 100_001 }, (_, index) => `t${index}`);
  const tombstone = Object.fromEntries(names.map((name) => [name, '1']));
  const type = LABELS.get('tombstone')!;
  const client = new FakeClient({ tombstone }, GROUP_TYPES['ext-proc']);
  expect(client.ask(type, { subscribe: ['*'] }).refusal).toBeNull();
  expect(client.ack(type).refusal).toBeNull();
  const again = new FakeClient({ tombstone }, GROUP_TYPES['ext-proc']);
  const initialVersions = new Map(names.map((name) => [name, '1']));
  expect(again.ask(type, { subscribe: ['*'], initialVersions }).refusal).toBeNull();
});
