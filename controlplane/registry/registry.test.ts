import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Discovered } from '../../core/catalog/catalog.ts';
import { RegistryError } from './error.ts';
import { openRegistry, type Registry } from './registry.ts';

const log = pino({ level: 'silent' });
const constraints = { host: '127.0.0.1', runDir: '/run/chancery' };
let folder: string;
let path: string;
let nowMs: number;
const opened: Registry[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-registry-'));
  path = join(folder, 'registry.db');
  nowMs = 1_000;
});
afterEach(async () => {
  for (const registry of opened.splice(0)) await registry.close().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

async function open(at = path): Promise<Registry> {
  const registry = await openRegistry(at, { now: () => nowMs, log, constraints });
  opened.push(registry);
  return registry;
}

function writer(prefix: string, writes: number): ChildProcess {
  const program = join(import.meta.dirname, 'testdata/writer.ts');
  return fork(program, [path, prefix, String(writes)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

const server = (name: string, version = '1.0.0', port = 3001) => ({
  kind: 'Server',
  name,
  versions: [{ version, endpoints: [{ url: `http://127.0.0.1:${port}/mcp` }] }],
});
const surface = (name: string, ...servers: string[]) => ({
  kind: 'Surface',
  name,
  servers: servers.map((member) => ({ server: member })),
});
const discovered = (hash: string): Discovered => ({
  hash,
  protocolVersion: '2025-11-25',
  serverInfo: { name: 'x' },
  capabilities: {},
  tools: { bare: [{ name: 'echo' }], full: [{ name: 'echo' }] },
  prompts: { bare: [], full: [] },
  resources: { bare: [], full: [] },
  resourceTemplates: { bare: [], full: [] },
});

describe('a write', () => {
  test('creates, updates, leaves alone and deletes, and says which', async () => {
    const registry = await open();
    const created = await registry.apply({ documents: [server('a'), server('b')], who: 'test' });
    expect(created).toEqual({
      ok: true,
      revision: 1,
      changes: [
        { kind: 'Server', name: 'a', change: 'created' },
        { kind: 'Server', name: 'b', change: 'created' },
      ],
    });
    const mixed = await registry.apply({
      documents: [server('a'), server('b', '2.0.0')],
      deletes: [{ kind: 'Policy', name: 'nobody' }],
      who: 'test',
    });
    expect(mixed).toMatchObject({
      revision: 2,
      changes: [{ change: 'unchanged' }, { change: 'updated' }, { change: 'unchanged' }],
    });
    expect(
      await registry.apply({ documents: [], deletes: [{ kind: 'Server', name: 'b' }], who: 'test' }),
    ).toMatchObject({
      revision: 3,
      changes: [{ kind: 'Server', name: 'b', change: 'deleted' }],
    });
    expect(await registry.get('Server', 'b')).toBeNull();
    expect((await registry.list('Server')).map(({ document }) => document.name)).toEqual(['a']);
  });

  test('of what is there already leaves the revision as it is', async () => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'test' });
    const spelledOut = { ...server('a'), labels: {} };
    expect(await registry.apply({ documents: [spelledOut], who: 'test' })).toMatchObject({
      revision: 1,
      changes: [{ change: 'unchanged' }],
    });
  });

  test('with one bad document writes none of them', async () => {
    const registry = await open();
    const outcome = await registry.apply({ documents: [server('a'), surface('s', 'missing')], who: 'test' });
    expect(outcome).toEqual({
      ok: false,
      why: 'invalid',
      problems: [{ document: 1, path: ['servers', 0, 'server'], message: 'no server is named "missing"' }],
    });
    expect(await registry.snapshot()).toMatchObject({ revision: 0, documents: [] });
  });

  test('is refused by its precondition without a trace', async () => {
    const registry = await open();
    const asked: (string | null)[] = [];
    const precondition = (hash: string | null) => {
      asked.push(hash);
      return hash === null;
    };
    expect(await registry.apply({ documents: [server('a')], who: 'test', precondition })).toMatchObject({ ok: true });
    expect(await registry.apply({ documents: [server('a', '2')], who: 'test', precondition })).toEqual({
      ok: false,
      why: 'precondition',
    });
    expect(asked).toEqual([null, (await registry.get('Server', 'a'))?.hash]);
    expect((await registry.snapshot()).revision).toBe(1);
  });

  test('is noted in the history, deletions too', async () => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'alice' });
    nowMs = 2_000;
    await registry.apply({ documents: [], deletes: [{ kind: 'Server', name: 'a' }], who: 'bob' });
    await registry.close();
    const sqlite = new Sqlite(path, { readonly: true });
    const rows = sqlite
      .prepare('select revision, kind, name, json is null as gone, who, at_ms from history order by revision')
      .all();
    sqlite.close();
    expect(rows).toEqual([
      { revision: 1, kind: 'Server', name: 'a', gone: 0, who: 'alice', at_ms: 1_000 },
      { revision: 2, kind: 'Server', name: 'a', gone: 1, who: 'bob', at_ms: 2_000 },
    ]);
  });

  test('beside others gets a revision of its own', async () => {
    const registry = await open();
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const outcomes = await Promise.all(names.map((name) => registry.apply({ documents: [server(name)], who: 'test' })));
    const revisions = outcomes.map((outcome) => (outcome.ok ? outcome.revision : -1));
    expect([...revisions].sort((a, b) => a - b)).toEqual(names.map((_, index) => index + 1));
    expect((await registry.snapshot()).documents).toHaveLength(20);
  });

  test('beside one of another process is not lost', async () => {
    // A new file is switched to WAL by whoever opens it first, which SQLite lets nobody wait for.
    await open();
    const ends = await Promise.all(['x', 'y'].map((prefix) => once(writer(prefix, 10), 'exit')));
    expect(ends.map(([status]) => status)).toEqual([0, 0]);
    const snapshot = await (await open()).snapshot();
    expect(snapshot).toMatchObject({ revision: 20 });
    expect(new Set(snapshot.documents.map(({ revision }) => revision)).size).toBe(20);
  });
});

describe('what was read from servers', () => {
  test('counts as a change only when its hash is another', async () => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'test' });
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') })).toEqual({
      changed: true,
      revision: 2,
    });
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') })).toEqual({
      changed: false,
      revision: 2,
    });
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h2') })).toEqual({
      changed: true,
      revision: 3,
    });
  });

  test('stays when a later attempt fails, beside the error, which a good one clears', async () => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'test' });
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    nowMs = 2_000;
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: false, error: 'down' })).toEqual({
      changed: false,
      revision: 2,
    });
    expect(await registry.discoveries()).toMatchObject([
      { discovered: { hash: 'h1' }, readAtMs: 1_000, error: 'down', errorAtMs: 2_000 },
    ]);
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    expect(await registry.discoveries()).toMatchObject([{ readAtMs: 2_000, error: null, errorAtMs: null }]);
  });

  test('is one array again where every client sees the same', async () => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'test' });
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    const tools = (await registry.snapshot()).discoveries[0]?.discovered?.tools;
    expect(tools?.bare).toBe(tools?.full);
  });

  test.each([
    ['the server was deleted', { documents: [], deletes: [{ kind: 'Server' as const, name: 'a' }] }],
    ['another version is served', { documents: [server('a', '2.0.0')] }],
  ])('is forgotten, and not taken again, when %s', async (_, change) => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'test' });
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    await registry.apply({ ...change, who: 'test' });
    expect(await registry.discoveries()).toEqual([]);
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') })).toMatchObject({
      changed: false,
    });
    expect(await registry.discoveries()).toEqual([]);
  });

  test('stays when the server gets another address', async () => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'test' });
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    await registry.apply({ documents: [server('a', '1.0.0', 3002)], who: 'test' });
    expect(await registry.discoveries()).toMatchObject([{ discovered: { hash: 'h1' } }]);
  });
});

test('tombstones are kept until their token would have expired', async () => {
  const registry = await open();
  const early = { tokenId: 'early', expiresAtMs: 2_000 };
  const late = { tokenId: 'late', expiresAtMs: 3_000 };
  expect(await registry.saveTombstones([early, late, { tokenId: 'over', expiresAtMs: 1_000 }])).toEqual([early, late]);
  expect(await registry.saveTombstones([early])).toEqual([]);
  nowMs = 2_000;
  expect((await registry.snapshot()).tombstones).toEqual([late]);
  expect(await registry.expireTombstones()).toEqual(['early']);
  expect(await registry.expireTombstones()).toEqual([]);
});

describe('the file', () => {
  test('is readable by its owner only, and its helpers too', async () => {
    const registry = await open();
    await registry.apply({ documents: [server('a')], who: 'test' });
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
  });

  test('brings everything back after it was closed', async () => {
    const before = await open();
    await before.apply({ documents: [server('a'), surface('s', 'a')], who: 'test' });
    await before.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    await before.saveTombstones([{ tokenId: 't', expiresAtMs: 5_000 }]);
    const snapshot = await before.snapshot();
    await before.close();
    expect(await (await open()).snapshot()).toEqual(snapshot);
  });

  test('holds every acknowledged write after a kill -9, each whole', async () => {
    const child = writer('x', 1_000_000);
    let acknowledged = 0;
    child.on('message', (revision) => {
      acknowledged = Number(revision);
      if (acknowledged >= 5) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    const snapshot = await (await open()).snapshot();
    expect(snapshot.revision).toBeGreaterThanOrEqual(acknowledged);
    expect(snapshot.documents).toHaveLength(snapshot.revision * 2);
  });

  const unusable: [string, () => void, RegExp][] = [
    [
      'text',
      () => writeFileSync(path, 'not a database, but long enough to have a header of its own '.repeat(40)),
      /is not a SQLite database/,
    ],
    ['a folder', () => mkdirSync(path), /is a folder, wanted a file/],
    ['a damaged database', damage, /is damaged/],
    [
      'a database of another program',
      () => void withSqlite((sqlite) => sqlite.exec('create table songs (title text)')),
      /another program/,
    ],
  ];
  test.each(unusable)('is refused with one sentence when it is %s', async (_, prepare, wanted) => {
    prepare();
    const error = await open().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect((error as Error).message).toMatch(wanted);
    expect((error as Error).message).toContain(path);
  });

  test('of a newer Chancery is refused and left as it is', async () => {
    await (await open()).close();
    withSqlite((sqlite) => sqlite.exec("update meta set value = 99 where key = 'schema'"));
    await expect(open()).rejects.toThrow(/written by a newer Chancery \(schema 99, this one knows 1\)/);
    const schema = withSqlite((sqlite) => sqlite.prepare("select value from meta where key = 'schema'").pluck().get());
    expect(schema).toBe(99);
  });
});

function withSqlite<T>(work: (sqlite: Sqlite.Database) => T): T {
  const sqlite = new Sqlite(path);
  try {
    return work(sqlite);
  } finally {
    sqlite.close();
  }
}

function damage(): void {
  withSqlite((sqlite) => {
    sqlite.exec('create table meta (key text primary key, value bigint); create table t (x text)');
    sqlite.exec(
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) insert into t select hex(randomblob(100)) from n',
    );
  });
  const pageBytes = Number(withSqlite((sqlite) => sqlite.pragma('page_size', { simple: true })));
  const bytes = Buffer.alloc(statSync(path).size - pageBytes, 0xff);
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, pageBytes);
  closeSync(file);
}
