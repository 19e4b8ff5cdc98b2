// Decides that what was revoked ends, through Envoy: the next call and the streams that are open, and nobody else's.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, raw, request } from '../support/clients.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const ISSUER = 'https://issuer.test';
let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
});

interface Open {
  readonly token: string;
  readonly session: string;
  /** The status of the next request. */
  status(): Promise<number>;
  /** Resolves when its stream is at its end. */
  readonly ended: Promise<unknown>;
  readonly leave: AbortController;
}

async function openAs(token: string): Promise<Open> {
  const session = await openSession(stack.mcp(), token);
  const leave = new AbortController();
  const stream = await raw(stack.mcp(), { method: 'GET', token, session, signal: leave.signal });
  expect(stream.status).toBe(200);
  const ended = stream.text().catch(() => 'left');
  const status = async () => (await raw(stack.mcp(), { token, session, body: request(1, 'ping') })).status;
  expect(await status()).toBe(200);
  return { token, session, status, ended, leave };
}

/** Still open: what comes first is not its end. */
async function isOpen({ ended, status }: Open): Promise<boolean> {
  const first = await Promise.race([ended.then(() => 'ended'), status()]);
  return first === 200;
}

async function cli(...args: string[]): Promise<void> {
  const { status, stderr } = await stack.cli(...args);
  if (status !== 0) throw new Error(stderr);
}

test('a subject that is revoked is refused, its streams end, and who logs in anew comes in', async () => {
  const [alice, bob] = [
    await openAs(await stack.token('default', 'alice')),
    await openAs(await stack.token('default', 'bob')),
  ];
  // There ext-authz decides.
  const judged = await stack.token('review', 'alice');
  const statusOfJudged = async () =>
    (await raw(stack.mcp('review'), { token: judged, body: request(1, 'ping') })).status;
  expect(await statusOfJudged()).not.toBe(401);
  await cli('revoke', '--sub', 'alice', '--why', 'the laptop is lost');
  const revokedMs = Date.now();
  const heard = String(await alice.ended);
  expect(heard).not.toBe('left');
  await until('alice is refused', alice.status, (status) => status === 401);
  await until('alice is refused by ext-authz', statusOfJudged, (status) => status === 401);
  const lastEventId = /^id: (\S+)$/m.exec(heard)?.[1] ?? '';
  expect(lastEventId).toMatch(/^che1\./);
  const { token, session } = alice;
  const back = await raw(stack.mcp(), { method: 'GET', token, session, headers: { 'last-event-id': lastEventId } });
  expect(back.status).toBe(401);
  expect(await isOpen(bob)).toBe(true);
  bob.leave.abort();
  // A token of the same second is older, for all that it says.
  const anew = await until(
    'a token of a later second',
    () => stack.token('default', 'alice'),
    (token) => issuedAt(token) * 1000 > revokedMs,
  );
  await until(
    'alice comes in again',
    async () => (await raw(stack.mcp(), { token: anew, body: request(1, 'ping') })).status,
    (status) => status !== 401,
  );
});

function issuedAt(token: string): number {
  return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { iat: number }).iat;
}

test('an API key that is revoked ends its streams', async () => {
  const made = await (await stack.api('POST', '/v1/keys', { subject: 'robot' })).json();
  const { key, id } = made as { key: string; id: string };
  const robot = await until(
    'the key counts',
    () => openAs(key).catch(() => null),
    (open) => open !== null,
  );
  await cli('key', 'revoke', id);
  expect(await robot!.ended).not.toBe('left');
  expect(await robot!.status()).toBe(401);
});

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
type Pair = ReturnType<typeof pair>;
const jwk = ({ publicKey }: Pair, kid: string) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' });
const sign = (issuer: string, { privateKey }: Pair, kid: string, jti: string) =>
  new SignJWT({ jti })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(issuer)
    .setSubject('carol')
    .setAudience(stack.mcp())
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(privateKey);

test('an issuer that signs with a new key is asked for it when the first token comes', async () => {
  const [first, second] = [pair(), pair()];
  let keys = [jwk(first, 'a')];
  const server = createServer((_, response) => void response.end(JSON.stringify({ keys })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const put = await stack.api('PUT', '/v1/issuers/turning', { issuer, jwksUri: `${issuer}/keys` });
  expect(put.ok).toBe(true);
  const status = async (token: string) => (await raw(stack.mcp(), { token, body: request(1, 'ping') })).status;
  const [old, young] = [await sign(issuer, first, 'a', '1'), await sign(issuer, second, 'b', '2')];
  await until(
    'the first key is known',
    () => status(old),
    (found) => found !== 401,
  );
  keys = [jwk(second, 'b')];
  // So often, and no oftener, anybody can make the control plane ask.
  await until(
    'the second key is known',
    () => status(young),
    (found) => found !== 401,
    25_000,
  );
  expect(await status(old)).not.toBe(401);
  await new Promise((resolve) => server.close(resolve));
}, 40_000);

test('an issuer whose key, and then which itself, is taken away has nobody left', async () => {
  const [first, second] = [pair(), pair()];
  const put = async (...keys: object[]) =>
    expect((await stack.api('PUT', '/v1/issuers/own', { issuer: ISSUER, jwks: { keys } })).ok).toBe(true);
  await put(jwk(first, 'a'), jwk(second, 'b'));
  const open = async (pairOf: typeof first, kid: string, jti: string): Promise<Open> => {
    const token = await sign(ISSUER, pairOf, kid, jti);
    const found = await until(
      `${jti} counts`,
      () => openAs(token).catch(() => null),
      (one) => one !== null,
    );
    return found!;
  };
  const [one, two, three] = [await open(first, 'a', '1'), await open(second, 'b', '2'), await open(second, 'b', '3')];
  await cli('revoke', '--jti', '3', '--issuer', ISSUER);
  await three.ended;
  expect(await three.status()).toBe(401);
  expect(await isOpen(two)).toBe(true);
  await put(jwk(second, 'b'));
  await one.ended;
  expect(await one.status()).toBe(401);
  expect(await isOpen(two)).toBe(true);
  await cli('delete', 'issuer', 'own');
  await two.ended;
  expect(await two.status()).toBe(401);
});
