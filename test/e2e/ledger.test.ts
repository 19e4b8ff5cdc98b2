import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { record } from '../../controlplane/ledger/testdata/records.ts';
import { asked } from '../../controlplane/ledger/testdata/world.ts';
import { SOCKETS } from '../../core/contract.ts';
import { createDecisionLog } from '../../core/ledger-client/decision-log.ts';
import { createLedger, type LedgerOptions } from '../../core/ledger-client/ledger.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
const opened: { close(): void }[] = [];
beforeAll(async () => {
  stack = await startStack({ example: '' });
});
afterAll(async () => {
  for (const one of opened) one.close();
  await stack.stop();
  stack.remove();
});

const HOUR_MS = 3_600_000;
const options = (nodeId: string): LedgerOptions => ({
  socketPath: join(stack.home, 'run', SOCKETS.reports),
  nodeId,
  protoDir: join(ROOT_DIR, 'proto'),
  log: pino({ level: 'silent' }),
  now: Date.now,
  writeDeadlineMs: 20_000,
});
function service(nodeId: string) {
  const ledger = createLedger(options(nodeId));
  opened.push(ledger);
  return ledger;
}
const exhausted = (ledger: ReturnType<typeof service>, limit: number): boolean =>
  !ledger.take([{ key: 'k', amount: 0, limit, windowMs: HOUR_MS }], Date.now()).ok;

test('kill -9 of the control plane loses nothing that calls left behind, and counts nothing twice', async () => {
  const [one, other] = [service('one'), service('other')];
  for (const ledger of [one, other]) await until('the state', () => ledger.ready(), Boolean);
  expect(await one.leave('session', ['private'], Date.now() + HOUR_MS)).toBe(true);
  const nowMs = Date.now();
  const approval = await one.request(
    asked({ by: { subjects: ['bob'] }, requestedAtMs: nowMs, expiresAtMs: nowMs + HOUR_MS }),
  );
  expect(approval).toMatchObject({ state: 'pending' });

  const before = stack.pid('controlplane');
  const take = (ledger: ReturnType<typeof service>): void => {
    expect(ledger.take([{ key: 'k', amount: 1, limit: 1_000, windowMs: HOUR_MS }], Date.now()).ok).toBe(true);
  };
  // Some of these are on their way when it ends.
  for (let count = 0; count < 50; count++) for (const ledger of [one, other]) take(ledger);
  process.kill(before, 'SIGKILL');
  for (let count = 0; count < 50; count++) for (const ledger of [one, other]) take(ledger);
  const label = other.leave('session', ['seen'], Date.now() + HOUR_MS);
  await until(
    'it is back',
    () => stack.pid('controlplane'),
    (pid) => pid !== 0 && pid !== before,
  );
  expect(await label).toBe(true);
  const late = service('late');
  await until('the state', () => late.ready(), Boolean);
  for (const ledger of [one, other, late])
    await until(
      'all know all',
      () => [exhausted(ledger, 200), exhausted(ledger, 201)],
      ([all, more]) => all === true && more === false,
    );
  expect([...late.labels('session')].sort()).toEqual(['private', 'seen']);
  expect(late.approvalById(approval?.id ?? '')).toMatchObject({ state: 'pending' });
});

test('a call is approved on the command line by a named person, used once, and its record is there', async () => {
  const ledger = service('caller');
  await until('the state', () => ledger.ready(), Boolean);
  const list = (await (await stack.api('GET', '/v1/approvals?state=pending')).json()) as { items: { id: string }[] };
  const id = list.items[0]?.id ?? '';
  const refused = await stack.cli('approvals', 'approve', id);
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('nobody in particular')]);
  const made = await stack.api('POST', '/v1/keys', { use: 'admin', subject: 'bob', roles: ['approver'] });
  const { key } = (await made.json()) as { key: string };
  const answer = await fetch(`http://127.0.0.1:${stack.ports.api}/v1/approvals/${id}/approve`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'fine' }),
  });
  expect(answer.status).toBe(200);
  await until(
    'the service to know',
    () => ledger.approvalById(id)?.state,
    (state) => state === 'approved',
  );
  expect(await Promise.all([ledger.use(id), ledger.use(id)])).toEqual([true, false]);
  const log = createDecisionLog(options('caller'));
  opened.push(log);
  log.record(record({ atMs: Date.now() }));
  const found = await until(
    'the record',
    () => stack.cli('decisions', '--sub', 'alice', '-o', 'json'),
    ({ stdout }) => stdout.includes('"d1"'),
  );
  expect(JSON.parse(found.stdout).items).toMatchObject([{ id: 'd1', outcome: 'allowed' }]);
  const metrics = await (await stack.api('GET', '/metrics')).text();
  expect(metrics).toContain('chancery_decisions_total{surface="support",outcome="allowed"} 1');
  expect(metrics).toContain('chancery_approvals{state="used"} 1');
});
