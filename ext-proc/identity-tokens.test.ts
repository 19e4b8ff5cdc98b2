import { createLocalJWKSet, jwtVerify } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { deriveIdentityKeys } from '../controlplane/keys/identity-keys.ts';
import type { Catalog, CatalogServer, IdentityKey } from '../core/catalog/catalog.ts';
import { identityKeySet } from '../core/identity/metadata.ts';
import { catalogOf, NOW_MS, principalOf, serverOf } from '../test/support/catalog-world.ts';
import { createIdentityTokens, type IdentityTokens } from './identity-tokens.ts';

const keysAt = (nowMs: number): readonly IdentityKey[] => deriveIdentityKeys(Buffer.alloc(32, 7)).at(nowMs);
const WANTED = { header: 'x-caller', audience: 'a', ttlSeconds: 60, claims: [] as string[] };
const serverThatWants = (over: object = {}): CatalogServer => ({
  ...serverOf('memory', ['read']),
  identity: { ...WANTED, ...over },
});

let nowMs: number;
let tokens: IdentityTokens;
beforeEach(() => {
  nowMs = NOW_MS;
  tokens = createIdentityTokens({ now: () => nowMs });
});

function headers(server: CatalogServer, over: object = {}, catalog: Partial<Catalog> = {}) {
  const whole = { ...catalogOf(), identityKeys: keysAt(nowMs), ...catalog };
  const surface = whole.surfaces.get('default')!;
  const principal = principalOf('alice', { agent: 'bot', claims: { tenant: 'acme', secret: 's' }, ...over });
  return tokens.headers({ catalog: whole, surface, principal }, { server, name: 'read' });
}
const tokenOf = (found: ReturnType<typeof headers>): string => found[0]?.[1] ?? '';
const payloadOf = async (token: string) =>
  (
    await jwtVerify(token, createLocalJWKSet(identityKeySet(keysAt(nowMs)) as never), {
      currentDate: new Date(nowMs),
      typ: 'chancery-identity+jwt',
    })
  ).payload;

test('a server that wants nothing is told nothing', () => {
  expect(headers(serverOf('memory', ['read']))).toEqual([]);
});

test('one that wants it is told who, for whom, what, and until when', async () => {
  const [[name, token] = ['', '']] = headers(serverThatWants());
  expect(name).toBe('x-caller');
  const { iat, exp, ...claims } = await payloadOf(token);
  expect(claims).toEqual({
    iss: expect.stringMatching(/\/\.well-known\/chancery$/),
    ...{ aud: 'a', sub: 'alice', idp: principalOf('alice').issuer, act: { sub: 'bot' } },
    ...{ surface: 'default', tool: 'read' },
  });
  expect(exp! - iat!).toBe(60);
});

test('only the claims that its document names go along', async () => {
  const token = tokenOf(headers(serverThatWants({ claims: ['tenant', 'absent'] })));
  expect((await payloadOf(token)).claims).toEqual({ tenant: 'acme' });
});

describe('a token is used again', () => {
  test('for half of its life', () => {
    const first = tokenOf(headers(serverThatWants()));
    nowMs += 29_999;
    expect(tokenOf(headers(serverThatWants()))).toBe(first);
    nowMs += 1;
    expect(tokenOf(headers(serverThatWants()))).not.toBe(first);
  });
  const others: readonly [string, () => ReturnType<typeof headers>][] = [
    ['another subject', () => headers(serverThatWants(), { subject: 'bob' })],
    ['another issuer', () => headers(serverThatWants(), { issuer: 'https://b' })],
    ['another agent', () => headers(serverThatWants(), { agent: null })],
    ['another value of a claim', () => headers(serverThatWants({ claims: ['tenant'] }), { claims: { tenant: 'b' } })],
    ['another audience', () => headers(serverThatWants({ audience: 'b' }))],
  ];
  test.each(others)('but not for %s', (_, ask) => {
    const first = tokenOf(headers(serverThatWants({ claims: ['tenant'] })));
    headers(serverThatWants());
    expect([first, tokenOf(headers(serverThatWants()))]).not.toContain(tokenOf(ask()));
  });
});

test('without a key the header says nothing that could be believed, and does not keep what a client wrote', () => {
  expect(headers(serverThatWants(), {}, { identityKeys: [] })).toEqual([['x-caller', 'unavailable']]);
});

test('a key is known to whoever verifies before it signs, and after', () => {
  const period = 7 * 24 * 3_600_000;
  const [before, now, after] = [NOW_MS - period, NOW_MS, NOW_MS + period].map(keysAt);
  const signer = now!.find(({ active }) => active)!.kid;
  for (const keys of [before, now, after]) expect(keys!.map(({ kid }) => kid)).toContain(signer);
  expect(now!.filter(({ active }) => active)).toHaveLength(1);
  expect(JSON.stringify(identityKeySet(now!))).not.toContain(now![0]!.d);
});
