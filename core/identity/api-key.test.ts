import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CatalogApiKey } from '../catalog/catalog.ts';
import { LIMITS } from '../limits.ts';
import { apiKeyProblem } from './api-key.ts';
import { createVerifier, type Identity } from './verify.ts';

const NOW_MS = 1_800_000_000_000;
const TEXT = `chk_1a2b3c4d_${'A-z_0'.repeat(9)}`;
const KEY: CatalogApiKey = {
  id: '1a2b3c4d',
  sha256: hash('sha256', TEXT, 'hex'),
  subject: 'robot',
  groups: ['ops'],
  scopes: ['read'],
  surfaces: ['default', 'team-*'],
  expiresAtMs: NOW_MS + 1,
};

function ask(text: string, over: { key?: Partial<CatalogApiKey>; surface?: string; keys?: CatalogApiKey[] } = {}) {
  const keys = over.keys ?? [{ ...KEY, ...over.key }];
  const name = over.surface ?? 'default';
  return createVerifier({ now: () => NOW_MS }).verify({
    authorization: `Bearer ${text}`,
    surface: { name, url: `http://127.0.0.1:10000/mcp/${name}` },
    catalog: { issuers: new Map(), apiKeys: new Map(keys.map((key) => [key.sha256, key])), revocations: new Map() },
  });
}

test('a key names its principal at once, and the key itself', () => {
  const identity = ask(TEXT) as Extract<Identity, { ok: true }>;
  expect(identity).toEqual({
    ok: true,
    principal: {
      issuer: 'chancery:api-key',
      subject: 'robot',
      groups: ['ops'],
      scopes: ['read'],
      expiresAtMs: NOW_MS + 1,
      ...{ claims: {}, tasks: [], agent: null, kind: 'api_key' },
    },
    apiKey: KEY,
  });
});

test.each(['default', 'team-a', 'team-'])('a key counts on %s, which it names', (surface) => {
  expect(ask(TEXT, { surface })).toMatchObject({ ok: true });
});

describe('a key does not count', () => {
  test.each<[string, string, Parameters<typeof ask>[1], string]>([
    ['that nobody has', TEXT, { keys: [] }, 'unknown_api_key'],
    ['of another text', `${TEXT}x`, {}, 'unknown_api_key'],
    ['that is cut', TEXT.slice(0, -1), {}, 'unknown_api_key'],
    ['that is its own hash', `chk_${KEY.sha256}`, {}, 'unknown_api_key'],
    ['that is its prefix alone', 'chk_', {}, 'unknown_api_key'],
    ['that ended just now', TEXT, { key: { expiresAtMs: NOW_MS } }, 'expired'],
    ['on a surface that it does not name', TEXT, { surface: 'ops' }, 'wrong_audience'],
    ['on a surface whose name begins as one does', TEXT, { surface: 'default-2' }, 'wrong_audience'],
    ['without surfaces', TEXT, { key: { surfaces: [] } }, 'wrong_audience'],
  ])('%s', (_, text, over, reason) => {
    expect(ask(text, over)).toEqual({ ok: false, reason });
  });

  test('once the catalog has it no more, although it did a moment ago', () => {
    const verifier = createVerifier({ now: () => NOW_MS });
    const question = { authorization: `Bearer ${TEXT}`, surface: { name: 'default', url: 'http://h/mcp' } };
    const issuers = new Map();
    const apiKeys = new Map([[KEY.sha256, KEY]]);
    expect(verifier.verify({ ...question, catalog: { issuers, apiKeys, revocations: new Map() } })).toMatchObject({
      ok: true,
    });
    expect(verifier.verify({ ...question, catalog: { issuers, apiKeys: new Map(), revocations: new Map() } })).toEqual({
      ok: false,
      reason: 'unknown_api_key',
    });
  });
});

test('there is no tolerance beyond its end', () => {
  expect(apiKeyProblem(KEY, 'default', KEY.expiresAtMs - 1)).toBeNull();
  expect(apiKeyProblem(KEY, 'default', KEY.expiresAtMs + LIMITS.clockSkewMs - 1)).toBe('expired');
});
