// Decides what the tests of the REST API and of the command line have of the ledger and the catalog: the real ones.
import { buildCatalog } from '../../controlplane/catalog/build.ts';
import { type LedgerBook, openLedger } from '../../controlplane/ledger/ledger.ts';
import type { LedgerMetrics } from '../../controlplane/ledger/metrics.ts';
import type { Registry, RegistrySnapshot } from '../../controlplane/registry/types.ts';
import type { Catalog } from '../../core/catalog/catalog.ts';
import type { Logger } from '../../core/runtime/log.ts';

/** What nobody measures. */
export const NO_METRICS: LedgerMetrics = {
  decided: () => {},
  lost: () => {},
  shadowDiffered: () => {},
  approvals: () => {},
};

/** @param ids the ids of the approvals that are asked for first. */
export function openTestLedger(
  registry: Registry,
  now: () => number,
  log: Logger,
  ids: readonly string[] = [],
): Promise<LedgerBook> {
  let made = 0;
  const newId = (): string => ids[made++] ?? `approval-${made}`;
  return openLedger({ beside: registry.beside, now, newId, metrics: NO_METRICS, log });
}

export function catalogIn(publicUrl: string): (snapshot: RegistrySnapshot) => Catalog {
  const settings = { host: '127.0.0.1', publicUrl, runDir: '/run/chancery' };
  return (snapshot) => buildCatalog(snapshot, { settings, issuers: [], sessionKeys: [] }).catalog;
}
