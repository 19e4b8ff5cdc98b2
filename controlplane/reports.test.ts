import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createDecisionLog } from '../core/ledger-client/decision-log.ts';
import { ROOT_DIR } from '../core/runtime/process.ts';
import { createReporter } from '../ext-proc/reports.ts';
import { until } from '../test/support/until.ts';
import { record } from './ledger/testdata/records.ts';
import { serveReports } from './reports.ts';

test('what could not be stored is told again, and nothing after it acknowledges it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-reports-'));
  const at = { socketPath: join(folder, 'r.sock'), protoDir: join(ROOT_DIR, 'proto'), log: pino({ level: 'silent' }) };
  const stored: string[] = [];
  let failures = 2;
  const fail = (): void => {
    if (failures-- > 0) throw new Error('the disk is full');
  };
  const served = await serveReports({
    ...at,
    async onTombstones(tombstones) {
      if (tombstones.length === 0) return;
      fail();
      stored.push(...tombstones.map(({ tokenId }) => tokenId));
    },
    onKeyUses: async () => {},
    async onDecisions(records) {
      fail();
      stored.push(...records.map(({ id }) => id));
    },
  });
  const reporter = createReporter({ ...at, nodeId: 'a', now: Date.now });
  const log = createDecisionLog({ ...at, nodeId: 'b' });
  for (const tokenId of ['t1', 't2', 't3']) reporter.tombstone({ tokenId, expiresAtMs: 5 });
  log.record(record());
  await until(
    'everything to be stored',
    () => [...stored].sort(),
    (all) => all.length >= 4,
  );
  expect([...new Set(stored)].sort()).toEqual(['d1', 't1', 't2', 't3']);
  reporter.close();
  log.close();
  served.close();
  rmSync(folder, { recursive: true, force: true });
});
