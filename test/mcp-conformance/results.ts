// Decides what the suite's files say: for each scenario each check, with its status.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** INFO: what the suite sent and saw, or something optional that is not done. */
export type Status = 'SUCCESS' | 'INFO' | 'SKIPPED' | 'WARNING' | 'FAILURE';
const STATUSES: ReadonlySet<unknown> = new Set<Status>(['SUCCESS', 'INFO', 'SKIPPED', 'WARNING', 'FAILURE']);

export type Checks = ReadonlyMap<string, Status>;

/** Scenario → check → status. */
export type Results = ReadonlyMap<string, Checks>;

/** `-o DIR` leaves a folder for each scenario, e.g. `server-ping-2026-11-21T12-57-14-102Z`, of a client `ping-2026-…`. */
const FOLDER = {
  server: /^server-(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/,
  client: /^(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/,
} as const;

/** @throws Error when a file is not what the suite writes. */
export function readResults(folder: string, side: keyof typeof FOLDER): Results {
  const results = new Map<string, Checks>();
  for (const entry of readdirSync(folder).sort()) {
    const scenario = FOLDER[side].exec(entry)?.[1];
    if (scenario === undefined) throw new Error(`"${entry}" is not the folder of a scenario`);
    const file = join(folder, entry, 'checks.json');
    // A scenario that broke off has a folder with nothing in it.
    results.set(scenario, existsSync(file) ? READ[side](JSON.parse(readFileSync(file, 'utf8'))) : new Map());
  }
  return results;
}

/** One entry for each check; the suite uses an id for several checks, and a name for several probes of the same. */
export function readChecks(written: unknown): Checks {
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

/** Worse ones last. */
const ORDER: readonly Status[] = ['INFO', 'SKIPPED', 'SUCCESS', 'WARNING', 'FAILURE'];

/** A scenario for clients judges each request that it sees, and how many there are is not the same each time: the worst counts. */
export function readWorst(written: unknown): Checks {
  const worst = new Map<string, Status>();
  for (const [key, status] of readChecks(written)) {
    const check = key.replace(/ #\d+$/, '');
    const before = worst.get(check) ?? 'INFO';
    worst.set(check, ORDER.indexOf(status) > ORDER.indexOf(before) ? status : before);
  }
  return worst;
}

const READ: Readonly<Record<keyof typeof FOLDER, (written: unknown) => Checks>> = {
  server: readChecks,
  client: readWorst,
};

function isStatus(value: unknown): value is Status {
  return STATUSES.has(value);
}
