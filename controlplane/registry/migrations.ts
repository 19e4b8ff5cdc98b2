// Decides how a registry of any earlier version becomes one of this version.
import { sql, type Transaction } from 'kysely';
import { RegistryError } from './error.ts';
import type { Database, Writer } from './tables.ts';

/** A step's tables are those of its own time, not of `Tables`: later steps may rename what it makes. */
type Step = (trx: Transaction<unknown>) => Promise<void>;

/** Forward only; a step's place is its version, so steps are only ever appended. */
const STEPS: readonly Step[] = [
  async (trx) => {
    const { schema } = trx;
    await schema
      .createTable('meta')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('value', 'bigint', (column) => column.notNull())
      .execute();
    await schema
      .createTable('resources')
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('json', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('resources_key', ['kind', 'name'])
      .execute();
    await schema
      .createTable('history')
      .addColumn('revision', 'bigint', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('json', 'text')
      .addColumn('who', 'text', (column) => column.notNull())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('history_key', ['revision', 'kind', 'name'])
      .execute();
    await schema
      .createTable('discoveries')
      .addColumn('server', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('json', 'text')
      .addColumn('hash', 'text')
      .addColumn('read_at_ms', 'bigint')
      .addColumn('error', 'text')
      .addColumn('error_at_ms', 'bigint')
      .addPrimaryKeyConstraint('discoveries_key', ['server', 'version'])
      .execute();
    await schema
      .createTable('tombstones')
      .addColumn('token_id', 'text', (column) => column.primaryKey())
      .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    await schema.createIndex('tombstones_expiry').on('tombstones').column('expires_at_ms').execute();
    await sql`insert into meta (key, value) values ('schema', 0), ('revision', 0)`.execute(trx);
  },
  async (trx) => {
    for (const statement of LIFECYCLE_LOG_AND_KEYS) await sql.raw(statement).execute(trx);
  },
  async (trx) => {
    for (const statement of LEDGER) await sql.raw(statement).execute(trx);
  },
  async (trx) => {
    for (const statement of TOOL_PINS) await sql.raw(statement).execute(trx);
  },
];

/** Step 2. In SQL itself, as it is what each of these statements says that matters, not how they are built. */
const LIFECYCLE_LOG_AND_KEYS = [
  `create table log (
    sequence integer primary key autoincrement,
    revision bigint not null, at_ms bigint not null, who text not null, why text not null,
    kind text not null, name text not null, change text not null,
    version text, from_state text, to_state text, source bigint, json text
  )`,
  'create index log_of on log (kind, name, sequence)',
  `insert into log (revision, at_ms, who, why, kind, name, change, json)
    select revision, at_ms, who, '', kind, name,
      case when json is null then 'deleted'
        when lag(json) over (partition by kind, name order by revision) is null then 'created'
        else 'updated' end,
      json
    from history order by revision, history.rowid`,
  `create trigger log_keeps before update on log begin select raise(abort, 'the change log is append-only'); end`,
  `create trigger log_stays before delete on log begin select raise(abort, 'the change log is append-only'); end`,
  // "insert or replace" deletes without a word to the trigger above (SQLite, "recursive_triggers").
  `create trigger log_grows before insert on log when exists (select 1 from log where sequence = new.sequence)
    begin select raise(abort, 'the change log is append-only'); end`,
  'drop table history',
  // By its name an older Chancery knows that this is a registry, and then says that it is a newer one's.
  `create view history as select revision, kind, name, json, who, at_ms from log
    where change in ('created', 'updated', 'deleted', 'rollback')`,
  `create table versions (
    server text not null, version text not null, state text not null, since_ms bigint not null,
    primary key (server, version)
  )`,
  `insert into versions (server, version, state, since_ms)
    select resources.name, json_extract(member.value, '$.version'), 'active', resources.updated_at_ms
    from resources, json_each(resources.json, '$.versions') member where resources.kind = 'Server'`,
  'create table secrets (name text primary key, sealed blob not null)',
  `create table api_keys (
    id text primary key, sha256 text not null, prefix text not null, description text not null,
    "use" text not null, subject text not null, "groups" text not null, scopes text not null,
    surfaces text not null, roles text not null,
    created_at_ms bigint not null, created_by text not null, expires_at_ms bigint not null,
    revoked_at_ms bigint, last_used_at_ms bigint, ended bigint not null
  )`,
  'alter table meta add column text text',
  "insert into meta (key, value) values ('writes', 0)",
];

/** Step 3: what calls leave behind, and what was decided of them. Beside the revisions. */
const LEDGER = [
  `create table ledger_labels (
    holder text not null, label text not null, until_ms bigint not null, primary key (holder, label)
  ) without rowid`,
  'create index ledger_labels_until on ledger_labels (until_ms)',
  `create table ledger_counts (
    key text not null, part bigint not null, window_ms bigint not null, amount bigint not null,
    over_ms bigint not null, primary key (key, part)
  ) without rowid`,
  'create index ledger_counts_over on ledger_counts (over_ms)',
  `create table ledger_writers (writer text primary key, sequence bigint not null, seen_ms bigint not null)`,
  `create table approvals (
    id text primary key, hash text not null, state text not null, surface text not null, issuer text not null,
    subject text not null, target text not null, rule text not null, reason text not null, deciders text not null,
    shown text, requested_ms bigint not null, expires_ms bigint not null,
    decided_by text, decided_ms bigint, decided_why text, used_ms bigint, used_by text
  )`,
  'create index approvals_state on approvals (state, expires_ms)',
  'create index approvals_order on approvals (requested_ms, id)',
  `create table decisions (
    sequence integer primary key autoincrement, id text not null unique, at_ms bigint not null,
    surface text not null, subject text not null, target text not null, outcome text not null, json text not null
  )`,
  'create index decisions_at on decisions (at_ms)',
  'create index decisions_subject on decisions (subject, sequence)',
  'create index decisions_target on decisions (target, sequence)',
  'create index decisions_outcome on decisions (outcome, sequence)',
];

/** Step 4: which definitions of tools are approved, and what servers say instead. A version has a set once it was pinned. */
const TOOL_PINS = [
  `create table tool_pin_sets (
    server text not null, version text not null, since_ms bigint not null, primary key (server, version)
  ) without rowid`,
  `create table tool_pins (
    server text not null, version text not null, tool text not null, hash text not null, body_hash text not null,
    json text not null, problem text, first_seen_ms bigint not null, approved_by text, approved_ms bigint not null,
    primary key (server, version, tool)
  )`,
  `create table tool_changes (
    id text primary key, server text not null, version text not null, tool text not null, kind text not null,
    state text not null, current bigint not null, before_json text, after_json text not null, hash text not null,
    compatible bigint not null, renamed_from text, problem text, canary text, seen_ms bigint not null,
    decided_by text, decided_ms bigint, decided_why text not null
  )`,
  'create index tool_changes_of on tool_changes (server, version)',
  'create index tool_changes_order on tool_changes (seen_ms, id)',
];

export const SCHEMA_VERSION = STEPS.length;

/** Brings the database to this version, inside the caller's transaction. Resolves to the version it had. @throws RegistryError */
export async function migrate(trx: Writer, path: string): Promise<number> {
  const found = await schemaVersion(trx, path);
  if (found > SCHEMA_VERSION) {
    throw new RegistryError(
      `the registry ${path} was written by a newer Chancery (schema ${found}, this one knows ${SCHEMA_VERSION}): start the newer one, or restore a backup`,
    );
  }
  for (const step of STEPS.slice(found)) await step(trx as unknown as Transaction<unknown>);
  if (found < SCHEMA_VERSION)
    await trx.updateTable('meta').set({ value: SCHEMA_VERSION }).where('key', '=', 'schema').execute();
  return found;
}

/** 0 for a database without tables. */
export async function schemaVersion(trx: Database | Writer, path: string): Promise<number> {
  const names = (await trx.introspection.getTables()).map((table) => table.name);
  if (names.length === 0) return 0;
  const foreign = new RegistryError(`${path} is a database of another program: choose another home folder`);
  if (!['meta', 'resources', 'history'].every((name) => names.includes(name))) throw foreign;
  const row = await trx.selectFrom('meta').select('value').where('key', '=', 'schema').executeTakeFirst();
  if (row === undefined) throw foreign;
  return row.value;
}
