import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { createDecisionLog, type DecisionLog } from '../../core/ledger-client/decision-log.ts';
import { reportsService } from '../../core/ledger-client/wire.ts';
import { LIMITS } from '../../core/limits.ts';
import { until } from '../../test/support/until.ts';
import type { Registry } from '../registry/types.ts';
import { type DecisionQuery, listDecisions, type StoredDecision, sinceTime } from './decisions.ts';
import { record } from './testdata/records.ts';
import { LOG, PROTO_DIR, START_MS, useLedgerWorld } from './testdata/world.ts';

const world = useLedgerWorld();
const logs: DecisionLog[] = [];
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
});
function service(): DecisionLog {
  const log = createDecisionLog({ socketPath: world.socketPath, nodeId: 'test', protoDir: PROTO_DIR, log: LOG });
  logs.push(log);
  return log;
}
const find = (
  { beside }: Registry,
  { sinceMs, ...query }: Partial<DecisionQuery> & { readonly sinceMs?: number } = {},
): Promise<readonly StoredDecision[]> =>
  beside.read(async (db) => {
    const since = sinceMs === undefined ? {} : { since: await sinceTime(db, sinceMs) };
    return listDecisions(db, { limit: 100, ...since, ...query });
  });
const stored = (registry: Registry, count: number): Promise<readonly StoredDecision[]> =>
  until(
    'the records',
    () => find(registry),
    (found) => found.length >= count,
  );

describe('records', () => {
  test('are kept as they were told, the newest first, and counted', async () => {
    const { registry } = await world.start();
    const log = service();
    const shadow = { allowed: false, rules: ['next/none'] };
    log.record(record());
    log.record(record({ id: 'd2', allowed: false, code: 'policy_denied', rules: [] }));
    log.record(record({ id: 'd3', code: 'quota_exceeded', shadow, args: { amount: 3 } }));
    const found = await stored(registry, 3);
    expect(found.map(({ record: { id } }) => id)).toEqual(['d3', 'd2', 'd1']);
    expect(found[0]?.record).toEqual(record({ id: 'd3', code: 'quota_exceeded', shadow, args: { amount: 3 } }));
    expect(world.measured).toEqual(['support allowed', 'support denied', 'support refused', 'support shadow false']);
  });

  test('are found by what they are about', async () => {
    const { registry } = await world.start();
    const log = service();
    log.record(record());
    log.record(record({ id: 'd2', subject: 'bob', allowed: false, surface: 'other', name: 'pay', atMs: START_MS + 9 }));
    await stored(registry, 2);
    const ids = async (query: Parameters<typeof find>[1]): Promise<string[]> =>
      (await find(registry, query)).map((one) => one.record.id);
    expect(await ids({ subject: 'bob' })).toEqual(['d2']);
    expect(await ids({ surface: 'support' })).toEqual(['d1']);
    expect(await ids({ target: 'payments/pay' })).toEqual(['d2']);
    expect(await ids({ outcome: 'allowed' })).toEqual(['d1']);
    expect(await ids({ outcome: 'allowed', subject: 'bob' })).toEqual([]);
    expect(await ids({ sinceMs: START_MS + 1 })).toEqual(['d2']);
    expect(await ids({ sinceMs: START_MS + 10 })).toEqual([]);
    expect(await ids({ limit: 1 })).toEqual(['d2']);
    expect(await ids({ before: 2 })).toEqual(['d1']);
  });

  test('that were not acknowledged are told again, and kept once', async () => {
    const first = await world.start();
    const log = service();
    log.record(record());
    await stored(first.registry, 1);
    await first.kill();
    for (let index = 2; index <= 5; index++) log.record(record({ id: `d${index}` }));
    const second = await world.start();
    const again = service();
    again.record(record({ id: 'd3' }));
    expect((await stored(second.registry, 5)).map((one) => one.record.id).sort()).toEqual([
      'd1',
      'd2',
      'd3',
      'd4',
      'd5',
    ]);
    expect(world.measured.filter((line) => line === 'support allowed')).toHaveLength(5);
  });

  test('that find no room are lost and counted, the others are not', async () => {
    const log = service();
    const more = 3;
    for (let index = 0; index < LIMITS.recordsWaitingMax + more; index++) log.record(record({ id: `d${index}` }));
    const { registry } = await world.start();
    await stored(registry, 1);
    await until(
      'the loss',
      () => world.measured,
      (lines) => lines.includes(`lost ${more}`),
    );
    const newest = await until(
      'the last',
      () => find(registry, { limit: 1 }),
      (found) => found[0]?.record.id === `d${LIMITS.recordsWaitingMax - 1}`,
    );
    expect(newest).toHaveLength(1);
  });

  test('of arguments that are too large are kept without them', async () => {
    const { registry } = await world.start();
    service().record(record({ args: { text: 'x'.repeat(LIMITS.recordBytesMax) } }));
    const [found] = await stored(registry, 1);
    expect(found?.record).toEqual(record());
  });

  test('are forgotten when they are old', async () => {
    const { registry, book } = await world.start();
    const log = service();
    log.record(record());
    log.record(record({ id: 'd2', atMs: START_MS + 10 }));
    await stored(registry, 2);
    world.nowMs = START_MS + LIMITS.recordRetentionMs + 5;
    await book.sweep();
    expect((await find(registry)).map((one) => one.record.id)).toEqual(['d2']);
  });
});

test('a report of another shape is lost and counted, not taken for a record', async () => {
  const { registry } = await world.start();
  const log = service();
  log.record({ ...record(), claims: { email: 'alice@example.com' } } as never);
  log.record(record({ id: 'd2' }));
  await stored(registry, 1);
  expect((await find(registry)).map((one) => one.record.id)).toEqual(['d2']);
  expect(world.measured).toContain('lost 1');
});

test('a control plane that never answers holds nobody up, and is told one report at a time', async () => {
  const told: unknown[] = [];
  const server = new Server();
  server.addService(reportsService(PROTO_DIR), {
    Report: (stream: ServerDuplexStream<object, object>) => stream.on('data', (report) => told.push(report)),
    Ledger: () => {},
  });
  await new Promise((resolve) =>
    server.bindAsync(`unix:${world.socketPath}`, ServerCredentials.createInsecure(), resolve),
  );
  const log = service();
  log.record(record());
  await until(
    'a report',
    () => told,
    (all) => all.length === 1,
  );
  for (let index = 0; index < 2 * LIMITS.recordsPerReportMax; index++) log.record(record({ id: `d${index}` }));
  expect(told).toHaveLength(1);
  server.forceShutdown();
});
