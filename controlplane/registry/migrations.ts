// Decides how a registry of any earlier version becomes one of this version.
import type { Kysely } from 'kysely';
import { RegistryError } from './error.ts';
import type { Database, Writer } from './tables.ts';

/** A step's tables are those of its own time, not of `Tables`: later steps may rename what it makes. */
type Schema = Kysely<unknown>['schema'];

/** Forward only; a step's place is its version, so steps are only ever appended. */
const STEPS: readonly ((schema: Schema) => Promise<void>)[] = [
  async (schema) => {
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
  },
];

export const SCHEMA_VERSION = STEPS.length;

/** Brings the database to this version in one transaction, or leaves it as it was. @throws RegistryError */
export async function migrate(db: Database, path: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const found = await schemaVersion(trx, path);
    if (found > SCHEMA_VERSION) {
      throw new RegistryError(
        `the registry ${path} was written by a newer Chancery (schema ${found}, this one knows ${SCHEMA_VERSION}): start the newer one, or restore a backup`,
      );
    }
    for (const step of STEPS.slice(found)) await step(trx.schema);
    if (found === 0)
      await trx
        .insertInto('meta')
        .values([
          { key: 'schema', value: SCHEMA_VERSION },
          { key: 'revision', value: 0 },
        ])
        .execute();
    else if (found < SCHEMA_VERSION)
      await trx.updateTable('meta').set({ value: SCHEMA_VERSION }).where('key', '=', 'schema').execute();
  });
}

/** 0 for a database without tables. */
async function schemaVersion(trx: Writer, path: string): Promise<number> {
  const names = (await trx.introspection.getTables()).map((table) => table.name);
  if (names.length === 0) return 0;
  const foreign = new RegistryError(`${path} is a database of another program: choose another home folder`);
  if (!['meta', 'resources', 'history'].every((name) => names.includes(name))) throw foreign;
  const row = await trx.selectFrom('meta').select('value').where('key', '=', 'schema').executeTakeFirst();
  if (row === undefined) throw foreign;
  return row.value;
}
