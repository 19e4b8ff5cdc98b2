import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Sqlite from 'better-sqlite3';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { RegistryError } from './error.ts';
import { openTest, put, server, TEST } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';

const place = usePlace();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Acknowledged {
  readonly revision: number;
  readonly prefix: string;
  readonly count: string;
}

/** @param limit blocks of a file that the process may write, as the shell counts them. */
function start(program: string, args: readonly string[], limit?: number): ChildProcess {
  const run = [process.execPath, join(import.meta.dirname, 'testdata', program), ...args];
  const command = limit === undefined ? run : ['/bin/sh', '-c', `ulimit -f ${limit}; exec "$@"`, 'sh', ...run];
  // Most of what a short process does is to read our source: one that ends by itself leaves it to the others, compiled.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(place.folder, 'compiled') };
  const child = spawn(command[0]!, command.slice(1), { env, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return child;
}

/** What the process told until it ended. */
async function told(child: ChildProcess, onEach: (count: number) => void = () => {}): Promise<Acknowledged[]> {
  const lines: Acknowledged[] = [];
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout! })) {
    const [revision = '', prefix = '', count = ''] = line.split(' ');
    lines.push({ revision: Number(revision), prefix, count });
    onEach(lines.length);
  }
  await ended;
  return lines;
}

/** One sentence for each thing that is not as it was acknowledged, or not whole. */
async function faultsIn(at: string, acknowledged: readonly Acknowledged[]): Promise<string[]> {
  const registry = await openTest(at);
  const snapshot = registry.snapshot();
  await registry.close();
  const faults: string[] = [];
  for (const { revision, prefix, count } of acknowledged) {
    for (const letter of ['a', 'b']) {
      const found = snapshot.find('Server', `${prefix}-${letter}-${count}`)?.revision;
      if (found !== revision) faults.push(`${prefix}-${letter}-${count} is of revision ${found}, wanted ${revision}`);
    }
  }
  const sqlite = new Sqlite(at, { readonly: true });
  const rows = (statement: string): unknown[] => sqlite.prepare(statement).raw().all();
  const entries = `select kind, name, revision, json from log where change = 'created' order by name`;
  const resources = rows('select kind, name, revision, json from resources order by name');
  if (JSON.stringify(rows(entries)) !== JSON.stringify(resources)) faults.push('the log and the resources disagree');
  // Each write is two documents, four entries and one revision, of which none is left out.
  const { length } = resources;
  const wanted = [[snapshot.revision, snapshot.revision * 2, snapshot.revision * 4, snapshot.revision * 2]];
  const counts = rows(`select (select count(distinct revision) from resources), ${length},
    (select max(sequence) from log), (select count(*) from versions)`);
  if (JSON.stringify(counts) !== JSON.stringify(wanted)) faults.push(`counted ${counts}, wanted ${wanted}`);
  sqlite.close();
  return faults;
}

const KILLS = 50;
const KILLS_OF_ONE_DATABASE = 5;
const WRITES = 1_000;
/** Of a thousand writes that wait, so many are acknowledged before the process dies. */
const ACKNOWLEDGED_MAX = 120;

describe('a process that is killed in the middle of a thousand writes', () => {
  test('loses nothing that it acknowledged, and leaves nothing half-written, fifty times', async () => {
    let kills = 0;
    const faults: string[] = [];
    const oneDatabase = async (name: number): Promise<void> => {
      const at = join(place.folder, `registry-${name}.db`);
      const acknowledged: Acknowledged[] = [];
      for (let round = 0; round < KILLS_OF_ONE_DATABASE; round++) {
        const killAt = 1 + ((name * 61 + round * 37) % ACKNOWLEDGED_MAX);
        const child = start('writer.ts', [at, `k${round}`, String(WRITES)]);
        const lines = await told(child, (count) => void (count === killAt && child.kill('SIGKILL')));
        acknowledged.push(...lines);
        if (child.signalCode === 'SIGKILL' && lines.length < WRITES) kills += 1;
      }
      faults.push(...(await faultsIn(at, acknowledged)));
    };
    await told(start('writer.ts', [place.path, 'x', '1']));
    const names = Array.from({ length: KILLS / KILLS_OF_ONE_DATABASE }, (_, index) => index);
    const lane = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) await oneDatabase(name);
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(faults).toEqual([]);
    expect(kills).toBe(KILLS);
  }, 120_000);
});

test('two processes that write at once lose none of their writes', async () => {
  // A new file is switched to WAL by whoever opens it first, which SQLite lets nobody wait for.
  await (await place.open()).close();
  const both = await Promise.all(['x', 'y'].map((prefix) => told(start('writer.ts', [place.path, prefix, '25']))));
  expect(both.map(({ length }) => length)).toEqual([25, 25]);
  expect(await faultsIn(place.path, both.flat())).toEqual([]);
}, 60_000);

test('two processes that write only what nobody changed meanwhile never overwrite each other', async () => {
  await put(await place.open(), server('a'));
  const both = await Promise.all(['x', 'y'].map((prefix) => told(start('rival.ts', [place.path, prefix, '20']))));
  const taken = both.flat();
  expect(both.map(({ length }) => length)).toEqual([20, 20]);
  expect(new Set(taken.map(({ revision }) => revision)).size).toBe(40);
  const registry = await place.open();
  const updates = (await registry.log({ kind: 'Server', limit: 100 })).filter(({ change }) => change === 'updated');
  expect(updates).toHaveLength(40);
  // Each was written onto the one before, so the last one has counted them all.
  expect(registry.snapshot().find('Server', 'a')?.document).toMatchObject({ description: '40' });
}, 60_000);

describe('a full disk', () => {
  test('refuses the write, keeps the old state, and takes writes again when there is room', async () => {
    const pragma = vi.spyOn(Sqlite.prototype, 'pragma');
    const registry = await place.open();
    const sqlite = pragma.mock.contexts[0] as Sqlite.Database;
    pragma.mockRestore();
    await put(registry, server('a'));
    const before = registry.snapshot();
    const room = Number(sqlite.pragma('page_count', { simple: true })) + 1;
    sqlite.pragma(`max_page_count = ${room}`);
    const big = Array.from({ length: 200 }, (_, index) => server(`big-${index}`));
    const error = await registry.apply({ documents: big, ...TEST }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect((error as Error).message).toMatch(/cannot grow: the disk is full \(SQLITE_FULL\)/);
    expect(registry.snapshot()).toBe(before);
    sqlite.pragma('max_page_count = 1000000');
    expect(await registry.apply({ documents: big, ...TEST })).toMatchObject({ ok: true, revision: 2 });
    await registry.close();
    expect((await place.open()).snapshot().documents).toHaveLength(201);
  });

  test('as the operating system tells of it, loses nothing that was acknowledged', async () => {
    const lines = await told(start('writer.ts', [place.path, 'x', '1000'], 1024));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(1000);
    expect(await faultsIn(place.path, lines)).toEqual([]);
    await put(await place.open(), server('a'));
  }, 60_000);
});

describe('a database that another process holds', () => {
  test('is told of when the wait is over, and is taken after', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    const before = registry.snapshot();
    const other = new Sqlite(place.path);
    other.exec('begin exclusive');
    const error = await registry.apply({ documents: [server('b')], ...TEST }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect((error as Error).message).toMatch(/is held by another process: end the other control plane \(SQLITE_BUSY\)/);
    expect(registry.snapshot()).toBe(before);
    other.exec('rollback');
    other.close();
    expect(await put(registry, server('b'))).toMatchObject({ revision: 2 });
  });

  test('is waited for, and the process does other things meanwhile', async () => {
    const registry = await place.open();
    const other = new Sqlite(place.path);
    other.exec('begin exclusive');
    const writing = put(registry, server('a'));
    // Only a process that is not held up itself comes to this.
    await new Promise((resolve) => setImmediate(resolve));
    other.exec('rollback');
    other.close();
    expect(await writing).toMatchObject({ revision: 1 });
  });
});

test('writes beyond those that may wait are refused at once, and the others are taken', async () => {
  const registry = await place.open();
  const tombstone = (count: number) => [{ tokenId: `t${count}`, expiresAtMs: 0 }];
  const writes = Array.from({ length: LIMITS.registryWritesMax + 1 }, (_, count) =>
    registry.saveTombstones(tombstone(count)).catch((error: Error) => error.message),
  );
  expect(await writes.at(-1)).toMatch(/^10000 writes wait for the registry/);
  expect((await Promise.all(writes.slice(0, -1))).filter((outcome) => typeof outcome === 'string')).toEqual([]);
}, 60_000);
