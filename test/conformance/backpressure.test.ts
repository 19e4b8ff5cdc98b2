import { mkdtempSync, rmSync } from 'node:fs';
import { connect, constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { NO_METRICS } from '../../controlplane/xds/metrics.ts';
import { CDS, EDS } from '../../controlplane/xds/resource-types.ts';
import { createXdsServer } from '../../controlplane/xds/server.ts';
import { type Snapshot, typeSnapshot } from '../../controlplane/xds/snapshot.ts';
import {
  DELTA_ADS,
  type DeltaRequest,
  decodeDeltaResponse,
  emptyDeltaRequest,
  encodeDeltaRequest,
} from '../../core/grpc/ads.ts';
import { until } from '../support/until.ts';

const CLUSTERS = 8;
const CLUSTER_BYTES = 128 * 1024;
const PUSHES = 200;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const state = (version: string): Snapshot => {
  const resource = { version, bytes: Buffer.alloc(CLUSTER_BYTES, version) };
  const held = Array.from({ length: CLUSTERS }, (_, index) => [`c${index}`, resource] as const);
  return { types: new Map([[CDS.typeUrl, typeSnapshot(new Map(held))]]), references: [], endpointsOf: new Map() };
};

/** gRPC's framing: a flag, the length, the message. */
function frame(request: Partial<DeltaRequest>): Buffer {
  const message = encodeDeltaRequest({ ...emptyDeltaRequest(CDS.typeUrl), ...request });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test('a client that does not read costs one response, whatever is set meanwhile, and then gets the newest', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bp-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, 'ads.sock');
  const sent: number[] = [];
  const metrics = { ...NO_METRICS, sent: (_type: string, _resources: number, bytes: number) => void sent.push(bytes) };
  const server = createXdsServer({ log: pino({ level: 'silent' }), now: Date.now, metrics });
  closing.push(() => server.close());
  server.setSnapshot('envoy', state('first'));
  await server.listenUnix(socket);

  const session = connect('http://localhost', { path: socket });
  closing.push(() => session.destroy());
  const call = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: DELTA_ADS.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  call.pause();
  call.write(frame({ node: { id: 'slow', cluster: 'envoy' }, subscribe: ['*'] }));
  await until(
    'the first response is written',
    () => sent.length,
    (count) => count === 1,
  );
  for (let push = 0; push < PUSHES; push += 1) server.setSnapshot('envoy', state(`push ${push}`));
  // It asks for more than it reads.
  for (let ask = 0; ask < PUSHES; ask += 1) call.write(frame({ subscribe: ['*'], responseNonce: 'guessed' }));
  call.write(frame({ typeUrl: EDS.typeUrl }));
  await until(
    'its requests are read',
    () => server.nodes()[0]!.types.length,
    (count) => count === 2,
  );
  expect(sent).toHaveLength(1);
  expect(sent[0]).toBeLessThan(CLUSTERS * CLUSTER_BYTES * 1.1);

  const responses: string[] = [];
  let bytes = Buffer.alloc(0);
  call.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1);
      const response = decodeDeltaResponse(bytes.subarray(5, end));
      responses.push(response.resources[0]!.version);
      call.write(frame({ responseNonce: response.nonce }));
      bytes = bytes.subarray(end);
    }
  });
  call.resume();
  await until(
    'the newest',
    () => responses.at(-1),
    (version) => version === `push ${PUSHES - 1}`,
  );
  expect(responses).toEqual(['first', `push ${PUSHES - 1}`]);
});
