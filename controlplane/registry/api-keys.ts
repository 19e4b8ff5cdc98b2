// Decides what an API key looks like, what is kept of one, and when it is good.
import { hash, timingSafeEqual } from 'node:crypto';
import type { CatalogApiKey } from '../../core/catalog/catalog.ts';
import { API_KEY_PREFIX } from '../../core/identity/api-key.ts';
import { LIMITS } from '../../core/limits.ts';
import { keyEntry } from './change-log.ts';
import { changedMap } from './changed-map.ts';
import { TooManyKeysError } from './error.ts';
import { advanced, type KeptKey, type State } from './state.ts';
import type { Written } from './store.ts';
import type { ApiKeyRow, Writer } from './tables.ts';
import type { ApiKey, Author, NewApiKey } from './types.ts';

const ID_BYTES = 4;
const SECRET_BYTES = 32;
const KEY = new RegExp(`^${API_KEY_PREFIX}([0-9a-f]{8})_[A-Za-z0-9_-]{43}$`);

export interface Made {
  readonly random: (bytes: number) => Buffer;
  readonly nowMs: number;
}

/** @throws TooManyKeysError */
export async function createKey(
  trx: Writer,
  state: State,
  wanted: NewApiKey,
  author: Author,
  { random, nowMs }: Made,
): Promise<Written<{ readonly key: string; readonly stored: ApiKey }>> {
  const good = [...state.keys.values()].filter(({ stored }) => isGood(stored, nowMs)).length;
  if (good >= LIMITS.apiKeysMax)
    throw new TooManyKeysError(`${good} API keys are in use, which is the most: revoke some`);
  let id = random(ID_BYTES).toString('hex');
  while (state.keys.has(id)) id = random(ID_BYTES).toString('hex');
  const prefix = `${API_KEY_PREFIX}${id}`;
  const key = `${prefix}_${random(SECRET_BYTES).toString('base64url')}`;
  const { description, use, subject, groups, scopes, surfaces, roles, expiresAtMs } = wanted;
  const stored: ApiKey = {
    ...{ id, prefix, description, use, subject, groups, scopes, surfaces, roles },
    ...{ createdAtMs: nowMs, createdBy: author.who, expiresAtMs, revokedAtMs: null, lastUsedAtMs: null },
  };
  const kept: KeptKey = { stored, sha256: sha256Of(key), ended: false };
  await trx.insertInto('api_keys').values(rowOf(kept)).execute();
  return { value: { key, stored }, next: await written(trx, state, kept, { change: 'created', author, nowMs }) };
}

export async function revokeKey(
  trx: Writer,
  state: State,
  id: string,
  author: Author,
  nowMs: number,
): Promise<Written<boolean>> {
  const known = state.keys.get(id);
  if (known === undefined || known.stored.revokedAtMs !== null) return { value: false, next: null };
  const kept: KeptKey = { ...known, stored: { ...known.stored, revokedAtMs: nowMs }, ended: true };
  await trx.updateTable('api_keys').set({ revoked_at_ms: nowMs, ended: 1 }).where('id', '=', id).execute();
  return { value: true, next: await written(trx, state, kept, { change: 'revoked', author, nowMs }) };
}

/** A key that came or went is a change of the catalog, and an entry of the log. */
async function written(
  trx: Writer,
  state: State,
  kept: KeptKey,
  { change, author, nowMs }: { change: 'created' | 'revoked'; author: Author; nowMs: number },
): Promise<State> {
  const { id, use } = kept.stored;
  const revision = state.revision + 1;
  await trx.insertInto('log').values(keyEntry({ id, change, author, revision, nowMs })).execute();
  return advanced(state, {
    revision,
    keys: changedMap(state.keys, [[id, kept]]),
    apiKeys: use === 'agent' ? changedMap(state.apiKeys, [[id, kept.ended ? null : toCatalog(kept)]]) : state.apiKeys,
  });
}

/** When keys were last used; ids that nobody knows are passed over. */
export async function touchKeys(trx: Writer, state: State, used: ReadonlyMap<string, number>): Promise<Written<void>> {
  const changes: [string, KeptKey][] = [];
  for (const [id, atMs] of used) {
    const known = state.keys.get(id);
    if (known === undefined || (known.stored.lastUsedAtMs ?? 0) >= atMs) continue;
    await trx.updateTable('api_keys').set({ last_used_at_ms: atMs }).where('id', '=', id).execute();
    changes.push([id, { ...known, stored: { ...known.stored, lastUsedAtMs: atMs } }]);
  }
  const next = changes.length === 0 ? null : advanced(state, { keys: changedMap(state.keys, changes) });
  return { value: undefined, next };
}

/** Keys that have expired end with a revision, so that one revision never means two sets of keys. null when none has. */
export async function endExpired(
  trx: Writer,
  state: State,
  nowMs: number,
): Promise<Pick<State, 'keys' | 'apiKeys'> | null> {
  const expired = [...state.keys.values()].filter(({ stored, ended }) => !ended && stored.expiresAtMs <= nowMs);
  if (expired.length === 0) return null;
  await trx
    .updateTable('api_keys')
    .set({ ended: 1 })
    .where('ended', '=', 0)
    .where('expires_at_ms', '<=', nowMs)
    .execute();
  return {
    keys: changedMap(
      state.keys,
      expired.map((key) => [key.stored.id, { ...key, ended: true }]),
    ),
    apiKeys: changedMap(
      state.apiKeys,
      expired.map((key) => [key.stored.id, null]),
    ),
  };
}

/** Newest first. */
export function listKeys(state: State): readonly ApiKey[] {
  const keys = [...state.keys.values()].map(({ stored }) => stored);
  return keys.sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? -1 : 1));
}

/** The id is no secret; the hash of the whole is compared in constant time, also when nobody has the id. */
export function adminKey(state: State, text: string, nowMs: number): ApiKey | null {
  const id = KEY.exec(text)?.[1];
  if (id === undefined) return null;
  const known = state.keys.get(id);
  const same = timingSafeEqual(Buffer.from(sha256Of(text)), Buffer.from(known?.sha256 ?? sha256Of('')));
  if (!same || known === undefined) return null;
  return known.stored.use === 'admin' && isGood(known.stored, nowMs) ? known.stored : null;
}

function isGood({ revokedAtMs, expiresAtMs }: ApiKey, nowMs: number): boolean {
  return revokedAtMs === null && expiresAtMs > nowMs;
}

function sha256Of(text: string): string {
  return hash('sha256', text, 'hex');
}

export function toCatalog({ sha256, stored }: KeptKey): CatalogApiKey {
  const { id, subject, groups, scopes, surfaces, expiresAtMs } = stored;
  return { id, sha256, subject, groups, scopes, surfaces, expiresAtMs };
}

function rowOf({ stored, sha256, ended }: KeptKey): ApiKeyRow {
  return {
    id: stored.id,
    sha256,
    prefix: stored.prefix,
    description: stored.description,
    use: stored.use,
    subject: stored.subject,
    groups: JSON.stringify(stored.groups),
    scopes: JSON.stringify(stored.scopes),
    surfaces: JSON.stringify(stored.surfaces),
    roles: JSON.stringify(stored.roles),
    created_at_ms: stored.createdAtMs,
    created_by: stored.createdBy,
    expires_at_ms: stored.expiresAtMs,
    revoked_at_ms: stored.revokedAtMs,
    last_used_at_ms: stored.lastUsedAtMs,
    ended: ended ? 1 : 0,
  };
}

/** Rows were made by `rowOf`. */
export function keptKeyOf(row: ApiKeyRow): KeptKey {
  const stored: ApiKey = {
    id: row.id,
    prefix: row.prefix,
    description: row.description,
    use: row.use as ApiKey['use'],
    subject: row.subject,
    groups: JSON.parse(row.groups) as string[],
    scopes: JSON.parse(row.scopes) as string[],
    surfaces: JSON.parse(row.surfaces) as string[],
    roles: JSON.parse(row.roles) as ApiKey['roles'],
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
  };
  return { stored, sha256: row.sha256, ended: row.ended !== 0 };
}
