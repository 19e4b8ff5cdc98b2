// Decides that a version's life is enforced at the gateway: nothing is dialled before its review, a canary gets its share, a deprecated version says so, a decommissioned one is refused.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let one: TestServer;
let two: TestServer;
beforeAll(async () => {
  [one, two] = await Promise.all([startTestServer('one'), startTestServer('two')]);
  stack = await startStack({ example: '' });
});
afterAll(async () => {
  await Promise.all([one?.close(), two?.close()]);
  await stack?.stop();
  stack?.remove();
});

interface Shown {
  readonly versions: readonly { readonly version: string; readonly state: string }[];
  readonly status: {
    readonly versions: readonly { readonly version: string; readonly state: string; readonly tools: number }[];
  };
}

const version = (name: string, server: TestServer, more: object = {}): object => ({
  version: name,
  endpoints: [{ url: server.url }],
  ...more,
});
const put = (path: string, body: object): Promise<Response> => stack.api('PUT', path, body);
const shown = async (): Promise<Shown> => (await (await stack.api('GET', '/v1/servers/pilot')).json()) as Shown;
const transition = async (name: string, body: object): Promise<Response> =>
  stack.api('POST', `/v1/servers/pilot/versions/${name}/transition`, body);

async function read(name: string): Promise<void> {
  await until(
    `version ${name} was read`,
    async () => (await shown()).status.versions.find((each) => each.version === name)?.tools ?? 0,
    (tools) => tools > 0,
  );
}

/** Which of the two servers answers in this session. */
async function greeted(token: string, session: string): Promise<{ by: string; response: Response; rpc: unknown }> {
  const response = await raw(stack.mcp('pilots'), {
    token,
    session,
    body: request(1, 'tools/call', { name: 'greet', arguments: { who: 'you' } }),
  });
  const answer = await rpc(response);
  return { by: texts(answer.result ?? {}).split(' ')[0] ?? '', response, rpc: answer };
}

test('nothing is dialled before a review; staging is read, and no session is led to it', async () => {
  expect((await put('/v1/servers/pilot', { versions: [version('1', one, { state: 'requested' })] })).status).toBe(201);
  expect((await put('/v1/surfaces/pilots', { servers: [{ server: 'pilot' }] })).status).toBe(201);
  expect(
    (
      await put('/v1/policies/everything', {
        version: 'tbac/v1',
        rules: [{ id: 'all', effect: 'allow', tools: ['*'] }],
      })
    ).status,
  ).toBe(201);

  const refused = await transition('1', { to: 'active', why: 'in a hurry' });
  expect(refused.status).toBe(422);
  expect(await refused.text()).toContain('does not follow');

  expect((await transition('1', { to: 'in-review', why: 'please look' })).status).toBe(200);
  const token = await stack.token('pilots');
  await until(
    'the surface is served',
    async () => (await raw(stack.mcp('pilots'), { token, body: request(1, 'ping') })).status,
    (status) => status !== 404,
  );
  expect(one.requests).toEqual([]);

  expect((await transition('1', { to: 'staging', why: 'reviewed' })).status).toBe(200);
  await read('1');
  const session = await openSession(stack.mcp('pilots'), token);
  const list = await rpc(await raw(stack.mcp('pilots'), { token, session, body: request(1, 'tools/list') }));
  expect(list.result).toMatchObject({ tools: [] });

  expect((await transition('1', { to: 'active', why: 'go' })).status).toBe(200);
  await until(
    'the active version is called',
    async () => (await greeted(token, session)).by,
    (by) => by === 'one',
  );
});

test('a canary gets about its share of sessions, and named principals; a session stays where it is', async () => {
  const both = [version('1', one), version('2', two, { state: 'staging' })];
  expect((await put('/v1/servers/pilot', { versions: both })).status).toBe(200);
  await read('2');
  const canary = { to: 'canary', why: 'try it', canary: { percent: 30, principals: ['bold-*'] } };
  expect((await transition('2', canary)).status).toBe(200);

  const bold = await stack.token('pilots', 'bold-1');
  await until(
    'a named principal is led to the canary',
    async () => (await greeted(bold, await openSession(stack.mcp('pilots'), bold))).by,
    (by) => by === 'two',
  );

  const token = await stack.token('pilots');
  const sessions = await Promise.all(Array.from({ length: 100 }, () => openSession(stack.mcp('pilots'), token)));
  const first = await Promise.all(sessions.map(async (session) => (await greeted(token, session)).by));
  const canaries = first.filter((by) => by === 'two').length;
  // 100 draws of 30 percent: outside of this in one run of a million.
  expect(canaries).toBeGreaterThan(8);
  expect(canaries).toBeLessThan(55);
  const again = await Promise.all(sessions.map(async (session) => (await greeted(token, session)).by));
  expect(again).toEqual(first);

  // Nobody is led to it any more, but who is there stays.
  expect((await transition('2', { to: 'canary', why: 'hold', canary: { percent: 0 } })).status).toBe(200);
  await until(
    'new sessions are led to the active version',
    async () => (await greeted(bold, await openSession(stack.mcp('pilots'), bold))).by,
    (by) => by === 'one',
  );
  const held = await Promise.all(sessions.map(async (session) => (await greeted(token, session)).by));
  expect(held).toEqual(first);
});

test('a deprecated version works and says so, a decommissioned one names the active version', async () => {
  const token = await stack.token('pilots');
  const old = await openSession(stack.mcp('pilots'), token);
  expect((await greeted(token, old)).by).toBe('one');

  expect((await transition('2', { to: 'active', why: 'it proved itself' })).status).toBe(200);
  expect((await shown()).versions.map(({ version: name, state }) => `${name} ${state}`)).toEqual([
    '1 deprecated',
    '2 active',
  ]);
  const sunset = '2099-01-31T00:00:00Z';
  expect((await transition('1', { to: 'deprecated', why: 'until the end of January', sunset })).status).toBe(200);
  const deprecated = await until(
    'the old session is told',
    async () => (await greeted(token, old)).response.headers,
    (headers) => headers.has('sunset'),
  );
  expect(deprecated.get('deprecation')).toMatch(/^@\d{10}$/);
  expect(deprecated.get('sunset')).toBe('Sat, 31 Jan 2099 00:00:00 GMT');
  expect((await greeted(token, old)).by).toBe('one');
  const list = await rpc(await raw(stack.mcp('pilots'), { token, session: old, body: request(1, 'tools/list') }));
  expect(JSON.stringify(list.result?._meta)).toContain('"activeVersion":"2"');

  const fresh = await openSession(stack.mcp('pilots'), token);
  const current = await greeted(token, fresh);
  expect(current.by).toBe('two');
  expect(current.response.headers.has('deprecation')).toBe(false);

  expect((await transition('1', { to: 'decommissioned', why: 'nobody needs it' })).status).toBe(200);
  const gone = await until(
    'the old session is refused',
    async () => (await greeted(token, old)).rpc,
    (answer) => JSON.stringify(answer).includes('"error"'),
  );
  expect(gone).toMatchObject({
    id: 1,
    error: { code: -32000, data: { server: 'pilot', version: '1', activeVersion: '2' } },
  });
  expect((await greeted(token, fresh)).by).toBe('two');
  expect((await transition('1', { to: 'active', why: 'no' })).status).toBe(422);
});

test('each step is in the history, with who, when and why', async () => {
  const answer = (await (await stack.api('GET', '/v1/servers/pilot/versions/1/transitions')).json()) as {
    items: { from: string | null; to: string; who: string; why: string; at: string }[];
  };
  expect(answer.items.map(({ from, to, why }) => `${from} ${to}: ${why}`).reverse()).toEqual([
    expect.stringMatching(/^null requested: /),
    'requested in-review: please look',
    'in-review staging: reviewed',
    'staging active: go',
    'active deprecated: it proved itself',
    'deprecated decommissioned: nobody needs it',
  ]);
  for (const { who, at } of answer.items) {
    expect(who).toBe('operator-token');
    expect(Date.parse(at)).toBeGreaterThan(0);
  }
});
