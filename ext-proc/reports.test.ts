import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPackageDefinition, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../test/support/until.ts';
import { createReporter, type Reporter } from './reports.ts';

interface Report {
  readonly sequence: number;
  readonly nodeId: string;
  readonly tombstones: readonly { readonly tokenId: string; readonly expiresAtMs: number }[];
  readonly keyUses: readonly { readonly id: string; readonly atMs: number }[];
  readonly lost: number;
}

const PROTO_DIR = join(import.meta.dirname, '..', 'proto');
const NOW_MS = 1_800_000_000_000;
let folder: string;
let server: Server | null;
let reporter: Reporter;
let received: Report[];
/** Whether the control plane acknowledges. */
let stores: boolean;

async function listen(): Promise<void> {
  const loaded = loadPackageDefinition(
    loadSync(join(PROTO_DIR, 'chancery/v1/chancery.proto'), { longs: Number }),
  ) as unknown as { chancery: { v1: { Reports: { service: never } } } };
  server = new Server();
  server.addService(loaded.chancery.v1.Reports.service, {
    Report: (stream: ServerDuplexStream<Report, { sequence: number }>) => {
      stream.on('data', (report: Report) => {
        received.push(report);
        if (stores) stream.write({ sequence: report.sequence });
      });
      stream.on('error', () => {});
    },
  });
  await new Promise<void>((resolve, reject) =>
    server!.bindAsync(`unix:${join(folder, 'r.sock')}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
}
const reports = (count: number): Promise<Report[]> =>
  until(
    'reports',
    () => received,
    (found) => found.length >= count,
  );

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-reports-'));
  received = [];
  stores = true;
  await listen();
  reporter = createReporter({
    socketPath: join(folder, 'r.sock'),
    nodeId: 'ext-proc-1',
    protoDir: PROTO_DIR,
    log: pino({ level: 'silent' }),
    now: () => NOW_MS,
    keyUseDelayMs: 1,
  });
});
afterEach(() => {
  reporter.close();
  server?.forceShutdown();
  rmSync(folder, { recursive: true, force: true });
});

test('an ended session is told at once', async () => {
  reporter.tombstone({ tokenId: 't', expiresAtMs: 5 });
  const [report] = await reports(1);
  expect(report).toMatchObject({ sequence: 1, nodeId: 'ext-proc-1', tombstones: [{ tokenId: 't', expiresAtMs: 5 }] });
});

test('keys that were used are told together, each once', async () => {
  for (let i = 0; i < 100; i++) for (const id of ['a', 'b']) reporter.keyUsed(id);
  const [report] = await reports(1);
  expect(report?.keyUses).toEqual([
    { id: 'a', atMs: NOW_MS },
    { id: 'b', atMs: NOW_MS },
  ]);
  reporter.keyUsed('a');
  reporter.tombstone({ tokenId: 't', expiresAtMs: 5 });
  expect((await reports(2))[1]?.keyUses ?? []).toEqual([]);
});

test('what was not acknowledged when the control plane went away is told again', async () => {
  stores = false;
  reporter.tombstone({ tokenId: 't', expiresAtMs: 5 });
  await reports(1);
  server!.forceShutdown();
  reporter.keyUsed('a');
  stores = true;
  received = [];
  await listen();
  const [report] = await reports(1);
  expect(report).toMatchObject({ tombstones: [{ tokenId: 't' }], keyUses: [{ id: 'a' }] });
});
