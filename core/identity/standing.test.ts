import { describe, expect, test } from 'vitest';
import { apiKeyOf, ISSUER, NOW_MS, principalOf } from '../../test/support/catalog-world.ts';
import type { CatalogIssuer, CatalogRevocation } from '../catalog/catalog.ts';
import { LIMITS } from '../limits.ts';
import type { Principal } from '../policy/types.ts';
import { API_KEY_ISSUER } from './api-key.ts';
import { issuerKeysOf } from './issuer-keys.ts';
import { isRevoked } from './revocations.ts';
import { type IdentityCatalog, nameProblem, noteOrigin, standingProblem } from './standing.ts';

const key = (kid: string, x = 'x') => ({ kty: 'OKP', crv: 'Ed25519', x, kid });
const issuerOf = (over: Partial<CatalogIssuer> = {}): CatalogIssuer => ({
  name: 'corp',
  issuer: ISSUER,
  algorithms: ['EdDSA'],
  jwks: { keys: [key('a'), key('b')] },
  ...over,
});
const catalogOf = (issuers: CatalogIssuer[], revocations: CatalogRevocation[] = []): IdentityCatalog => ({
  issuers: new Map(issuers.map((issuer) => [issuer.name, issuer])),
  apiKeys: new Map(),
  revocations: new Map(revocations.map((revocation) => [revocation.name, revocation])),
});
const DOOR = { name: 'default', url: 'http://127.0.0.1:10000/mcp' };

/** Who came with a token that the key `kid` of this issuer signed. */
function came(kid: string | undefined, issuer = issuerOf()): Principal {
  const principal = principalOf('alice');
  const keys = issuerKeysOf(new Map([[issuer.name, issuer]])).get(ISSUER);
  noteOrigin(principal, keys!, kid);
  return principal;
}
const standing = (principal: Principal, catalog: IdentityCatalog, door: Parameters<typeof standingProblem>[2] = DOOR) =>
  standingProblem(principal, null, door, catalog, NOW_MS);

describe('a principal who came with a token', () => {
  const cases: readonly [string, Principal, CatalogIssuer[], string | null][] = [
    ['counts while all is as it was', came('a'), [issuerOf()], null],
    ['counts when another key came', came('a'), [issuerOf({ jwks: { keys: [key('a'), key('c')] } })], null],
    ['is gone with the key that signed', came('a'), [issuerOf({ jwks: { keys: [key('b')] } })], 'unknown_key'],
    ['is gone when its kid is another key', came('a'), [issuerOf({ jwks: { keys: [key('a', 'y')] } })], 'unknown_key'],
    [
      'without a kid, is gone with any change',
      came(undefined),
      [issuerOf({ jwks: { keys: [key('a')] } })],
      'unknown_key',
    ],
    ['without a kid, counts while nothing changes', came(undefined), [issuerOf()], null],
    ['is gone with the issuer', came('a'), [], 'unknown_issuer'],
    [
      'is verified anew when another claim has the groups',
      came('a'),
      [issuerOf({ groupsClaim: 'roles' })],
      'unknown_key',
    ],
    [
      'is verified anew when an algorithm is not allowed any more',
      came('a'),
      [issuerOf({ algorithms: [] })],
      'unknown_key',
    ],
  ];
  test.each(cases)('%s', (_, principal, issuers, problem) => {
    expect(standing(principal, catalogOf(issuers))).toBe(problem);
  });

  test('counts on a surface that trusts its issuer by name', () => {
    expect(standing(came('a'), catalogOf([issuerOf()]), { ...DOOR, issuers: ['corp'] })).toBeNull();
    expect(standing(came('a'), catalogOf([issuerOf()]), { ...DOOR, issuers: ['local'] })).toBe('issuer_not_trusted');
  });

  test('is gone at the end of its token, and not before the skew is over', () => {
    const at = (expiresAtMs: number) => standing(principalOf('alice', { expiresAtMs }), catalogOf([issuerOf()]));
    expect(at(NOW_MS - LIMITS.clockSkewMs)).toBe('expired');
    expect(at(NOW_MS - LIMITS.clockSkewMs + 1)).toBeNull();
  });

  test('is gone when it is revoked', () => {
    const revocation = { name: 'r', subject: 'alice', untilMs: NOW_MS + 1 };
    expect(standing(came('a'), catalogOf([issuerOf()], [revocation]))).toBe('revoked');
  });
});

describe('a revocation', () => {
  const until = { untilMs: NOW_MS + 1 };
  const alice = principalOf('alice', { claims: { iat: NOW_MS / 1000 - 60, jti: 'j' } });
  const cases: readonly [string, Omit<CatalogRevocation, 'name'>, Principal, boolean][] = [
    ['of the subject', { subject: 'alice', ...until }, alice, true],
    ['of another subject', { subject: 'alic', ...until }, alice, false],
    ['of the subject at its issuer', { subject: 'alice', issuer: ISSUER, ...until }, alice, true],
    ['of the subject at another issuer', { subject: 'alice', issuer: 'https://b', ...until }, alice, false],
    ['of the token', { jti: 'j', ...until }, alice, true],
    ['of another token', { jti: 'J', ...until }, alice, false],
    ['of a token, where this one has no jti', { jti: 'j', ...until }, principalOf('alice'), false],
    ['that is over', { subject: 'alice', untilMs: NOW_MS }, alice, false],
    ['of what was issued later', { subject: 'alice', beforeMs: NOW_MS - 61_000, ...until }, alice, false],
    ['of what was issued in that second', { subject: 'alice', beforeMs: NOW_MS - 60_000, ...until }, alice, true],
    [
      'of what was issued before, where it is not said when',
      { subject: 'alice', beforeMs: 1, ...until },
      principalOf('alice'),
      true,
    ],
  ];
  test.each(cases)('%s', (_, revocation, principal, revoked) => {
    expect(isRevoked(new Map([['r', { name: 'r', ...revocation }]]), principal, NOW_MS)).toBe(revoked);
  });
});

describe('somebody of whom only the name is left', () => {
  const revoked = new Map([['r', { name: 'r', subject: 'alice', untilMs: NOW_MS + 1000 }]]);
  const key = { ...apiKeyOf(), subject: 'robot', expiresAtMs: NOW_MS + 1 };
  const keys = new Map([[key.sha256, key]]);
  test.each<[string, string, string, Parameters<typeof nameProblem>[1], number, string | null]>([
    ['counts', ISSUER, 'alice', { apiKeys: new Map(), revocations: new Map() }, NOW_MS, null],
    [
      'is gone when he was turned out',
      ISSUER,
      'alice',
      { apiKeys: new Map(), revocations: revoked },
      NOW_MS,
      'revoked',
    ],
    ['counts when another was', ISSUER, 'bob', { apiKeys: new Map(), revocations: revoked }, NOW_MS, null],
    ['counts with an API key', API_KEY_ISSUER, 'robot', { apiKeys: keys, revocations: new Map() }, NOW_MS, null],
    [
      'is gone with his last API key',
      API_KEY_ISSUER,
      'robot',
      { apiKeys: keys, revocations: new Map() },
      NOW_MS + 1,
      'unknown_api_key',
    ],
  ])('%s', (_, issuer, subject, catalog, nowMs, problem) => {
    expect(nameProblem({ issuer, subject }, catalog, nowMs)).toBe(problem);
  });
});
