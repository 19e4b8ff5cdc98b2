import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { decodeCheckResponse } from './check-response.ts';
import {
  ALICE,
  type Asked,
  BODY_BYTES_MAX,
  CATALOG,
  call,
  denialOf,
  ISSUER,
  metadataOf,
  NOW_MS,
  openTestbed,
  rpc,
  type Testbed,
  tokenFor,
} from './testbed.ts';

let bed: Testbed;
beforeEach(async () => {
  bed = await openTestbed();
});
afterEach(() => bed.close());

test('the socket is nobody else’s', () => {
  expect(statSync(bed.socket).mode & 0o777).toBe(0o600);
});

const CHALLENGE = `resource_metadata="${ISSUER}/.well-known/oauth-protected-resource/mcp"`;
test.each<[string, string | null, string, string]>([
  ['no token', null, `Bearer ${CHALLENGE}`, 'missing'],
  ['a token that is none', 'Bearer junk', `Bearer error="invalid_token", ${CHALLENGE}`, 'malformed'],
  ['two tokens', `${ALICE},${ALICE}`, `Bearer error="invalid_token", ${CHALLENGE}`, 'malformed'],
  [
    'an expired token',
    await tokenFor('/mcp', { exp: NOW_MS / 1000 - 60 }),
    `Bearer error="invalid_token", ${CHALLENGE}`,
    'expired',
  ],
  [
    'a token of another surface',
    await tokenFor('/mcp/open'),
    `Bearer error="invalid_token", ${CHALLENGE}`,
    'wrong_audience',
  ],
  [
    'a token of another issuer',
    await tokenFor('/mcp', { iss: 'https://evil.example' }),
    `Bearer error="invalid_token", ${CHALLENGE}`,
    'unknown_issuer',
  ],
])('%s: 401 on every verb and on the view', async (_name, authorization, challenge, reason) => {
  const requests: Asked[] = [
    { body: call('memory__read_graph') },
    { body: rpc('initialize') },
    { method: 'GET' },
    { method: 'DELETE' },
    { method: 'GET', path: '/v1/surfaces/default/tools' },
  ];
  for (const request of requests) {
    const denial = denialOf(await bed.ask({ ...request, authorization }));
    expect(denial.status).toBe(401);
    expect(denial.headers['www-authenticate']).toBe(challenge);
  }
  expect(bed.lines.map((line) => line.reason)).toEqual(requests.map(() => reason));
  expect(JSON.stringify(bed.lines)).not.toContain(authorization ?? 'Bearer');
});

test('without a catalog nothing is decided: 503', async () => {
  bed.catalog = () => null;
  const denial = denialOf(await bed.ask({ body: call('memory__read_graph') }));
  expect([denial.status, JSON.parse(denial.body).error.message]).toEqual([503, 'the gateway has no configuration yet']);
});

test('a fault of ours is a refusal, logged, and the next request is served', async () => {
  bed.catalog = () => {
    throw new Error('broken');
  };
  const denial = denialOf(await bed.ask({ body: call('memory__read_graph') }));
  expect([denial.status, JSON.parse(denial.body).error.message]).toEqual([
    503,
    'the policy decision could not be made',
  ]);
  expect(bed.lines[0]).toMatchObject({ level: 50, msg: 'a decision failed; the request is refused', decision: 'd1' });
  bed.catalog = () => CATALOG;
  metadataOf(await bed.ask({ body: call('memory__read_graph') }));
});

test.each([
  ['no protobuf', Buffer.from('not protobuf at all')],
  ['a CheckRequest about nothing', Buffer.alloc(0)],
])('%s is refused: 503', async (_name, bytes) => {
  expect(denialOf(decodeCheckResponse(await bed.callRaw(bytes))).status).toBe(503);
  expect(bed.lines[0]).toMatchObject({ level: 50 });
});

test('a message over the bound ends in an error status, which Envoy refuses', async () => {
  await expect(bed.callRaw(Buffer.alloc(BODY_BYTES_MAX + 1024 * 1024))).rejects.toThrow();
  metadataOf(await bed.ask({ body: call('memory__read_graph') }));
});

test('a new catalog decides from its first request on', async () => {
  metadataOf(await bed.ask({ body: call('memory__read_graph') }));
  bed.catalog = () => ({ ...CATALOG, revision: 13, policies: new Map() });
  expect(denialOf(await bed.ask({ body: call('memory__read_graph') })).status).toBe(200);
  expect(bed.lines.at(-1)).toMatchObject({ revision: 13, reason: 'no rule allows it', rules: [] });
});

test('many at once are each answered with their own', async () => {
  const names = Array.from({ length: 200 }, (_, index) =>
    index % 2 === 0 ? 'memory__read_graph' : 'memory__delete_entities',
  );
  const answers = await Promise.all(names.map((name, index) => bed.ask({ body: call(name, index) })));
  for (const [index, answer] of answers.entries()) {
    if (index % 2 === 0) metadataOf(answer);
    else expect(JSON.parse(denialOf(answer).body).id).toBe(index);
  }
});

test('a caller’s long words are not repeated at length', async () => {
  const denial = denialOf(await bed.ask({ body: rpc(`tools/${'x'.repeat(2000)}`) }));
  expect(denial.body.length).toBeLessThan(LIMITS.echoedCharsMax + 200);
  expect(JSON.stringify(bed.lines[0]).length).toBeLessThan(LIMITS.echoedCharsMax + 400);
});

test('a batch is decided message by message, and each has its line in the log', async () => {
  const note = { jsonrpc: '2.0', method: 'notifications/initialized' };
  const body = [call('memory__read_graph'), call('memory__delete_entities'), note, 7, [rpc('ping')], rpc('none/such')];
  const metadata = metadataOf(await bed.ask({ body, translated: true }));
  expect(JSON.parse(metadata.refused_messages ?? '')).toEqual([
    [1, 'unknown_tool', 'memory__delete_entities'],
    [3, 'invalid_request'],
    [4, 'batch_unsupported'],
    [5, 'method_not_found', 'none/such'],
  ]);
  expect(bed.lines.filter(({ msg }) => msg === 'refused').map(({ target, code }) => [target, code])).toEqual([
    ['memory__delete_entities', 'unknown_tool'],
    [undefined, 'invalid_request'],
    [undefined, 'batch_unsupported'],
    [undefined, 'method_not_found'],
  ]);
});

test('a batch of which nothing is refused says so, whoever is behind', async () => {
  for (const translated of [true, false]) {
    const body = [call('read_graph'), rpc('ping', {}, 2)];
    const metadata = metadataOf(await bed.ask({ path: '/mcp/open', body, translated }));
    expect(metadata.refused_messages).toBe('[]');
  }
});

test.each<[string, object, number, string]>([
  ['call', call('delete_entities'), -32602, 'unknown tool: delete_entities'],
  ['notification', { jsonrpc: '2.0', method: 'none/such' }, -32601, 'method not found: none/such'],
])('one denied %s refuses the batch where nobody behind takes it out', async (_, denied, rpcCode, message) => {
  const body = [call('read_graph'), denied];
  const denial = denialOf(await bed.ask({ path: '/mcp/open', body, translated: false }));
  expect(JSON.parse(denial.body)).toEqual({ jsonrpc: '2.0', id: null, error: { code: rpcCode, message } });
});

test('what a caller says in a header makes nobody believe that ext-proc is behind', async () => {
  const body = [call('memory__delete_entities')];
  for (const name of ['chancery.translated', 'x-chancery-translated']) {
    denialOf(await bed.ask({ body, headers: { [name]: 'true' }, translated: false }));
  }
});
