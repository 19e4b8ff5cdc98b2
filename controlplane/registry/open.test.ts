import { closeSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { RegistryError } from './error.ts';
import type { Registry } from './registry.ts';
import { discovered, put, secret, server, surface } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';

const place = usePlace();
const names = ({ documents }: ReturnType<Registry['snapshot']>): string[] =>
  documents.map(({ document: { kind, name } }) => `${kind}/${name}`);

describe('the file', () => {
  test('is readable by its owner only, and its companions too', async () => {
    await put(await place.open(), server('a'));
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(place.path + suffix).mode & 0o777).toBe(0o600);
  });

  test('brings everything back after it was closed', async () => {
    const before = await place.open();
    await put(before, server('a'), surface('s', 'a'), secret('k', 'x'));
    await before.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    await before.saveTombstones([{ tokenId: 't', expiresAtMs: 5_000 }]);
    const { find: _find, ...snapshot } = before.snapshot();
    await before.close();
    expect((await place.open()).snapshot()).toMatchObject(snapshot);
  });

  test('is closed when what is under way is done', async () => {
    const registry = await place.open();
    const [outcome] = await Promise.all([put(registry, server('a')), registry.close()]);
    expect(outcome).toMatchObject({ ok: true });
    expect(names((await place.open()).snapshot())).toEqual(['Server/a']);
  });

  const unusable: [string, () => void, RegExp][] = [
    [
      'text',
      () => writeFileSync(place.path, 'not a database, but long enough to have a header of its own '.repeat(40)),
      /is not a SQLite database/,
    ],
    ['a folder', () => mkdirSync(place.path), /is a folder, wanted a file/],
    ['a damaged database', damage, /is damaged/],
    [
      'a database of another program',
      () => void withSqlite((sqlite) => sqlite.exec('create table songs (title text)')),
      /another program/,
    ],
  ];
  test.each(unusable)('is refused with one sentence when it is %s', async (_, prepare, wanted) => {
    prepare();
    const error = await place.open().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect((error as Error).message).toMatch(wanted);
    expect((error as Error).message).toContain(place.path);
  });

  test('of a newer Chancery is refused and left as it is', async () => {
    await (await place.open()).close();
    withSqlite((sqlite) => sqlite.exec("update meta set value = 99 where key = 'schema'"));
    await expect(place.open()).rejects.toThrow(/written by a newer Chancery \(schema 99, this one knows \d+\)/);
    const schema = withSqlite((sqlite) => sqlite.prepare("select value from meta where key = 'schema'").pluck().get());
    expect(schema).toBe(99);
  });
});

function withSqlite<T>(work: (sqlite: Sqlite.Database) => T): T {
  const sqlite = new Sqlite(place.path);
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
  const bytes = Buffer.alloc(statSync(place.path).size - pageBytes, 0xff);
  const file = openSync(place.path, 'r+');
  writeSync(file, bytes, 0, bytes.length, pageBytes);
  closeSync(file);
}
