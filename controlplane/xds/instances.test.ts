import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { INSTANCE_METADATA, OWN_TYPES } from '../../core/contract.ts';
import { type AdsNode, type DeltaResponse, decodeDocument } from '../../core/grpc/ads.ts';
import { type Connection, createHub, type Hub, type Transport } from './hub.ts';
import { announcing, instancesOf } from './instances.ts';
import { buildOwnSnapshot } from './own-snapshot.ts';

const at = (name: string, address = `unix:/run/${name}`) => ({
  [INSTANCE_METADATA.name]: name,
  [INSTANCE_METADATA.address]: address,
});
const node = (over: object = {}) => ({
  id: 'ext-proc-1',
  client: 'ext-proc' as const,
  transport: 'unix' as Transport,
  metadata: at('a'),
  ...over,
});

test.each([
  ['one that says where it is', node(), ['a']],
  ['one with a certificate', node({ transport: 'mtls' }), ['a']],
  ['nobody on plain TCP, who could be anybody', node({ transport: 'tcp' }), []],
  ['nobody who is no ext-proc', node({ client: 'envoy' }), []],
  ['nobody who does not say where he is', node({ metadata: at('a', '') }), []],
  ['nobody who has no name', node({ metadata: { [INSTANCE_METADATA.address]: 'unix:/x' } }), []],
] as const)('%s is told of', (_, found, names) => {
  expect([...instancesOf([found]).keys()]).toEqual(names);
});

const open: Hub[] = [];
afterEach(() => {
  for (const hub of open.splice(0)) hub.close();
});

interface Told {
  readonly connection: Connection;
  /** The instances that it was told of, by the answers that it got: `+name` and `-name`. */
  readonly heard: string[];
}

function start() {
  const hub: Hub = createHub({
    log: pino({ level: 'silent' }),
    now: () => 0,
    onInstance: () => announced.changed(),
  });
  open.push(hub);
  const announced = announcing(hub);
  const connect = (id: string, metadata: AdsNode['metadata'], cluster = 'ext-proc'): Told => {
    const heard: string[] = [];
    const connection = hub.open(
      { transport: 'unix', variant: 'delta', typeUrl: null, identity: null },
      {
        send(response) {
          const { resources, removed, nonce } = response as DeltaResponse;
          for (const { name, bytes } of resources)
            heard.push(`+${name} ${bytes === null ? '' : decodeDocument(bytes)}`);
          for (const name of removed) heard.push(`-${name}`);
          queueMicrotask(() => ask({ subscribe: [], responseNonce: nonce }));
          return 0;
        },
        end() {},
      },
    ) as Connection;
    const ask = (over: object): void => {
      connection.request({
        node: { id, cluster, ...(metadata !== undefined && { metadata }) },
        typeUrl: OWN_TYPES.instance,
        subscribe: ['*'],
        unsubscribe: [],
        initialVersions: new Map(),
        responseNonce: '',
        error: null,
        ...over,
      });
    };
    ask({});
    return { connection, heard };
  };
  return { hub, announced, connect };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const told = (name: string, id: string): string =>
  `+${name} {"address":"unix:/run/${name}","name":"${name}","node":"${id}"}`;

test('each hears of those that come and go, before and after a revision', async () => {
  const { announced, connect } = start();
  announced.setSnapshot('ext-proc', buildOwnSnapshot({ instance: new Map() }, 1));
  const first = connect('ext-proc-1', at('a'));
  await settled();
  const second = connect('ext-proc-2', at('b'));
  await settled();
  expect(first.heard).toEqual([told('a', 'ext-proc-1'), told('b', 'ext-proc-2')]);
  expect(second.heard).toEqual([told('a', 'ext-proc-1'), told('b', 'ext-proc-2')]);
  announced.setSnapshot('ext-proc', buildOwnSnapshot({ instance: new Map() }, 2));
  await settled();
  second.connection.close();
  await settled();
  expect(first.heard.slice(2)).toEqual(['-b']);
});

test('a process that took the place of another under its id is another', async () => {
  const { announced, connect } = start();
  announced.setSnapshot('ext-proc', buildOwnSnapshot({ instance: new Map() }, 1));
  const first = connect('ext-proc-1', at('a'));
  connect('ext-proc-2', at('b')).connection.close();
  connect('ext-proc-2', at('c'));
  await settled();
  expect(first.heard.at(-1)).toBe(told('c', 'ext-proc-2'));
});

test('other groups are given what they are given', () => {
  const given: string[] = [];
  const announced = announcing({ setSnapshot: (group) => void given.push(group), instances: () => new Map() });
  announced.changed();
  announced.setSnapshot('envoy', buildOwnSnapshot({}));
  expect(given).toEqual(['envoy']);
});
