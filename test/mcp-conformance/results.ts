// Decides what the suite's files say: for each scenario each check, with its status.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** INFO: what the suite sent and saw, or something optional that is not done. */
export type Status = 'SUCCESS' | 'INFO' | 'SKIPPED' | 'WARNING' | 'FAILURE';
const STATUSES: ReadonlySet<unknown> = new Set<Status>(['SUCCESS', 'INFO', 'SKIPPED', 'WARNING', 'FAILURE']);

/** Scenario → check → status. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, Status>>;

/** `-o DIR` leaves a folder for each scenario, e.g. `server-ping-2026-11-21T12-57-14-102Z`. */
const FOLDER = /^server-(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/;

/** @throws Error when a file is not what the suite writes. */
export function readResults(folder: string): Results {
  const results = new Map<string, ReadonlyMap<string, Status>>();
  for (const entry of readdirSync(folder).sort()) {
    const scenario = FOLDER.exec(entry)?.[1];
    if (scenario === undefined) throw new Error(`"${entry}" is not the folder of a scenario`);
    const file = join(folder, entry, 'checks.json');
    // A scenario that broke off has a folder with nothing in it.
    results.set(scenario, existsSync(file) ? readChecks(JSON.parse(readFileSync(file, 'utf8'))) : new Map());
  }
  return results;
}

/** One entry for each check; the suite uses an id for several checks, and a name for several probes of the same. */
export function readChecks(written: unknown): ReadonlyMap<string, Status> {
  if (!Array.isArray(written)) throw new Error('a list of checks is wanted');
  const checks = new Map<string, Status>();
  for (const { id, name, status } of written as { id: unknown; name: unknown; status: unknown }[]) {
    if (!isStatus(status)) throw new Error(`the status of ${String(id)} is ${JSON.stringify(status)}`);
    let key = `${String(id)} (${String(name)})`;
    for (let count = 2; checks.has(key); count++) key = `${String(id)} (${String(name)}) #${count}`;
    checks.set(key, status);
  }
  return checks;
}

function isStatus(value: unknown): value is Status {
  return STATUSES.has(value);
}
