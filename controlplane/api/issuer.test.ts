import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type ApiWorld, openApiWorld, START_MS } from '../../test/support/api-world.ts';

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let keys: Keys;
let others: Keys;
let rsa: Keys;
beforeAll(async () => {
  [keys, others, rsa] = await Promise.all([
    generateKeyPair('ES256', { extractable: true }),
    generateKeyPair('ES256'),
    generateKeyPair('PS256', { extractable: true }),
  ]);
});

/** A real issuer on loopback. Its pages may be replaced. */
let server: Server;
let issuer: string;
let pages: Record<string, (response: ServerResponse) => void>;
let asked: string[];
let world: ApiWorld;

const json = (value: unknown) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};
const METADATA = '/.well-known/openid-configuration';

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const page = pages[path];
    if (page === undefined) response.writeHead(404).end();
    else page(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const publicKeys = [
    { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
    { kty: 'oct', k: Buffer.from('x'.repeat(32)).toString('base64url'), kid: 'oct', alg: 'HS256' },
  ];
  pages = {
    [METADATA]: json({ issuer, jwks_uri: `${issuer}/keys` }),
    '/keys': json({ keys: publicKeys }),
  };
  world = await openApiWorld({ settings: { adminIssuer: issuer } });
});
afterEach(async () => {
  await world.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Minted {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: object;
  readonly key?: Parameters<SignJWT['sign']>[0];
}

/** A good token, but for what is said. A claim that is undefined is left out. */
async function mint({ claims = {}, header = {}, key = keys.privateKey }: Minted = {}): Promise<string> {
  const now = START_MS / 1000;
  const usual = { iss: issuer, aud: 'chancery-api', sub: 'alice', iat: now, exp: now + 300, roles: ['viewer'] };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt', ...header })
    .sign(key);
}
const get = (token: string) => world.ask('GET', '/v1/servers', { as: token });
const put = (token: string) => {
  const body = { versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }] };
  return world.ask('PUT', '/v1/servers/a', { as: token, body });
};

describe('a token of the issuer', () => {
  test('opens what its roles allow, and its bearer is named in the log', async () => {
    const token = await mint({ claims: { roles: ['operator', 'something-else'] } });
    expect((await put(token)).status).toBe(201);
    expect((await world.ask('GET', '/v1/log')).body.items.at(-1)).toMatchObject({ who: `${issuer} alice` });
    const policy = { version: 'tbac/v1', rules: [{ id: 'r', effect: 'deny', tools: ['x'] }] };
    expect(await world.ask('PUT', '/v1/policies/p', { as: token, body: policy })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: 'wanted the role security, found operator' },
    });
  });

  const good: [string, Minted][] = [
    ['for several audiences', { claims: { aud: ['x', 'chancery-api'] } }],
    ['with roles in one text', { claims: { roles: 'viewer unknown' } }],
    ['without a type', { header: { typ: undefined } }],
    ['of the type JWT', { header: { typ: 'JWT' } }],
    ['that has just expired, as clocks differ', { claims: { exp: START_MS / 1000 - 10 } }],
  ];
  test.each(good)('%s is taken', async (_, minted) => {
    expect((await get(await mint(minted))).status).toBe(200);
  });

  test('of another key of the issuer is taken', async () => {
    expect((await get(await mint({ header: { alg: 'PS256', kid: 'rsa' }, key: rsa.privateKey }))).status).toBe(200);
  });

  const bad: [string, Minted][] = [
    ['for another audience', { claims: { aud: 'a-client-id' } }],
    ['for no audience', { claims: { aud: undefined } }],
    ['of another issuer', { claims: { iss: 'https://evil.example' } }],
    ['of no issuer', { claims: { iss: undefined } }],
    ['that has expired', { claims: { exp: START_MS / 1000 - 60 } }],
    ['that never expires', { claims: { exp: undefined } }],
    ['that is not good yet', { claims: { nbf: START_MS / 1000 + 60 } }],
    ['of nobody', { claims: { sub: undefined } }],
    ['of an empty subject', { claims: { sub: '' } }],
    ['of a subject that would hide in the log', { claims: { sub: 'a\u202eb\n' } }],
    ['of an unknown key', { header: { kid: 'two' } }],
    ['of the type of a logout', { header: { typ: 'logout+jwt' } }],
    ['of the type of a proof', { header: { typ: 'dpop+jwt' } }],
  ];
  test.each(bad)('%s is refused', async (_, minted) => {
    const answer = await get(await mint(minted));
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(answer.headers.get('www-authenticate')).toContain('invalid_token');
  });

  test('that somebody else signed is refused', async () => {
    expect((await get(await mint({ key: others.privateKey }))).status).toBe(401);
  });

  test('with a symmetric algorithm is refused, whatever the issuer publishes', async () => {
    const key = new TextEncoder().encode('x'.repeat(32));
    expect((await get(await mint({ header: { alg: 'HS256', kid: 'oct' }, key }))).status).toBe(401);
  });

  test('without a signature is refused', async () => {
    const [, payload = ''] = (await mint()).split('.');
    const head = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    expect((await get(`${head}.${payload}.`)).status).toBe(401);
  });

  const without: [string, unknown][] = [
    ['none', undefined],
    ['an empty list', []],
    ['unknown ones', ['root', 'Admin', 'ADMIN', '*']],
    ['something else', { admin: true }],
    ['a list in a list', [['admin']]],
  ];
  test.each(without)('with roles that are %s may do nothing', async (_, roles) => {
    expect(await get(await mint({ claims: { roles } }))).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: 'wanted the role viewer, found no role' },
    });
  });

  test('has its roles in the claim that the setting names', async () => {
    await world.close();
    const adminRolesClaim = 'https://example.com/roles';
    world = await openApiWorld({ settings: { adminIssuer: issuer, adminRolesClaim } });
    expect((await get(await mint())).status).toBe(403);
    expect((await get(await mint({ claims: { [adminRolesClaim]: ['viewer'] } }))).status).toBe(200);
  });
});

describe('the issuer', () => {
  test('is asked once, and not at all for a token that is not its own', async () => {
    await get('not-a-token');
    await get(await mint({ claims: { iss: 'https://evil.example' } }));
    await get('a.b.c');
    expect(asked).toEqual([]);
    const tokens = await Promise.all([mint(), mint(), mint()]);
    await Promise.all(tokens.map(get));
    await get(await mint({ header: { kid: 'two' } }));
    expect(asked).toEqual([METADATA, '/keys']);
  });

  test('that spells itself with a slash at its end must be spelt so in tokens', async () => {
    pages[METADATA] = json({ issuer: `${issuer}/`, jwks_uri: `${issuer}/keys` });
    expect((await get(await mint({ claims: { iss: `${issuer}/` } }))).status).toBe(200);
    expect((await get(await mint())).status).toBe(401);
  });

  /** Puts another page in place of one. */
  const shows = (path: string, page: (response: ServerResponse) => void) => () => {
    pages[path] = page;
  };
  const says = (metadata: () => object) => () => {
    pages[METADATA] = json(metadata());
  };
  const loses = (path: string) => () => {
    delete pages[path];
  };
  const broken: [string, () => void][] = [
    ['is gone', () => server.close()],
    ['has no metadata', loses(METADATA)],
    ['is another one', says(() => ({ issuer: 'https://evil.example', jwks_uri: `${issuer}/keys` }))],
    ['names no keys', says(() => ({ issuer }))],
    ['has keys in the clear elsewhere', says(() => ({ issuer, jwks_uri: 'http://evil.example/keys' }))],
    ['has keys in a file', says(() => ({ issuer, jwks_uri: 'file:///etc/passwd' }))],
    ['has no keys', loses('/keys')],
    ['has keys that are none', shows('/keys', json({ keys: 'none' }))],
    ['has keys that are no JSON', shows('/keys', (response) => response.end('<html>'))],
    [
      'has metadata without an end',
      shows(METADATA, (response) => response.end('x'.repeat(LIMITS.adminIssuerBytesMax + 1))),
    ],
    ['sends us elsewhere', shows(METADATA, (response) => response.writeHead(302, { location: '/elsewhere' }).end())],
    [
      'sends us elsewhere for its keys',
      shows('/keys', (response) => response.writeHead(307, { location: '/elsewhere' }).end()),
    ],
  ];
  test.each(broken)('that %s lets nobody in, and is no fault of the caller', async (_, breakIt) => {
    pages['/elsewhere'] = pages['/keys'] ?? json({});
    breakIt();
    const answer = await get(await mint());
    expect(answer).toMatchObject({ status: 503, body: { code: 'issuer_unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(asked).not.toContain('/elsewhere');
    expect((await world.ask('GET', '/v1/servers')).status).toBe(200);
  });

  test('that did not answer is left alone for a moment, then asked again', async () => {
    const page = pages[METADATA];
    delete pages[METADATA];
    for (let attempt = 0; attempt < 3; attempt += 1) expect((await get(await mint())).status).toBe(503);
    expect(asked).toEqual([METADATA]);
    if (page !== undefined) pages[METADATA] = page;
    world.clock.nowMs += LIMITS.adminIssuerPauseMs;
    expect((await get(await mint())).status).toBe(200);
  });

  test('that nobody configured vouches for nobody', async () => {
    await world.close();
    world = await openApiWorld();
    expect((await get(await mint())).status).toBe(401);
    expect(asked).toEqual([]);
  });
});
