import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { ROOT_DIR } from '../core/runtime/process.ts';
import { openEnvoyApi } from '../proto/envoy-api.ts';
import { envoyForTests } from '../test/support/envoy.ts';
import { registrySnapshot } from '../test/support/registry-snapshot.ts';
import { until } from '../test/support/until.ts';
import { buildPublication, type Publication, type PublicationContext } from './publication.ts';
import { createPublisher, type Publisher } from './publish.ts';
import type { RegistrySnapshot } from './registry/types.ts';
import { CDS, SDS } from './xds/resource-types.ts';
import type { AckOutcome, Wanted } from './xds/server.ts';
import type { Snapshot } from './xds/snapshot.ts';

const api = openEnvoyApi(envoyForTests(), join(ROOT_DIR, '.cache'));
const place = {
  host: '127.0.0.1',
  port: 10000,
  runDir: '/run/c',
  publicUrl: 'http://127.0.0.1:10000',
  allowedOrigins: [],
  bodyBytesMax: 1024,
  caFile: '/ca.pem',
  accessLog: '/access.log',
};
const context: PublicationContext = {
  place,
  settings: place,
  keys: { issuer: { name: 'local', issuer: place.publicUrl, algorithms: [], jwks: { keys: [] } }, sessionKeys: [] },
};

const SECRET = 'value-that-is-in-no-log';
const secret = { kind: 'Secret', name: 's', value: SECRET };
const server = (name: string, port = 3000, more: object = {}) => ({
  kind: 'Server',
  name,
  versions: [{ version: '1', endpoints: [{ url: `http://127.0.0.1:${port}/mcp` }], ...more }],
});
const surface = (...servers: string[]) => ({
  kind: 'Surface',
  name: 'default',
  servers: servers.map((each) => ({ server: each })),
});
const group = (name: string) => ({ kind: 'NodeGroup', name, match: { ids: [`${name}-*`] } });

/** What was done at the xDS server, in order: `set GROUP CLUSTERS`, `wait GROUP NAMES DEADLINE`, `groups`. */
let done: string[];
let held: Map<string, Snapshot>;
let answer: (group: string, wanted: readonly Wanted[]) => AckOutcome | Promise<AckOutcome>;
let lines: string[];
let current: RegistrySnapshot;
let served: Publication[];
let builds: number;
let publisher: Publisher;
let groupOf: Publication['groupOf'];

const clustersOf = (snapshot: Snapshot): string =>
  [...(snapshot.types.get(CDS.typeUrl)?.resources.keys() ?? [])].filter((name) => name.startsWith('mcp.')).join();

beforeEach(() => {
  done = [];
  held = new Map();
  answer = () => 'acked';
  lines = [];
  served = [];
  builds = 0;
  current = registrySnapshot({ documents: [] });
  publisher = createPublisher({
    xds: {
      setSnapshot(name, snapshot) {
        held.set(name, snapshot);
        done.push(`set ${name} ${clustersOf(snapshot)}`.trim());
      },
      setGroups(resolve) {
        groupOf = resolve as Publication['groupOf'];
        done.push('groups');
      },
      async acked(name, wanted, deadlineMs) {
        done.push(`wait ${name} ${wanted.map((each) => each.name).join()} ${deadlineMs}`);
        return answer(name, wanted);
      },
    },
    api,
    log: pino({ level: 'debug' }, { write: (line) => void lines.push(line) }),
    snapshot: () => current,
    build(snapshot, previous) {
      builds += 1;
      return buildPublication(snapshot, context, previous);
    },
    onServed: (publication) => void served.push(publication),
  });
});

let revision = 0;
const write = (...documents: object[]): void => {
  current = registrySnapshot({ documents, revision: ++revision }, current);
};
/** @returns what was done for it. */
const publish = async (...documents: object[]): Promise<string[]> => {
  write(...documents);
  done = [];
  await publisher.now();
  return done;
};

describe('a revision becomes visible', () => {
  test('to the bridge, to Envoys, and when these have its clusters to the services', async () => {
    expect(await publish(server('a'), surface('a'))).toEqual([
      'set bridge',
      'set envoy mcp.a.1',
      'groups',
      `wait envoy chancery_ext_proc,chancery_ext_authz,mcp.a.1 ${LIMITS.publishAckDeadlineMs}`,
      'set ext-proc',
      'set ext-authz',
    ]);
    expect(served.map((publication) => publication.revision)).toEqual([revision]);
    expect(publisher.current()).toBe(true);
  });

  test('a server that goes is taken from the services first', async () => {
    await publish(server('a'), server('b'), surface('a', 'b'));
    expect(await publish(server('b'), surface('b'))).toEqual([
      'set envoy mcp.b.1,mcp.a.1',
      'set ext-proc',
      'set ext-authz',
      `wait ext-proc current ${LIMITS.publishAckDeadlineMs}`,
      'set envoy mcp.b.1',
    ]);
  });

  test('a decommissioned version is taken from the services first, and they still know of it', async () => {
    await publish(server('a'), surface('a'));
    const steps = await publish(server('a', 3000, { state: 'decommissioned' }), surface('a'));
    expect(steps.at(0)).toBe('set envoy mcp.a.1');
    expect(steps.at(-1)).toBe('set envoy');
    expect(served.at(-1)?.own.server?.get('a')).toMatchObject({ versions: [{ state: 'decommissioned' }] });
  });

  test('a changed endpoint is told to Envoys alone, and nobody is waited for', async () => {
    await publish(server('a'), server('b'), surface('a', 'b'));
    expect(await publish(server('a', 3001), server('b'), surface('a', 'b'))).toEqual(['set envoy mcp.a.1,mcp.b.1']);
  });

  test('a changed policy is told to the services alone', async () => {
    await publish(server('a'));
    const rules = [{ id: 'r', effect: 'allow', tools: ['*'] }];
    expect(await publish(server('a'), { kind: 'Policy', name: 'p', version: 'tbac/v1', rules })).toEqual([
      'set ext-proc',
      'set ext-authz',
    ]);
  });

  test('a secret is waited for with the cluster that needs it; its new value changes nothing else', async () => {
    await publish();
    const auth = { auth: { type: 'bearer', secret: 's' } };
    expect(await publish(secret, server('a', 3000, auth))).toContain(
      `wait envoy mcp.a.1,secret/s ${LIMITS.publishAckDeadlineMs}`,
    );
    const before = held.get('envoy')!;
    expect(await publish({ ...secret, value: `${SECRET}-2` }, server('a', 3000, auth))).toEqual(['set envoy mcp.a.1']);
    const changed = [...held.get('envoy')!.types].filter(([typeUrl, type]) => type !== before.types.get(typeUrl));
    expect(changed.map(([typeUrl]) => typeUrl)).toEqual([SDS.typeUrl]);
    expect(lines.join('')).not.toContain(SECRET);
  });
});

describe('a group of Envoys', () => {
  test('is given its own, before anybody is in it, and is forgotten when it is gone', async () => {
    await publish(server('a'), surface('a'));
    const steps = await publish(server('a'), surface('a'), group('edge'));
    expect(steps.slice(0, 3)).toEqual([
      'set envoy.edge mcp.a.1',
      'groups',
      expect.stringMatching(/^wait envoy\.edge /),
    ]);
    expect(groupOf({ id: 'edge-1', cluster: 'envoy', metadata: {}, zone: '' })).toBe('envoy.edge');
    expect(await publish(server('a'), surface('a'))).toEqual(['groups', 'set envoy.edge']);
    expect(held.get('envoy.edge')?.types.size).toBe(0);
  });

  test('in which somebody hangs is waited for once; the others are waited for as before', async () => {
    answer = (name) => (name === 'envoy.slow' ? 'deadline' : 'acked');
    await publish(server('a'), surface('a'), group('slow'));
    const steps = await publish(server('a'), server('b'), surface('a', 'b'), group('slow'));
    expect(steps.filter((step) => step.startsWith('wait'))).toEqual([
      `wait envoy mcp.b.1 ${LIMITS.publishAckDeadlineMs}`,
      `wait envoy.slow mcp.b.1 ${LIMITS.publishBehindDeadlineMs}`,
    ]);
    expect(lines.filter((line) => line.includes('has not acknowledged'))).toHaveLength(1);

    answer = () => 'acked';
    await publish(server('a'), server('c'), surface('a', 'c'), group('slow'));
    expect(await publish(server('a'), server('d'), surface('a', 'd'), group('slow'))).toContain(
      `wait envoy.slow mcp.d.1 ${LIMITS.publishAckDeadlineMs}`,
    );
  });

  test('that refuses a cluster is warned of, and the others go on', async () => {
    answer = () => 'nacked';
    expect(await publish(server('a'), surface('a'))).toContain('set ext-proc');
    expect(lines.join('')).toContain('Envoy refused new backends');
    expect(publisher.current()).toBe(true);
  });
});

describe('what Envoy could not be given', () => {
  const bad = server('a', 3000, { auth: { type: 'bearer', secret: 's' } });

  test('is given to nobody; what was served before is served on', async () => {
    await publish(server('a'), surface('a'));
    const before = new Map(held);
    expect(await publish(bad, surface('a'))).toEqual([]);
    expect(held).toEqual(before);
    expect(publisher.current()).toBe(false);
    expect(lines.at(-1)).toContain('there is no secret \\"secret/s\\"');
    await publish(secret, bad, surface('a'));
    expect(publisher.current()).toBe(true);
  });

  test('is told before it is written', async () => {
    await publish(server('a'), surface('a'));
    const state = registrySnapshot({ documents: [bad, surface('a')], revision: 99 }, current);
    expect(publisher.problemsOf(state)).toEqual([expect.stringContaining('there is no secret "secret/s"')]);
    expect(publisher.preview(state)).toEqual([]);
    expect(publisher.problemsOf(current)).toEqual([]);
  });
});

describe('a burst of writes', () => {
  test('of which most come while one is being published is two publications', async () => {
    let release = (_: AckOutcome): void => {};
    const waiting = new Promise<void>((resolve) => {
      answer = () => {
        resolve();
        return new Promise((answered) => {
          release = answered;
        });
      };
    });
    write(server('a'));
    publisher.request();
    publisher.request();
    await waiting;
    for (let count = 0; count < 1000; count += 1) {
      write(server('a', 4000 + count));
      publisher.request();
    }
    answer = () => 'acked';
    expect(publisher.current()).toBe(false);
    release('acked');
    await until('everything is published', publisher.current, (all) => all);
    expect(builds).toBe(2);
    expect(served.map((publication) => publication.revision)).toEqual([revision - 1000, revision]);
  });
});

describe('a version whose name leads where it must not', () => {
  const all = [server('a'), server('b', 3000, { auth: { type: 'bearer', secret: 's' } }), secret, surface('a', 'b')];
  const clusters = (blocked: ReadonlySet<string> | undefined, previous?: Publication): readonly string[] => {
    const publication = buildPublication(registrySnapshot({ documents: all }), context, previous, blocked);
    return [CDS, SDS].flatMap(({ typeUrl }) => [
      ...(publication.envoy.get('envoy')![typeUrl] as Map<string, object>).keys(),
    ]);
  };
  const whole = ['chancery_ext_proc', 'chancery_ext_authz', 'mcp.a.1', 'mcp.b.1', 'secret/s'];

  test('is not given to Envoy, nor its secret; the services and discovery know it as before', () => {
    const snapshot = registrySnapshot({ documents: all });
    const before = buildPublication(snapshot, context);
    const blocked = buildPublication(snapshot, context, before, new Set(['mcp.b.1']));
    expect(clusters(new Set(['mcp.b.1']))).toEqual(['chancery_ext_proc', 'chancery_ext_authz', 'mcp.a.1']);
    expect(blocked.own.server).toBe(before.own.server);
    expect(blocked.targets).toBe(before.targets);
    const again = buildPublication(snapshot, context, blocked, new Set());
    expect([...(again.envoy.get('envoy')![CDS.typeUrl] as Map<string, object>)]).toEqual([
      ...(before.envoy.get('envoy')![CDS.typeUrl] as Map<string, object>),
    ]);
  });

  test('is given again when it does no more', () => {
    expect(clusters(new Set())).toEqual(whole);
    expect(clusters(undefined)).toEqual(whole);
  });
});
