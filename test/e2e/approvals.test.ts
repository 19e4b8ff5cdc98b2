// Decides, through the real Envoy and for every kind of client, that a call which needs a person is made once, after a person said so, and not otherwise.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_INFO, texts } from '../support/clients.ts';
import { type CliResult, runCli } from '../support/stack.ts';
import { type Answer, LANES, type Lane, startWorld, type World } from '../support/tbac-world.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
const REFUND =
  '{"inputSchema":{"type":"object","properties":{"amount":{"type":"number"},"to":{"type":"string"}},"required":["amount"]}}';
const approve = (within: string) => ({ when: 'args.amount > 200', by: { groups: ['leads'] }, within });
const RULES = [
  { id: 'refunds', effect: 'allow', tools: ['*/refund'], obligations: { approve: approve('10m') }, reason: 'money' },
  { id: 'soon', effect: 'allow', tools: ['*/hurry'], obligations: { approve: approve('2s') } },
];
/** Of a client that shows pages. */
const PAGES = { elicitation: { form: {}, url: {} } };

const named = (name: string): Lane => LANES.find((lane) => lane.name === name) as Lane;
const showing = (lane: Lane): Lane => ({ ...lane, name: `${lane.name}, pages`, capabilities: PAGES });
const FEDERATED: Lane = { ...named('legacy, composed'), name: 'legacy, federated', capabilities: {} };
const MODERN_FEDERATED: Lane = {
  ...named('modern, native'),
  name: 'modern, federated',
  surface: 'both',
  prefix: 'new__',
};
const WITHOUT = [
  named('legacy, native'),
  { ...named('legacy, native'), name: 'legacy, 2025-06-18', protocolVersion: '2025-06-18' },
  FEDERATED,
  named('legacy, composed'),
  named('legacy, bridged to a modern server'),
  named('modern, native'),
  MODERN_FEDERATED,
  named('modern, bridged to a legacy server'),
  named('legacy, native, ext-authz decides'),
];
const LEGACY_PAGES = WITHOUT.filter(({ era, protocolVersion }) => era === 'legacy' && protocolVersion >= '2025-11-25');

let world: World;
/** API keys of people, by their names. */
const keys: Record<string, string> = {};
beforeAll(async () => {
  const surfaces = ['old', 'new', 'both', 'old-authz'];
  const env = { CHANCERY_INSTANCES: '2' };
  world = await startWorld({ tools: { refund: REFUND, hurry: REFUND }, rules: RULES, surfaces, env });
  for (const [subject, group] of [
    ['lee', 'leads'],
    ['olga', 'others'],
    ['carl', 'leads'],
  ] as const) {
    const wanted = { use: 'admin', subject, groups: [group], roles: ['approver'] };
    const made = await world.stack.api('POST', '/v1/keys', wanted);
    keys[subject] = ((await made.json()) as { key: string }).key;
  }
}, 180_000);
afterAll(() => world?.close());

const stopped = new Set<number>();
afterEach(() => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  stopped.clear();
});

const call = (lane: Lane, amount: number | string, subject: string, params = '', tool = 'refund'): Promise<Answer> =>
  world.call(lane, tool, `{"amount":${amount}}`, { subject, params });
/** On the command line, as a person with a key. */
const person = (name: string, ...args: string[]): Promise<CliResult> =>
  runCli(['approvals', ...args], { ...world.stack.env, CHANCERY_TOKEN: keys[name] ?? '' });
const idIn = ({ text }: Pick<Answer, 'text'>): string =>
  /"approval":"([^"]+)"/.exec(text)?.[1] ?? /\/approvals\/([^"]+)"/.exec(text)?.[1] ?? 'none';
const stateIn = ({ text }: Answer): string => /"requestState":"([^"]+)"/.exec(text)?.[1] ?? 'none';
const stateOf = async (id: string): Promise<string> =>
  ((await (await world.stack.api('GET', `/v1/approvals/${id}`)).json()) as { state: string }).state;
async function approved(id: string): Promise<void> {
  const { status, stderr } = await person('lee', 'approve', id);
  expect([status, stderr]).toEqual([0, '']);
}
/** What it gives, and how many calls reached a server meanwhile. */
async function reaching<T>(make: () => Promise<T>): Promise<[T, number]> {
  const before = world.reached();
  const value = await make();
  return [value, world.reached() - before];
}
const PENDING = /^-32003 a person has to approve this call: ask for approval \S+ and make the same call again$/;

describe('a client that shows no page', () => {
  test.each(WITHOUT.map((lane) => [lane.name, lane] as const))('%s', async (name, lane) => {
    const subject = `plain ${name}`;
    expect((await call(lane, 200, subject)).outcome, 'under the limit').toBe('ok');
    const [asked, none] = await reaching(() => call(lane, 300, subject));
    expect([asked.outcome, none]).toEqual([expect.stringMatching(PENDING), 0]);
    expect(asked.text).toMatch(/"state":"pending","expiresAt":"[^"]+","retry":"same-call"/);
    expect(idIn(await call(lane, '3.0e2', subject)), 'the same call').toBe(idIn(asked));
    await approved(idIn(asked));
    expect(await reaching(async () => (await call(lane, 300, subject)).outcome)).toEqual(['ok', 1]);
    const [again, nothing] = await reaching(() => call(lane, 300, subject));
    expect([again.outcome, nothing]).toEqual([expect.stringMatching(PENDING), 0]);
    expect(idIn(again)).not.toBe(idIn(asked));
  });
});

describe('a client of a session that shows pages', () => {
  test.each(LEGACY_PAGES.map((lane) => [lane.name, showing(lane)] as const))('%s', async (name, lane) => {
    const subject = `shown ${name}`;
    const [asked, none] = await reaching(() => call(lane, 300, subject));
    expect([asked.outcome, none]).toEqual(['-32042 a person has to approve this call', 0]);
    const { error } = JSON.parse(asked.text.replace(/^(?:event: .*\n|id: .*\n)*data: /, '')) as {
      error: { data: { elicitations: { mode: string; url: string; elicitationId: string; message: string }[] } };
    };
    const [page] = error.data.elicitations;
    expect(page).toMatchObject({
      mode: 'url',
      elicitationId: idIn(asked),
      message: expect.stringContaining('(money)'),
    });
    expect(new URL(page!.url).origin).toBe(world.stack.gateway);
    const opened = await fetch(page!.url);
    expect([opened.status, await opened.text()]).toEqual([200, expect.stringContaining('chancery approvals approve')]);
    await approved(idIn(asked));
    expect(await reaching(async () => (await call(lane, 300, subject)).outcome)).toEqual(['ok', 1]);
    expect((await call(lane, 300, subject)).outcome).toMatch(/^-32042/);
  });
});

describe('a client of the modern era that shows pages', () => {
  const lanes = WITHOUT.filter(({ era }) => era === 'modern').map(showing);
  test.each(lanes.map((lane) => [lane.name, lane] as const))('%s', async (name, lane) => {
    const subject = `shown ${name}`;
    const [asked, none] = await reaching(() => call(lane, 300, subject));
    expect([asked.outcome, none]).toEqual(['ok', 0]);
    expect(asked.text).toMatch(/"resultType":"input_required".*"method":"elicitation\/create".*"mode":"url"/);
    expect(asked.text, 'of the legacy era alone').not.toContain('elicitationId');
    const back = `"requestState":${JSON.stringify(stateIn(asked))},"inputResponses":{"approval":{"action":"accept"}},`;
    const [early, still] = await reaching(() => call(lane, 300, subject, back));
    expect([idIn(early), still], 'a word of the client is none of a person').toEqual([idIn(asked), 0]);
    expect(early.text, 'asked again').toContain('input_required');
    await approved(idIn(asked));
    const [other, not] = await reaching(() => call(lane, 301, subject, back));
    expect([other.text, not], 'with other arguments').toEqual([expect.stringContaining('input_required'), 0]);
    const [stranger, neither] = await reaching(() => call(lane, 300, `not ${subject}`, back));
    expect([stranger.text.includes('done'), neither], 'by somebody else').toEqual([false, 0]);
    const sent = world.servers[lane.server].requests.length;
    expect(await reaching(async () => (await call(lane, 300, subject, back)).text)).toEqual([
      expect.stringContaining('done refund'),
      1,
    ]);
    const [received] = world.servers[lane.server].bodies('tools/call', sent);
    expect(received).not.toMatch(/requestState|inputResponses/);
    const [replayed, once] = await reaching(() => call(lane, 300, subject, back));
    expect([replayed.text.includes('done'), once]).toEqual([false, 0]);
  });
});

describe('clients of the SDKs', () => {
  const authorized = async (lane: Lane, subject: string) => ({
    requestInit: { headers: { authorization: `Bearer ${await world.token(lane, subject)}` } },
  });

  test('@modelcontextprotocol/sdk throws its own error, and calls again', async () => {
    const lane = named('legacy, native');
    const client = new LegacyClient(CLIENT_INFO, { capabilities: PAGES });
    const transport = new LegacyTransport(new URL(world.stack.mcp(lane.surface)), await authorized(lane, 'sdk one'));
    await client.connect(transport as Parameters<LegacyClient['connect']>[0]);
    const refund = { name: 'refund', arguments: { amount: 300 } };
    const error = await client.callTool(refund).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(UrlElicitationRequiredError);
    await approved((error as UrlElicitationRequiredError).elicitations[0]?.elicitationId ?? 'none');
    expect(texts(await client.callTool(refund))).toBe('done refund');
    await client.close();
  });

  test('@modelcontextprotocol/client 2.4 opens the page, and goes on by itself', async () => {
    const lane = named('modern, native');
    const client = new ModernClient(CLIENT_INFO, {
      versionNegotiation: { mode: { pin: MODERN } },
      capabilities: PAGES,
    });
    const opened: string[] = [];
    client.setRequestHandler('elicitation/create', async ({ params }: { params?: unknown }) => {
      const { url } = params as { url: string };
      opened.push(url);
      await approved(url.slice(url.lastIndexOf('/') + 1));
      return { action: 'accept' } as never;
    });
    const surface = new URL(world.stack.mcp(lane.surface));
    await client.connect(new ModernTransport(surface, await authorized(lane, 'sdk two')));
    expect(texts(await client.callTool({ name: 'refund', arguments: { amount: 300 } }))).toBe('done refund');
    expect(opened).toHaveLength(1);
    await client.close();
  });
});

const LANE = named('modern, native');
const asks = async (subject: string, amount = 300, tool = 'refund'): Promise<string> =>
  idIn(await call(LANE, amount, subject, '', tool));
const outcome = async (subject: string, amount = 300, tool = 'refund'): Promise<string> =>
  (await call(LANE, amount, subject, '', tool)).outcome;

describe('who decides', () => {
  test('sees what he decides about on the command line', async () => {
    const id = await asks('seen');
    const list = await person('lee', 'list', '--state', 'pending');
    expect(list.stdout).toMatch(new RegExp(`${id} +pending, .+ left .* seen +new/refund +\\{"amount":300\\}`));
    const shown = await person('lee', 'show', id);
    expect(shown.stdout).toContain('rule: rules/refunds');
    expect(shown.stdout).toContain('leads');
  });

  test.each<[string, string, string]>([
    ['the caller', 'carl', 'nobody decides about a call of his own'],
    ['somebody whom the rule does not name', 'olga', 'the rule rules/refunds names others to decide'],
  ])('is not %s', async (_, name, sentence) => {
    const id = await asks('carl');
    for (const verb of ['approve', 'deny']) {
      const refused = await person(name, verb, id);
      expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(sentence)]);
    }
    expect(await stateOf(id)).toBe('pending');
    expect(await outcome('carl')).toMatch(PENDING);
  });

  test('is not the operator token', async () => {
    const id = await asks('operated');
    const answer = await world.stack.api('POST', `/v1/approvals/${id}/approve`, {});
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'not_the_approver' }]);
    const refused = await world.stack.cli('approvals', 'approve', id);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('nobody in particular')]);
  });

  test('may deny, and the caller is told', async () => {
    const id = await asks('denied');
    const { status, stdout } = await person('lee', 'deny', id, '--why', 'too much');
    expect([status, stdout]).toEqual([0, `${id} denied: new/refund for denied\n`]);
    const [told, none] = await reaching(() => outcome('denied'));
    expect([told, none]).toEqual(['-32003 a policy does not allow this call: the approval was denied', 0]);
    const late = await person('lee', 'approve', id);
    expect([late.status, late.stderr]).toEqual([1, expect.stringContaining('it is denied by key:')]);
  });
});

describe('a grant', () => {
  test('is of these arguments, this caller and this surface', async () => {
    await approved(await asks('bound'));
    const others = [
      () => call(LANE, 301, 'bound'),
      () => call(LANE, 300, 'bounds'),
      () => call(MODERN_FEDERATED, 300, 'bound'),
      () => world.call(LANE, 'refund', '{"amount":300,"to":"me"}', { subject: 'bound' }),
    ];
    for (const other of others) {
      const [{ outcome: found }, reached] = await reaching(other);
      expect([found, reached]).toEqual([expect.stringMatching(PENDING), 0]);
    }
    expect(await outcome('bound')).toBe('ok');
  });

  test('is used once, by one of twenty at the same time', async () => {
    await approved(await asks('racer'));
    const [outcomes, reached] = await reaching(() => Promise.all(Array.from({ length: 20 }, () => outcome('racer'))));
    expect(reached).toBe(1);
    expect(outcomes.filter((each) => each === 'ok')).toHaveLength(1);
    for (const each of outcomes.filter((found) => found !== 'ok')) expect(each).toMatch(PENDING);
  });

  test('that nobody gives in time is not to be had any more', async () => {
    const id = await asks('slow', 300, 'hurry');
    await until(
      'it expires',
      () => stateOf(id),
      (state) => state === 'expired',
    );
    const late = await person('lee', 'approve', id);
    expect([late.status, late.stderr]).toEqual([1, expect.stringContaining('it is expired')]);
    expect(await asks('slow', 300, 'hurry')).not.toBe(id);
  });

  test('that is not used in time is gone', async () => {
    let id = 'none';
    await until(
      'one is given within its two seconds',
      async () => {
        id = await asks('idle', 300, 'hurry');
        return (await person('lee', 'approve', id)).status;
      },
      (status) => status === 0,
    );
    await until(
      'it expires',
      () => stateOf(id),
      (state) => state === 'expired',
    );
    const [again, reached] = await reaching(() => call(LANE, 300, 'idle', '', 'hurry'));
    expect([again.outcome, reached]).toEqual([expect.stringMatching(PENDING), 0]);
    expect(idIn(again)).not.toBe(id);
  });
});

const PARTS = ['controlplane', 'ext-proc', 'ext-proc-2'] as const;
/** Resolves when others run in their places, and calls are decided. */
async function killAll(subject: string): Promise<void> {
  const before = PARTS.map((part) => [part, world.stack.pid(part)] as const);
  for (const [, pid] of before) process.kill(pid, 'SIGKILL');
  for (const [part, killed] of before)
    await until(
      `${part} is back`,
      () => world.stack.pid(part),
      (pid) => pid !== 0 && pid !== killed,
      40_000,
    );
  await until(
    'the API is back',
    async () => (await world.stack.api('GET', '/v1/status').catch(() => null))?.status,
    (status) => status === 200,
    40_000,
  );
  let good = 0;
  await until(
    'calls are decided by both',
    async () => {
      good = (await outcome(subject, 1)) === 'ok' ? good + 1 : 0;
      return good;
    },
    (count) => count >= 8,
    40_000,
  );
}

/** As soon as the ledger is there again. */
const decided = (subject: string): Promise<string> =>
  until(
    'the ledger is there',
    () => outcome(subject),
    (found) => !found.startsWith('-32000 the policy decision could not be made'),
    40_000,
  );

test('kill -9 of all that decide and remember, between request, decision and use', async () => {
  const id = await asks('survivor');
  await killAll('survivor');
  expect(await decided('survivor')).toContain(id);
  await approved(id);
  await killAll('survivor');
  expect(await reaching(() => decided('survivor'))).toEqual(['ok', 1]);
  await killAll('survivor');
  expect(await reaching(() => decided('survivor'))).toEqual([expect.stringMatching(PENDING), 0]);
}, 180_000);

test('while the control plane is away nobody approves, and nothing is let through', async () => {
  await decided('waiting');
  const id = await asks('waiting');
  const given = await asks('granted');
  await approved(given);
  const pid = world.stack.pid('controlplane');
  stopped.add(pid);
  process.kill(pid, 'SIGSTOP');
  const [[refused, ...answers], reached] = await reaching(() =>
    Promise.all([person('lee', 'approve', id), outcome('waiting'), outcome('granted'), outcome('asking')]),
  );
  expect([refused?.status, refused?.stderr]).toEqual([
    1,
    expect.stringMatching(/^approvals approve: the REST API does not answer/),
  ]);
  for (const answer of answers)
    expect(answer).toMatch(/^(-32000 the policy decision could not be made|-32003 a person)/);
  expect(reached).toBe(0);
  process.kill(pid, 'SIGCONT');
  stopped.delete(pid);
  await until(
    'new calls are asked for again',
    () => outcome('asking'),
    (found) => PENDING.test(found),
    40_000,
  );
}, 90_000);
