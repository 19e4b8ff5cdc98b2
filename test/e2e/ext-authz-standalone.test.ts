// Decides that somebody else's Envoy, as in examples/ext-authz, gets each call decided in front of one server, with all that is owed.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../bench/ports.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { CLIENT_INFO, raw, request } from '../support/clients.ts';
import { envoyForTests } from '../support/envoy.ts';
import { put } from '../support/federation.ts';
import { type Answer, answerOf, type Lane, metaText, startWorld, type World } from '../support/tbac-world.ts';
import { until } from '../support/until.ts';

const OBJECT = '{"inputSchema":{"type":"object"}}';
const TOOLS = {
  refund: '{"inputSchema":{"type":"object","properties":{"amount":{"type":"number"}},"required":["amount"]}}',
  rated: OBJECT,
  approved: OBJECT,
  private: OBJECT,
  egress: OBJECT,
  redacted: OBJECT,
  weighed: OBJECT,
  scoped: OBJECT,
  near: OBJECT,
  free: OBJECT,
};
const owes = (tool: string, obligations: object): object => ({
  id: tool,
  effect: 'allow',
  tools: [`*/${tool}`],
  obligations,
});
const RULES = [
  { id: 'small', effect: 'allow', tools: ['*/refund'], when: ['args.amount <= 500'] },
  owes('rated', { rate: [{ calls: 2, per: '1h', by: ['principal'] }] }),
  owes('approved', { approve: { by: { subjects: ['boss'] }, within: '10m' } }),
  owes('private', { labels: ['private-data'] }),
  { id: 'out', effect: 'allow', tools: ['*/egress'] },
  { id: 'stay', effect: 'deny', tools: ['*/egress'], when: ['"private-data" in session.labels'] },
  owes('redacted', { redact: ['card'] }),
  owes('weighed', { budget: [{ bytes: 1000, per: '1h', by: ['principal'] }] }),
  { id: 'scoped', effect: 'allow', tools: ['*/scoped'], who: { scopes: ['pay:write'] } },
  { id: 'near', effect: 'allow', tools: ['*/near'], who: { networks: ['127.0.0.0/8'] } },
  { id: 'far', effect: 'deny', tools: ['*/near'], who: { networks: ['10.0.0.0/8'] } },
  { id: 'free', effect: 'allow', tools: ['*/free'] },
];

let world: World;
const envoys: ChildProcess[] = [];
const urls = { old: '', new: '', headers: '' };
beforeAll(async () => {
  world = await startWorld({ tools: TOOLS, rules: RULES, surfaces: ['old', 'new'] });
  await put(world.stack, '/v1/surfaces/both', { servers: [{ server: 'old' }, { server: 'new' }] });
  urls.old = await startEnvoy('old', world.servers.old.url);
  urls.new = await startEnvoy('new', world.servers.new.url);
  urls.headers = await startEnvoy('new', world.servers.new.url, (yaml) =>
    yaml
      .replace(/^ *with_request_body:.*\n/m, '')
      .replace('chancery.surface: new', 'chancery.surface: new, chancery.body: none'),
  );
}, 180_000);
afterAll(async () => {
  for (const envoy of envoys) envoy.kill('SIGKILL');
  await world?.close();
});

/** The example, with the three places that are one's own. */
async function startEnvoy(surface: string, server: string, change = (yaml: string): string => yaml): Promise<string> {
  const [port = 0] = await freePorts(1);
  const { home } = world.stack;
  const yaml = change(
    readFileSync(join(ROOT_DIR, 'examples/ext-authz/envoy.yaml'), 'utf8')
      .replace('port_value: 10080', `port_value: ${port}`)
      .replace('port_value: 3001', `port_value: ${new URL(server).port}`)
      .replace('/run/chancery/ext-authz.sock', join(home, 'run', 'ext-authz.sock'))
      .replace('chancery.surface: payments', `chancery.surface: ${surface}`),
  );
  const file = join(home, `envoy-${port}.yaml`);
  writeFileSync(file, yaml);
  const args = ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'error'];
  const envoy = spawn(envoyForTests(), args, { stdio: 'ignore' });
  envoys.push(envoy);
  process.once('exit', () => envoy.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}/mcp`;
  await until(
    'the other Envoy answers',
    async () => (await fetch(url, { method: 'DELETE' }).catch(() => null))?.status,
    (status) => status === 401,
  );
  return url;
}

const MODERN = '2026-07-28';
const META = metaText({ capabilities: {} });
let ids = 0;

interface Asked {
  readonly args?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly subject?: string;
}

/** A call of the modern era: its headers say what its body says. */
async function modern(url: string, tool: string, { args = '{}', headers = {}, subject }: Asked = {}): Promise<Answer> {
  const body = `{"jsonrpc":"2.0","id":${++ids},"method":"tools/call","params":{"name":"${tool}","arguments":${args},"_meta":${META}}}`;
  const standard = { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': tool };
  const token = await world.token(NEW, subject);
  return answerOf(await raw(url, { token, body, headers: { ...standard, ...headers } }));
}

/** A call of the legacy era, in a session that the server itself gave. */
async function legacy(tool: string, { args = '{}', subject }: Asked = {}): Promise<Answer> {
  const token = await world.token(OLD, subject);
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: CLIENT_INFO };
  const opened = await raw(urls.old, { token, body: request('init', 'initialize', params) });
  await opened.text();
  const body = `{"jsonrpc":"2.0","id":${++ids},"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`;
  const headers = { 'mcp-protocol-version': '2025-11-25' };
  return answerOf(await raw(urls.old, { token, session: opened.headers.get('mcp-session-id') ?? '', headers, body }));
}
const OLD = { surface: 'old' } as Lane;
const NEW = { surface: 'new' } as Lane;

type Way = (tool: string, asked?: Asked) => Promise<Answer>;
const WAYS: readonly [string, Way][] = [
  ['a legacy client', legacy],
  ['a modern client', (tool, asked) => modern(urls.new, tool, asked)],
];

describe.each(WAYS)('%s', (way, call) => {
  const named = (name: string): string => `${name} of ${way}`;
  const UNSUPPORTED = '-32003 a rule asks of this call what cannot be done where it is decided:';
  test.each<[string, string, string, string | RegExp]>([
    ['an argument that a rule allows', 'refund', '{"amount":500}', 'ok'],
    ['one that no rule allows', 'refund', '{"amount":501}', /^-32003 a policy does not allow this call/],
    ['one that is none for the schema', 'refund', '{"amount":"5"}', 'schema'],
    ['a repeated key', 'refund', '{"amount":5,"amount":501}', /^-32600/],
    ['a scope that is missing', 'scoped', '{}', /^-32003 the token lacks a scope/],
    ['an address that a rule allows', 'near', '{}', 'ok'],
    ['redaction', 'redacted', '{}', `${UNSUPPORTED} redact`],
    ['a budget of bytes', 'weighed', '{}', `${UNSUPPORTED} a quota of bytes`],
    ['a tool of which no rule speaks', 'nothing', '{}', /^-32602 unknown tool/],
  ])('%s', async (_name, tool, args, outcome) => {
    const before = world.reached();
    const answer = await call(tool, { args });
    expect(answer.outcome).toMatch(typeof outcome === 'string' ? new RegExp(`^${outcome}$`) : outcome);
    expect(world.reached() - before).toBe(outcome === 'ok' ? 1 : 0);
    if (tool === 'scoped') expect(answer.headers.get('www-authenticate')).toContain('scope="pay:write"');
  });

  test('a rate is counted', async () => {
    const before = world.reached();
    const outcomes = [];
    for (let n = 0; n < 3; n++) outcomes.push(await call('rated', { subject: named('often') }));
    expect(outcomes.map(({ outcome }) => outcome.slice(0, 6))).toEqual(['ok', 'ok', '-32003']);
    expect(outcomes[2]?.headers.get('retry-after')).toMatch(/^[0-9]+$/);
    expect(world.reached() - before).toBe(2);
    expect((await call('rated', { subject: named('seldom') })).outcome).toBe('ok');
  });

  test('what was read stays with who read it', async () => {
    expect((await call('egress', { subject: named('reader') })).outcome).toBe('ok');
    expect((await call('private', { subject: named('reader') })).outcome).toBe('ok');
    const before = world.reached();
    expect((await call('egress', { subject: named('reader') })).outcome).toMatch(/^-32(003|602)/);
    expect(world.reached()).toBe(before);
    expect((await call('egress', { subject: named('another') })).outcome).toBe('ok');
  });

  test('an approval is asked for, and is for one call', async () => {
    const before = world.reached();
    const asked = await call('approved', { args: '{"n":1}', subject: 'asker' });
    expect(asked.outcome).toMatch(/^-32003 a person has to approve this call/);
    await world.approve(asked);
    const again = await until(
      'the approval is known',
      () => call('approved', { args: '{"n":1}', subject: 'asker' }),
      ({ outcome }) => outcome === 'ok',
    );
    expect(again.text).toContain('done approved');
    expect((await call('approved', { args: '{"n":1}', subject: 'asker' })).outcome).toMatch(/^-32003/);
    expect((await call('approved', { args: '{"n":2}', subject: 'asker' })).outcome).toMatch(/^-32003/);
    expect(world.reached() - before).toBe(1);
  });
});

test('no token, one of another surface, another path, another method', async () => {
  const body = request(1, 'tools/list');
  const other = await world.token(OLD);
  expect((await raw(urls.new, { body })).status).toBe(401);
  expect((await raw(urls.new, { body, token: other })).status).toBe(401);
  const token = await world.token(NEW);
  expect((await raw(urls.new.replace(/mcp$/, 'x'), { body, token })).status).toBe(404);
  expect((await raw(urls.new, { method: 'PUT', body, token })).status).toBe(405);
});

describe('by headers alone', () => {
  test('what no argument decides is decided', async () => {
    expect((await modern(urls.headers, 'free')).text).toContain('done free');
    const before = world.reached();
    expect((await modern(urls.headers, 'nothing')).outcome).toMatch(/^-32602 unknown tool/);
    expect(world.reached()).toBe(before);
  });

  test.each<[string, string, Record<string, string>]>([
    ['a rule that reads arguments', 'refund', {}],
    ['an approval', 'approved', {}],
    ['no method in the header', 'free', { 'mcp-method': '' }],
    ['the legacy era', 'free', { 'mcp-protocol-version': '2025-11-25' }],
  ])('%s is not: refused', async (_, tool, headers) => {
    const before = world.reached();
    const { outcome } = await modern(urls.headers, tool, { args: '{"amount":1}', headers });
    expect(outcome).toMatch(/^-32(000|003|020)/);
    expect(world.reached()).toBe(before);
  });
});
