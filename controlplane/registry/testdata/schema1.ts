// Decides what a registry of the first schema looked like: its tables as they were made, some documents as they were written.
import { createHash } from 'node:crypto';
import Sqlite from 'better-sqlite3';
import { canonicalJson } from '../../../core/runtime/canonical.ts';

const TABLES = `
  create table "meta" ("key" text primary key, "value" bigint not null);
  create table "resources" ("kind" text not null, "name" text not null, "json" text not null, "hash" text not null,
    "revision" bigint not null, "updated_at_ms" bigint not null, constraint "resources_key" primary key ("kind", "name"));
  create table "history" ("revision" bigint not null, "kind" text not null, "name" text not null, "json" text,
    "who" text not null, "at_ms" bigint not null, constraint "history_key" primary key ("revision", "kind", "name"));
  create table "discoveries" ("server" text not null, "version" text not null, "json" text, "hash" text,
    "read_at_ms" bigint, "error" text, "error_at_ms" bigint, constraint "discoveries_key" primary key ("server", "version"));
  create table "tombstones" ("token_id" text primary key, "expires_at_ms" bigint not null);
  create index "tombstones_expiry" on "tombstones" ("expires_at_ms");
  insert into meta values ('schema', 1), ('revision', 0);
`;

/** `null` deletes. Each write is a revision, at 100 ms times its number. */
export interface Write {
  readonly kind: string;
  readonly name: string;
  readonly document: object | null;
}

export function makeSchema1(path: string, writes: readonly Write[]): void {
  const sqlite = new Sqlite(path);
  sqlite.pragma('journal_mode = WAL');
  sqlite.exec(TABLES);
  for (const [index, { kind, name, document }] of writes.entries()) {
    const revision = index + 1;
    const json = document === null ? null : canonicalJson(document);
    sqlite.prepare('delete from resources where kind = ? and name = ?').run(kind, name);
    if (json !== null) {
      const hash = createHash('sha256').update(json).digest('hex');
      const row = [kind, name, json, hash, revision, revision * 100];
      sqlite.prepare('insert into resources values (?, ?, ?, ?, ?, ?)').run(row);
    }
    const entry = [revision, kind, name, json, 'operator', revision * 100];
    sqlite.prepare('insert into history values (?, ?, ?, ?, ?, ?)').run(entry);
    sqlite.prepare("update meta set value = ? where key = 'revision'").run(revision);
  }
  sqlite.close();
}
