// Decides how the tests of the ledger get one: a registry's real database, the control plane's socket, and services at it.
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import { createLedger } from '../../../core/ledger-client/ledger.ts';
import type { Ledger, NewApproval } from '../../../core/policy/ledger.ts';
import { ROOT_DIR } from '../../../core/runtime/process.ts';
import { until } from '../../../test/support/until.ts';
import { usePlace } from '../../registry/testdata/place.ts';
import type { Registry } from '../../registry/types.ts';
import { serveReports } from '../../reports.ts';
import { storeDecisions } from '../decisions.ts';
import { type LedgerBook, openLedger } from '../ledger.ts';
import type { LedgerMetrics } from '../metrics.ts';

export const PROTO_DIR = join(ROOT_DIR, 'proto');
export const START_MS = 1_800_000_000_000;
export const LOG = pino({ level: 'silent' });

export interface ControlPlane {
  readonly registry: Registry;
  readonly book: LedgerBook;
  /** As a crash would: nothing is finished, nobody is told. */
  kill(): Promise<void>;
}

export interface LedgerWorld {
  nowMs: number;
  readonly socketPath: string;
  readonly databasePath: string;
  /** What was measured, a line each. */
  readonly measured: string[];
  start(): Promise<ControlPlane>;
  service(options?: { readonly writeDeadlineMs?: number }): Ledger & { close(): void };
  /** One that knows the whole state. */
  ready(options?: { readonly writeDeadlineMs?: number }): Promise<Ledger & { close(): void }>;
}

export function useLedgerWorld(): LedgerWorld {
  const place = usePlace(START_MS);
  const opened: { close(): void }[] = [];
  const planes: ControlPlane[] = [];
  const measured: string[] = [];
  const metrics: LedgerMetrics = {
    decided: (surface, outcome) => measured.push(`${surface} ${outcome}`),
    lost: (count) => measured.push(`lost ${count}`),
    shadowDiffered: (surface, allowed) => measured.push(`${surface} shadow ${allowed}`),
    approvals: (states) => measured.push(`approvals ${JSON.stringify([...states])}`),
  };
  afterEach(async () => {
    measured.length = 0;
    for (const one of opened.splice(0)) one.close();
    for (const plane of planes.splice(0)) await plane.kill();
  });
  const world: LedgerWorld = {
    get nowMs() {
      return place.nowMs;
    },
    set nowMs(nowMs) {
      place.nowMs = nowMs;
    },
    get socketPath() {
      return join(place.folder, 'reports.sock');
    },
    get databasePath() {
      return place.path;
    },
    measured,
    async start() {
      const registry = await place.open();
      let id = 0;
      const book = await openLedger({
        beside: registry.beside,
        now: () => place.nowMs,
        newId: () => `id-${place.nowMs}-${++id}`,
        metrics,
        log: LOG,
      });
      const reports = await serveReports({
        socketPath: world.socketPath,
        protoDir: PROTO_DIR,
        log: LOG,
        onTombstones: async () => {},
        onKeyUses: async () => {},
        async onDecisions(records, lost) {
          if (lost > 0) metrics.lost(lost);
          await storeDecisions(registry.beside, records, metrics);
        },
        ledger: book,
      });
      const plane: ControlPlane = {
        registry,
        book,
        async kill() {
          reports.close();
          await registry.close().catch(() => {});
        },
      };
      planes.push(plane);
      return plane;
    },
    service(options = {}) {
      const ledger = createLedger({
        socketPath: world.socketPath,
        nodeId: `test-${opened.length}`,
        protoDir: PROTO_DIR,
        log: LOG,
        now: () => place.nowMs,
        ...options,
      });
      opened.push(ledger);
      return ledger;
    },
    async ready(options) {
      const ledger = world.service(options);
      await until(
        'the whole state',
        () => ledger.ready(),
        (ready) => ready,
      );
      return ledger;
    },
  };
  return world;
}

export function asked(over: Partial<NewApproval> = {}): NewApproval {
  return {
    hash: 'a'.repeat(64),
    surface: 'support',
    issuer: 'https://idp.example',
    subject: 'alice',
    target: 'payments/refund',
    rule: 'refunds/small',
    reason: 'refunds need a lead',
    by: { groups: ['support-leads'] },
    shown: '{"amount":300}',
    requestedAtMs: START_MS,
    expiresAtMs: START_MS + 900_000,
    ...over,
  };
}
