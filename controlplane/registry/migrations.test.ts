import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { RegistryError } from './error.ts';
import { put } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';
import { makeSchema1, type Write } from './testdata/schema1.ts';

// As the schema of then had filled in their defaults.
const server = (name: string, rest: object = {}) => ({
  kind: 'Server',
  name,
  labels: {},
  versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
  ...rest,
});
const SURFACE = {
  ...{ kind: 'Surface', name: 's', auth: 'token', decision: 'ext_proc' },
  servers: [{ server: 'a', tools: ['*'], prompts: ['*'], resources: ['*'] }],
};
const POLICY = {
  ...{ kind: 'Policy', name: 'p', version: 'tbac/v1', surfaces: ['*'] },
  rules: [{ id: 'r', effect: 'allow', tools: ['*'] }],
};
const STDIO = server('b', { versions: [{ version: '2', stdio: { command: 'node', args: [], env: { A: 'x' } } }] });
const WRITES: readonly Write[] = [
  { kind: 'Server', name: 'a', document: server('a') },
  { kind: 'Surface', name: 's', document: SURFACE },
  { kind: 'Server', name: 'b', document: server('b') },
  { kind: 'Server', name: 'b', document: null },
  { kind: 'Server', name: 'b', document: STDIO },
  { kind: 'Policy', name: 'p', document: POLICY },
  { kind: 'Server', name: 'a', document: server('a', { description: 'second' }) },
];

const place = usePlace(Date.UTC(2026, 10, 21, 12, 0, 0, 123));
const backups = (): string[] => readdirSync(place.folder).filter((name) => name.startsWith('registry.db.backup-'));
function query(file: string, statement: string): unknown[] {
  const sqlite = new Sqlite(file, { readonly: true });
  try {
    return sqlite.prepare(statement).raw().all();
  } finally {
    sqlite.close();
  }
}

describe('a registry of the first schema', () => {
  beforeEach(() => makeSchema1(place.path, WRITES));

  test('has its documents, with what they did not say then', async () => {
    const { documents, versions, revision } = (await place.open()).snapshot();
    expect(revision).toBe(7);
    expect(documents.map(({ document: { kind, name }, revision }) => [kind, name, revision])).toEqual([
      ['Server', 'a', 7],
      ['Server', 'b', 5],
      ['Surface', 's', 2],
      ['Policy', 'p', 6],
    ]);
    expect(documents[0]?.document).toMatchObject({ description: 'second', versions: [{ state: 'active' }] });
    expect(documents[2]?.document).toMatchObject({ labels: {} });
    expect([...versions]).toEqual([
      ['a 1', { state: 'active', sinceMs: 700 }],
      ['b 2', { state: 'active', sinceMs: 500 }],
    ]);
  });

  test('finds nothing changed in what it is given again', async () => {
    const registry = await place.open();
    const again = await put(registry, server('a', { description: 'second' }), STDIO, SURFACE, POLICY);
    expect(again.changes.map(({ change }) => change)).toEqual(Array(4).fill('unchanged'));
    expect(again.revision).toBe(7);
  });

  test('has its history in the change log, from which it is rolled back', async () => {
    const registry = await place.open();
    const log = await registry.log({ limit: 10 });
    expect(log.map(({ sequence, revision, atMs, change, name }) => [sequence, revision, atMs, change, name])).toEqual([
      [7, 7, 700, 'updated', 'a'],
      [6, 6, 600, 'created', 'p'],
      [5, 5, 500, 'created', 'b'],
      [4, 4, 400, 'deleted', 'b'],
      [3, 3, 300, 'created', 'b'],
      [2, 2, 200, 'created', 's'],
      [1, 1, 100, 'created', 'a'],
    ]);
    expect(log[3]).toMatchObject({ who: 'operator', why: '', document: null });
    expect(log[6]?.document).toEqual(server('a'));
    const back = await registry.rollback({ kind: 'Server', name: 'a', revision: 1, who: 'x', why: '' });
    expect(back).toMatchObject({ ok: true, revision: 8, changes: [{ change: 'updated' }] });
  });

  test('keeps what was read from servers, and ended sessions', async () => {
    const sqlite = new Sqlite(place.path);
    sqlite.exec("insert into tombstones values ('t', 9000000000000)");
    const discovered = JSON.stringify({ hash: 'h', ...lists() });
    sqlite.prepare("insert into discoveries values ('a', '1', ?, 'h', 5, null, null)").run(discovered);
    sqlite.close();
    const { discoveries, tombstones } = (await place.open()).snapshot();
    expect(discoveries.get('a 1')).toMatchObject({ discovered: { hash: 'h' }, readAtMs: 5 });
    expect(tombstones).toEqual([{ tokenId: 't', expiresAtMs: 9_000_000_000_000 }]);
  });

  test('has a backup beside it, for its owner only, of what it was', async () => {
    await place.open();
    expect(backups()).toEqual(['registry.db.backup-schema1-20261121T120000.123Z']);
    const backup = join(place.folder, backups()[0]!);
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    expect(query(backup, "select value from meta where key = 'schema'")).toEqual([[1]]);
    expect(query(backup, 'select count(*) from history')).toEqual([[7]]);
    await place.open();
    expect(backups()).toHaveLength(1);
  });

  test('keeps the newest backups only', async () => {
    const stamps = ['schema1-20240101T000000.000Z', 'schema1-20250101T000000.000Z', 'schema0-20260101T000000.000Z'];
    for (const stamp of stamps) writeFileSync(`${place.path}.backup-${stamp}`, '');
    await place.open();
    expect(backups().sort()).toEqual([
      'registry.db.backup-schema0-20260101T000000.000Z',
      'registry.db.backup-schema1-20250101T000000.000Z',
      'registry.db.backup-schema1-20261121T120000.123Z',
    ]);
  });

  test('is told from another program by an older Chancery, which then refuses it as newer', async () => {
    await place.open();
    const names = query(place.path, "select name from sqlite_master where type in ('table', 'view')").flat();
    // What that one looks for.
    expect(names).toEqual(expect.arrayContaining(['meta', 'resources', 'history']));
    expect(query(place.path, 'select revision, kind, name, who, at_ms from history limit 1')).toEqual([
      [1, 'Server', 'a', 'operator', 100],
    ]);
  });
});

describe('a registry that cannot be migrated is left as it is, with no backup, when', () => {
  const cases: [string, string, RegExp][] = [
    [
      'today a document would not be taken',
      `update resources set json = json_set(json, '$.description', 'a' || char(8238) || 'b') where name = 'b'`,
      /holds Server "b", which cannot be read \(description: control characters are not allowed\): change or delete it with the Chancery that wrote it/,
    ],
    [
      'a document is of no kind that is known',
      `insert into resources values ('Song', 'x', '{"kind":"Song"}', '', 1, 1)`,
      /holds Song "x", which cannot be read \(kind: kind must be one of/,
    ],
    [
      'a document is not JSON',
      `update resources set json = '{' where name = 'p'`,
      /holds Policy "p", which cannot be read \(not JSON\)/,
    ],
  ];
  test.each(cases)('%s', async (_, spoil, wanted) => {
    makeSchema1(place.path, WRITES);
    const sqlite = new Sqlite(place.path);
    sqlite.exec(spoil);
    sqlite.close();
    const error = await place.open().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect((error as Error).message).toMatch(wanted);
    expect(query(place.path, "select value from meta where key = 'schema'")).toEqual([[1]]);
    expect(query(place.path, 'select count(*) from history')).toEqual([[7]]);
    expect(backups()).toEqual([]);
  });
});

test('a new registry has no backup', async () => {
  await place.open();
  expect(backups()).toEqual([]);
});

function lists(): object {
  const none = { bare: [], full: [] };
  return { protocolVersion: '2025-11-25', tools: none, prompts: none, resources: none, resourceTemplates: none };
}
