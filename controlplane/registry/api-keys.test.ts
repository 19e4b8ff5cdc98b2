import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { TooManyKeysError } from './error.ts';
import type { Registry } from './registry.ts';
import { put, server, surface } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';
import type { NewApiKey } from './types.ts';

const ALICE = { who: 'alice', why: 'a new agent' };
const AGENT: NewApiKey = {
  description: 'nightly job',
  use: 'agent',
  subject: 'job',
  groups: ['ops'],
  scopes: ['read'],
  surfaces: ['*'],
  roles: [],
  expiresAtMs: 5_000,
};
const ADMIN: NewApiKey = { ...AGENT, use: 'admin', subject: 'ci', surfaces: [], roles: ['operator'] };

const place = usePlace();
describe('a key', () => {
  test('is told once, and only its hash is kept', async () => {
    const registry = await place.open();
    const { key, stored } = await registry.createKey(AGENT, ALICE);
    expect(key).toMatch(/^chk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$/);
    expect(stored).toEqual({
      ...AGENT,
      id: key.slice(4, 12),
      prefix: key.slice(0, 12),
      createdAtMs: 1_000,
      createdBy: 'alice',
      revokedAtMs: null,
      lastUsedAtMs: null,
    });
    expect(registry.keys()).toEqual([stored]);
    const wanted = {
      id: stored.id,
      sha256: createHash('sha256').update(key).digest('hex'),
      ...{ subject: 'job', groups: ['ops'], scopes: ['read'], surfaces: ['*'], expiresAtMs: 5_000 },
    };
    expect([...registry.snapshot().apiKeys]).toEqual([[stored.id, wanted]]);
    const log = await registry.log({ limit: 10 });
    await registry.close();
    const secretPart = key.slice(13);
    for (const text of [
      JSON.stringify(log),
      ...readdirSync(place.folder).map((name) => readFileSync(join(place.folder, name), 'latin1')),
    ])
      expect(text).not.toContain(secretPart);
    const again = await place.open();
    expect(again.keys()).toEqual([stored]);
    expect(again.snapshot().apiKeys.get(stored.id)).toEqual(wanted);
  });

  test('that comes or goes is a revision and an entry of the log, without a document', async () => {
    const registry = await place.open();
    const { stored } = await registry.createKey(AGENT, ALICE);
    place.nowMs = 2_000;
    expect(await registry.revokeKey(stored.id, { who: 'bob', why: 'leaked' })).toBe(true);
    expect(registry.snapshot().revision).toBe(2);
    const of = { kind: 'ApiKey', name: stored.id };
    expect(await registry.log({ limit: 10 })).toEqual([
      { sequence: 2, revision: 2, atMs: 2_000, who: 'bob', why: 'leaked', ...of, change: 'revoked' },
      { sequence: 1, revision: 1, atMs: 1_000, who: 'alice', why: 'a new agent', ...of, change: 'created' },
    ]);
  });

  test('that is revoked is out of the snapshot for good, whatever is rolled back', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    const { stored } = await registry.createKey(AGENT, ALICE);
    const { revision } = await put(registry, surface('s', 'a'));
    await put(registry, { ...surface('s', 'a'), description: 'other' });
    expect(await registry.revokeKey(stored.id, ALICE)).toBe(true);
    expect(await registry.revokeKey(stored.id, ALICE)).toBe(false);
    expect(await registry.revokeKey('00000000', ALICE)).toBe(false);
    expect(registry.snapshot().apiKeys.size).toBe(0);
    await registry.rollback({ kind: 'Surface', name: 's', revision, ...ALICE });
    expect(registry.snapshot().apiKeys.size).toBe(0);
    expect((await place.open()).snapshot().apiKeys.size).toBe(0);
    expect(registry.keys()).toMatchObject([{ id: stored.id, revokedAtMs: 1_000 }]);
  });

  test('that has expired leaves the snapshot with a revision of its own, also while nobody looks', async () => {
    const registry = await place.open();
    await registry.createKey(AGENT, ALICE);
    const { stored } = await registry.createKey({ ...AGENT, expiresAtMs: 9_000 }, ALICE);
    expect(await registry.expire()).toBe(false);
    place.nowMs = 5_000;
    expect(await registry.expire()).toBe(true);
    expect([...registry.snapshot().apiKeys.keys()]).toEqual([stored.id]);
    expect(registry.snapshot().revision).toBe(3);
    expect(await registry.expire()).toBe(false);
    place.nowMs = 9_000;
    const again = await place.open();
    expect(again.snapshot()).toMatchObject({ revision: 4 });
    expect(again.snapshot().apiKeys.size).toBe(0);
    expect(again.keys()).toHaveLength(2);
  });

  test('remembers when it was last used, which is no revision', async () => {
    const registry = await place.open();
    const { stored } = await registry.createKey(AGENT, ALICE);
    const { apiKeys } = registry.snapshot();
    await registry.touchKeys(
      new Map([
        [stored.id, 3_000],
        ['00000000', 3_000],
      ]),
    );
    await registry.touchKeys(new Map([[stored.id, 2_000]]));
    expect(registry.keys()).toMatchObject([{ lastUsedAtMs: 3_000 }]);
    expect(registry.snapshot()).toMatchObject({ revision: 1 });
    expect(registry.snapshot().apiKeys).toBe(apiKeys);
    expect((await place.open()).keys()).toMatchObject([{ lastUsedAtMs: 3_000 }]);
  });

  test('gets another id than every key that is there', async () => {
    const ids = ['aaaaaaaa', 'aaaaaaaa', 'bbbbbbbb'];
    const registry = await place.open({
      random: (bytes) => (bytes === 4 ? Buffer.from(ids.shift() ?? '', 'hex') : randomBytes(bytes)),
    });
    await registry.createKey(AGENT, ALICE);
    await registry.createKey(AGENT, ALICE);
    expect(registry.keys().map(({ id }) => id)).toEqual(['aaaaaaaa', 'bbbbbbbb']);
  });

  test('is not made when there are as many as may be, until one is revoked', async () => {
    await (await place.open()).close();
    const sqlite = new Sqlite(place.path);
    const row = sqlite.prepare(
      `insert into api_keys values (?, '', '', '', 'agent', 'x', '[]', '[]', '[]', '[]', 0, 'x', ?, null, null, 0)`,
    );
    sqlite.transaction(() => {
      for (let count = 0; count < LIMITS.apiKeysMax; count++) row.run(count.toString(16).padStart(8, '0'), 9_000);
    })();
    sqlite.close();
    const registry = await place.open();
    await expect(registry.createKey(AGENT, ALICE)).rejects.toThrow(TooManyKeysError);
    await expect(registry.createKey(AGENT, ALICE)).rejects.toThrow(/^10000 API keys are in use, which is the most/);
    await registry.revokeKey('00000000', ALICE);
    await registry.createKey(AGENT, ALICE);
    expect(registry.snapshot().apiKeys.size).toBe(LIMITS.apiKeysMax);
  });
});

describe('an administrator is known by the text of a key', () => {
  test('that is good now', async () => {
    const registry = await place.open();
    const { key, stored } = await registry.createKey(ADMIN, ALICE);
    expect(registry.adminKey(key)).toEqual(stored);
    // Not a bearer token at the gateway.
    expect(registry.snapshot().apiKeys.size).toBe(0);
  });

  const cases: [string, (key: string, registry: Registry) => string | Promise<string>][] = [
    ['of an agent', async (_, registry) => (await registry.createKey(AGENT, ALICE)).key],
    ['with another last character', (key) => key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A')],
    ['with another id', (key) => `chk_00000000_${key.slice(13)}`],
    ['that is cut', (key) => key.slice(0, -1)],
    ['that goes on', (key) => `${key}A`],
    ['with a line break behind it', (key) => `${key}\n`],
    ['that is only the prefix', (key) => key.slice(0, 12)],
    ['that is empty', () => ''],
    [
      'that was revoked',
      async (key, registry) => {
        await registry.revokeKey(key.slice(4, 12), ALICE);
        return key;
      },
    ],
    [
      'that has expired',
      (key) => {
        place.nowMs = ADMIN.expiresAtMs;
        return key;
      },
    ],
  ];
  test.each(cases)('but by none %s', async (_, change) => {
    const registry = await place.open();
    const { key } = await registry.createKey(ADMIN, ALICE);
    expect(registry.adminKey(await change(key, registry))).toBeNull();
  });
});
