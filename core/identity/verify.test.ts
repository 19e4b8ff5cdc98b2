import { createHmac } from 'node:crypto';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { expect, test } from 'vitest';
import type { CatalogIssuer } from '../catalog/catalog.ts';
import type { JsonObject } from '../json.ts';
import { createVerifier, type Identity, type IdentityQuestion, type Verifier } from './verify.ts';

const NOW_MS = 1_800_000_000_000;
const NOW = NOW_MS / 1000;
const ISSUER = 'https://issuer.example';
const AUDIENCE = 'http://127.0.0.1:10000/mcp';

const es = await generateKeyPair('ES256', { extractable: true });
const other = await generateKeyPair('ES256', { extractable: true });
const rsa = await generateKeyPair('RS256', { extractable: true });
const publicEs = (await exportJWK(es.publicKey)) as JsonObject;
const publicOther = (await exportJWK(other.publicKey)) as JsonObject;
const publicRsa = (await exportJWK(rsa.publicKey)) as JsonObject;

const local: CatalogIssuer = {
  name: 'local',
  issuer: ISSUER,
  algorithms: ['ES256'],
  jwks: { keys: [{ ...publicEs, kid: 'k1', alg: 'ES256' }] },
};
const issuersOf = (...list: CatalogIssuer[]): ReadonlyMap<string, CatalogIssuer> =>
  new Map(list.map((issuer) => [issuer.name, issuer]));
const ISSUERS = issuersOf(local);

const CLAIMS: JWTPayload = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'alice',
  exp: NOW + 60,
  groups: ['ops', 7, 'dev'],
  scope: 'tools:read  tools:call',
};

interface Signing {
  readonly key?: CryptoKey | Uint8Array;
  readonly header?: { alg: string; [member: string]: unknown };
}
async function sign(claims: JWTPayload, { key = es.privateKey, header }: Signing = {}): Promise<string> {
  const jwt = new SignJWT(claims).setProtectedHeader(header ?? { alg: 'ES256', kid: 'k1' });
  return `Bearer ${await jwt.sign(key)}`;
}

const without = (name: string): JWTPayload =>
  Object.fromEntries(Object.entries(CLAIMS).filter(([key]) => key !== name));

const questionOf = (
  authorization: string | undefined,
  issuers: ReadonlyMap<string, CatalogIssuer> = ISSUERS,
  url = AUDIENCE,
): IdentityQuestion => ({
  authorization,
  surface: { name: 'default', url },
  catalog: { issuers, apiKeys: new Map(), revocations: new Map() },
});

async function ask(authorization: string | undefined, issuers = ISSUERS, audience = AUDIENCE): Promise<Identity> {
  return createVerifier({ now: () => NOW_MS }).verify(questionOf(authorization, issuers, audience));
}

test('a good token names its principal; claims that are no strings are left out', async () => {
  expect(await ask(await sign(CLAIMS))).toEqual({
    ok: true,
    principal: {
      issuer: ISSUER,
      subject: 'alice',
      groups: ['ops', 'dev'],
      scopes: ['tools:read', 'tools:call'],
      expiresAtMs: NOW_MS + 60_000,
      claims: CLAIMS,
      tasks: [],
      agent: null,
      kind: 'jwt',
    },
  });
});

test('a token without groups and scope has none', async () => {
  const { groups: _groups, scope: _scope, ...claims } = CLAIMS;
  expect(await ask(await sign(claims))).toMatchObject({ ok: true, principal: { groups: [], scopes: [] } });
});

const GOOD: readonly [string, JWTPayload][] = [
  ['one audience of several', { ...CLAIMS, aud: ['http://elsewhere', AUDIENCE] }],
  ['an end within the tolerated skew', { ...CLAIMS, exp: NOW - 20 }],
  ['a begin within the tolerated skew', { ...CLAIMS, nbf: NOW + 20 }],
];
test.each(GOOD)('a token with %s is taken', async (_name, claims) => {
  expect(await ask(await sign(claims))).toMatchObject({ ok: true });
});

const BAD: readonly [string, JWTPayload, string][] = [
  ['an end past the skew', { ...CLAIMS, exp: NOW - 31 }, 'expired'],
  ['no end', without('exp'), 'no_expiry'],
  ['an end that is a text', { ...CLAIMS, exp: 'tomorrow' as unknown as number }, 'no_expiry'],
  ['a begin past the skew', { ...CLAIMS, nbf: NOW + 31 }, 'not_yet_valid'],
  ['another audience', { ...CLAIMS, aud: 'http://127.0.0.1:10000' }, 'wrong_audience'],
  ['the audience of a longer path', { ...CLAIMS, aud: `${AUDIENCE}/ops` }, 'wrong_audience'],
  ['no audience', without('aud'), 'wrong_audience'],
  ['no subject', without('sub'), 'no_subject'],
  ['an empty subject', { ...CLAIMS, sub: '' }, 'no_subject'],
  ['an issuer that we do not know', { ...CLAIMS, iss: 'https://evil.example' }, 'unknown_issuer'],
  ['the issuer with a slash more', { ...CLAIMS, iss: `${ISSUER}/` }, 'unknown_issuer'],
  ['no issuer', without('iss'), 'unknown_issuer'],
];
test.each(BAD)('a token with %s is refused', async (_name, claims, reason) => {
  expect(await ask(await sign(claims))).toEqual({ ok: false, reason });
});

test('the signature decides before the claims: a forger learns nothing of them', async () => {
  const expired = await sign({ ...CLAIMS, exp: NOW - 100, aud: 'x' }, { key: other.privateKey });
  expect(await ask(expired)).toEqual({ ok: false, reason: 'bad_signature' });
});

test('an altered payload and an altered signature are refused', async () => {
  const token = await sign(CLAIMS);
  const [head, payload, signature] = token.split('.') as [string, string, string];
  const admin = Buffer.from(JSON.stringify({ ...CLAIMS, sub: 'root' })).toString('base64url');
  expect(await ask([head, admin, signature].join('.'))).toEqual({ ok: false, reason: 'bad_signature' });
  const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1);
  expect(await ask([head, payload, flipped].join('.'))).toEqual({ ok: false, reason: 'bad_signature' });
});

test('a token without signature (alg none) is refused, in each spelling', async () => {
  const unsecured = new UnsecuredJWT(CLAIMS).encode();
  expect(await ask(`Bearer ${unsecured}`)).toMatchObject({ ok: false });
  const [, payload, signature] = (await sign(CLAIMS)).split('.') as [string, string, string];
  for (const alg of ['none', 'None', 'NONE', 'nOnE']) {
    const head = Buffer.from(JSON.stringify({ alg, kid: 'k1' })).toString('base64url');
    for (const issuer of [local, { ...local, algorithms: ['none', alg] }]) {
      for (const tail of ['', signature]) {
        const identity = await ask(`Bearer ${head}.${payload}.${tail}`, issuersOf(issuer));
        expect(identity).toMatchObject({ ok: false });
      }
    }
  }
});

test('HS256 with the public key as secret is refused, even when the issuer declares HS256', async () => {
  const spki = await exportSPKI(es.publicKey);
  const secrets = [spki, spki.trim(), JSON.stringify(local.jwks.keys[0])];
  const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'k1' })).toString('base64url');
  const payload = Buffer.from(JSON.stringify(CLAIMS)).toString('base64url');
  const careless = { ...local, algorithms: ['HS256', 'ES256'] };
  const oct = { ...careless, jwks: { keys: [{ kty: 'oct', kid: 'k1', k: Buffer.from(spki).toString('base64url') }] } };
  for (const secret of secrets) {
    const signature = createHmac('sha256', secret).update(`${head}.${payload}`).digest('base64url');
    for (const issuer of [local, careless, oct]) {
      expect(await ask(`Bearer ${head}.${payload}.${signature}`, issuersOf(issuer))).toEqual({
        ok: false,
        reason: 'algorithm_not_allowed',
      });
    }
  }
});

test('an algorithm that the issuer does not declare is refused, though its key is there', async () => {
  const issuer = { ...local, jwks: { keys: [{ ...publicRsa, kid: 'r1' }] } };
  const token = await sign(CLAIMS, { key: rsa.privateKey, header: { alg: 'RS256', kid: 'r1' } });
  expect(await ask(token, issuersOf(issuer))).toEqual({ ok: false, reason: 'algorithm_not_allowed' });
  expect(await ask(token, issuersOf({ ...issuer, algorithms: ['RS256'] }))).toMatchObject({ ok: true });
});

test('a critical header that nobody understands is refused', async () => {
  const [, payload, signature] = (await sign(CLAIMS)).split('.') as [string, string, string];
  const head = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'k1', crit: ['b64'], b64: false })).toString(
    'base64url',
  );
  expect(await ask(`Bearer ${head}.${payload}.${signature}`)).toMatchObject({ ok: false });
});

test('a key from the token itself is never used', async () => {
  const header = { alg: 'ES256', kid: 'k1', jwk: publicOther, jku: 'http://127.0.0.1:1/jwks' };
  expect(await ask(await sign(CLAIMS, { key: other.privateKey, header }))).toEqual({
    ok: false,
    reason: 'bad_signature',
  });
});

test('a key id that the issuer does not have is refused', async () => {
  const token = await sign(CLAIMS, { header: { alg: 'ES256', kid: 'k7' } });
  expect(await ask(token)).toEqual({ ok: false, reason: 'unknown_key' });
});

test('without a key id each fitting key is tried', async () => {
  const two = issuersOf({ ...local, jwks: { keys: [publicOther, publicEs] } });
  const header = { alg: 'ES256' };
  expect(await ask(await sign(CLAIMS, { header }), two)).toMatchObject({ ok: true });
  const stranger = await generateKeyPair('ES256');
  const forged = await sign(CLAIMS, { key: stranger.privateKey, header });
  expect(await ask(forged, two)).toEqual({ ok: false, reason: 'bad_signature' });
  expect(await ask(await sign({ ...CLAIMS, exp: NOW - 100 }, { header }), two)).toEqual({
    ok: false,
    reason: 'expired',
  });
});

test('each issuer has its own keys: one cannot speak for the other', async () => {
  const second = {
    ...local,
    name: 'second',
    issuer: 'https://second.example',
    jwks: { keys: [{ ...publicOther, kid: 'k1' }] },
  };
  const both = issuersOf(local, second);
  expect(await ask(await sign(CLAIMS, { key: other.privateKey }), both)).toEqual({
    ok: false,
    reason: 'bad_signature',
  });
  const own = await sign({ ...CLAIMS, iss: second.issuer }, { key: other.privateKey });
  expect(await ask(own, both)).toMatchObject({ ok: true, principal: { issuer: second.issuer } });
});

test('an issuer with an unreadable key set refuses its own tokens and no others', async () => {
  const broken = {
    ...local,
    name: 'broken',
    issuer: 'https://broken.example',
    jwks: { keys: 'none' as unknown as [] },
  };
  const both = issuersOf(broken, local);
  expect(await ask(await sign(CLAIMS), both)).toMatchObject({ ok: true });
  expect(await ask(await sign({ ...CLAIMS, iss: broken.issuer }), both)).toEqual({ ok: false, reason: 'unknown_key' });
});

test('nobody can be the issuer under which holders of API keys are known', async () => {
  const impostor = { ...local, name: 'a', issuer: 'chancery:api-key' };
  const identity = await ask(await sign({ ...CLAIMS, iss: impostor.issuer }), issuersOf(impostor));
  expect(identity).toEqual({ ok: false, reason: 'unknown_issuer' });
});

test.each([
  ['no header', undefined, 'missing'],
  ['two headers', 'Bearer a.b.c, Bearer a.b.c', 'malformed'],
  ['no JWT', 'Bearer abc', 'malformed'],
  ['two parts', 'Bearer a.b', 'malformed'],
  ['parts that are not JSON', 'Bearer a.b.c', 'malformed'],
  ['a payload that is a list', `Bearer ${Buffer.from('{"alg":"ES256"}').toString('base64url')}.W10.c`, 'malformed'],
])('%s is refused', async (_name, authorization, reason) => {
  expect(await ask(authorization)).toEqual({ ok: false, reason });
});

interface Cached {
  readonly verifier: Verifier;
  readonly authorization: string;
  at(nowMs: number): void;
}
async function cached(entriesMax = 10): Promise<Cached> {
  let nowMs = NOW_MS;
  const verifier = createVerifier({ now: () => nowMs, cacheEntriesMax: entriesMax });
  const authorization = await sign(CLAIMS);
  expect(await verifier.verify(questionOf(authorization))).toMatchObject({ ok: true });
  return {
    verifier,
    authorization,
    at: (ms) => {
      nowMs = ms;
    },
  };
}

test('a token that was verified is answered at once, also by a new revision with equal issuers', async () => {
  const { verifier, authorization } = await cached();
  const again = verifier.verify(questionOf(authorization));
  expect(again).toMatchObject({ ok: true });
  const copy = issuersOf(JSON.parse(JSON.stringify(local)) as CatalogIssuer);
  expect(verifier.verify(questionOf(authorization, copy))).toBe(again);
});

test('a remembered token counts for its own audience only', async () => {
  const { verifier, authorization } = await cached();
  const question = questionOf(authorization, ISSUERS, `${AUDIENCE}/ops`);
  expect(await verifier.verify(question)).toEqual({ ok: false, reason: 'wrong_audience' });
});

test('a remembered token expires', async () => {
  const { verifier, authorization, at } = await cached();
  const question = questionOf(authorization);
  at(NOW_MS + 89_999);
  expect(verifier.verify(question)).toMatchObject({ ok: true });
  at(NOW_MS + 90_000);
  expect(await verifier.verify(question)).toEqual({ ok: false, reason: 'expired' });
});

test.each<[string, ReadonlyMap<string, CatalogIssuer>, string]>([
  ['goes', new Map(), 'unknown_issuer'],
  ['changes its keys', issuersOf({ ...local, jwks: { keys: [{ ...publicOther, kid: 'k1' }] } }), 'bad_signature'],
  ['no longer declares the algorithm', issuersOf({ ...local, algorithms: ['RS256'] }), 'algorithm_not_allowed'],
])('a remembered token is verified again when its issuer %s', async (_name, issuers, reason) => {
  const { verifier, authorization } = await cached();
  expect(await verifier.verify(questionOf(authorization, issuers))).toEqual({ ok: false, reason });
  const back = verifier.verify(questionOf(authorization));
  expect(back).toBeInstanceOf(Promise);
  expect(await back).toMatchObject({ ok: true });
});

test('the memory keeps its bound', async () => {
  const { verifier, authorization } = await cached(1);
  await verifier.verify(questionOf(await sign({ ...CLAIMS, sub: 'bob' })));
  expect(verifier.verify(questionOf(authorization))).toBeInstanceOf(Promise);
});
