// Decides, through the real Envoy and two ext-proc, what allowed calls owe and leave behind, what policies in shadow would have done, and that explain and replay say what was really decided.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { put } from '../support/federation.ts';
import { type Answer, LANES, type Lane, startWorld, type World } from '../support/tbac-world.ts';
import { until } from '../support/until.ts';

const OBJECT = '{"inputSchema":{"type":"object"}}';
const TOOLS: Record<string, string> = Object.fromEntries(
  ['open', 'rated', 'wordy', 'private', 'egress', 'scoped', 'watched'].map((name) => [name, OBJECT]),
);
TOOLS.limited =
  '{"inputSchema":{"type":"object","properties":{"amount":{"type":"number"},"region":{"type":"string"}},"required":["amount","region"]}}';
const ANSWER_CHARS = 4_000;
const RULES = [
  { id: 'open', effect: 'allow', tools: ['*/open', '*/egress', '*/watched'] },
  {
    id: 'rated',
    effect: 'allow',
    tools: ['*/rated'],
    obligations: { rate: { calls: 6, per: '1h', by: ['principal'] } },
  },
  {
    id: 'wordy',
    effect: 'allow',
    tools: ['*/wordy'],
    obligations: { budget: { tokens: 2_500, per: '1h', by: ['principal', 'tool'] } },
  },
  { id: 'private', effect: 'allow', tools: ['*/private'], obligations: { labels: ['private-data'] } },
  { id: 'stay', effect: 'deny', tools: ['*/egress'], when: '"private-data" in session.labels' },
  {
    id: 'limited',
    effect: 'allow',
    tools: ['*/limited'],
    when: ['args.amount <= 500', 'args.region in ["eu", "us"]'],
  },
  { id: 'scoped', effect: 'allow', tools: ['*/scoped'], who: { scopes: ['payments:write'] } },
];
const SHADOW = {
  version: 'tbac/v1',
  mode: 'shadow',
  surfaces: ['*'],
  rules: [{ id: 'less', effect: 'deny', tools: ['*/watched'], when: 'args.deep == true' }],
};

const named = (name: string): Lane => LANES.find((lane) => lane.name === name) as Lane;
const LANE = named('modern, native');
const SESSION = named('legacy, native');
const PARTS = ['ext-proc', 'ext-proc-2'] as const;

let world: World;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chy-policy-'));
  const wordy = `{"resultType":"complete","content":[{"type":"text","text":"${'w'.repeat(ANSWER_CHARS)}"}]}`;
  world = await startWorld({
    tools: TOOLS,
    rules: RULES,
    calls: { wordy },
    surfaces: ['old', 'new', 'new-authz'],
    env: { CHANCERY_INSTANCES: '2' },
  });
  await put(world.stack, '/v1/policies/tighter', SHADOW);
}, 180_000);
afterAll(async () => {
  await world?.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = (tool: string, subject: string, lane = LANE, args = '{}'): Promise<Answer> =>
  world.call(lane, tool, args, { subject });
async function killed(...parts: readonly string[]): Promise<void> {
  const before = parts.map((part) => [part, world.stack.pid(part)] as const);
  for (const [, pid] of before) process.kill(pid, 'SIGKILL');
  for (const [part, pid] of before)
    await until(
      `${part} is back`,
      () => world.stack.pid(part),
      (now) => now !== 0 && now !== pid,
      40_000,
    );
  let good = 0;
  await until(
    'calls are decided again by both',
    async () => {
      good = (await call('open', 'prober')).outcome === 'ok' ? good + 1 : 0;
      return good;
    },
    (count) => count >= 8,
    40_000,
  );
}
const metric = async (name: string): Promise<number> => {
  const text = await (await world.stack.api('GET', '/metrics')).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? 0,
  );
};
interface Decided {
  readonly items: readonly {
    readonly outcome: string;
    readonly code: string;
    readonly rules: readonly string[];
    readonly shadow: { readonly allowed: boolean; readonly rules: readonly string[] } | null;
  }[];
}
const decisions = (subject: string, count: number): Promise<Decided['items']> =>
  until(
    `${count} decisions of ${subject}`,
    async () => {
      const { stdout } = await world.stack.cli('decisions', '--sub', subject, '-o', 'json');
      return (JSON.parse(stdout) as Decided).items;
    },
    (items) => items.length >= count,
  );

describe('a quota', () => {
  test('of calls is one for both ext-proc, and outlasts them', async () => {
    const before = world.reached();
    let refused = 0;
    await until(
      'both refuse',
      async () => {
        const { outcome, headers } = await call('rated', 'spender');
        if (outcome === 'ok') refused = 0;
        else {
          expect(outcome).toMatch(/^-32003 too many calls for now: try again in \d+ s$/);
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(3_000);
          refused++;
        }
        return refused;
      },
      (count) => count >= 16,
    );
    const reached = world.reached() - before;
    expect(reached).toBeGreaterThanOrEqual(6);
    // Each counts at once what it lets through, and hears of the other's a moment later.
    expect(reached).toBeLessThan(12);
    await killed(...PARTS);
    for (let n = 0; n < 8; n++) expect((await call('rated', 'spender')).outcome).toMatch(/^-32003 too many calls/);
    expect((await call('rated', 'saver')).outcome).toBe('ok');
  });

  test('of tokens counts answers', async () => {
    for (let n = 0; n < 2; n++) expect((await call('wordy', 'talker')).outcome).toBe('ok');
    await until(
      'what was answered counts',
      async () => (await call('wordy', 'talker')).outcome,
      (outcome) => outcome.startsWith('-32003 too many calls for now'),
    );
    expect(world.servers.new.bodies('"wordy"').length).toBeLessThan(6);
    expect((await call('open', 'talker')).outcome).toBe('ok');
  });
});

describe('what a call leaves behind', () => {
  test('sticks to the session of the legacy era, and to no other, when ext-proc was killed', async () => {
    const other = { ...SESSION, name: 'another session' };
    expect((await call('egress', 'reader', SESSION)).outcome).toBe('ok');
    expect((await call('private', 'reader', SESSION)).outcome).toBe('ok');
    const outcomes = async () => [
      (await call('egress', 'reader', SESSION)).outcome,
      (await call('egress', 'reader', other)).outcome,
    ];
    expect(await outcomes()).toEqual([expect.stringMatching(/^-32602 unknown tool/), 'ok']);
    await killed(...PARTS);
    for (let n = 0; n < 4; n++) expect(await outcomes()).toEqual([expect.stringMatching(/^-32602 unknown tool/), 'ok']);
  });

  test('sticks to the principal in the modern era, on each of his surfaces, when ext-proc was killed', async () => {
    const authz = named('modern, native, ext-authz decides');
    const outcomes = async (subject: string): Promise<string[]> =>
      Promise.all([LANE, authz].map(async (lane) => (await call('egress', subject, lane)).outcome));
    expect(await outcomes('keeper')).toEqual(['ok', 'ok']);
    expect((await call('private', 'keeper')).outcome).toBe('ok');
    await until(
      'everybody knows',
      () => outcomes('keeper'),
      (found) => found.every((each) => each.startsWith('-32602 unknown tool')),
    );
    await killed(...PARTS, 'ext-authz');
    await until(
      'ext-authz decides again',
      async () => (await call('open', 'keeper', authz)).outcome,
      (found) => found === 'ok',
      40_000,
    );
    for (let n = 0; n < 4; n++)
      for (const each of await outcomes('keeper')) expect(each).toMatch(/^-32602 unknown tool/);
    expect(await outcomes('stranger')).toEqual(['ok', 'ok']);
  });
});

test('what a call leaves behind sticks to principal and task where tokens name one, when ext-proc was killed', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const issuer = 'https://tasks.example.test';
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }];
  await put(world.stack, '/v1/issuers/tasks', { issuer, jwks: { keys }, taskClaim: 'authorized_tasks' });
  const about = async (tool: string, tasks: string): Promise<string> => {
    const token = await new SignJWT({ authorized_tasks: tasks })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(issuer)
      .setSubject('worker')
      .setAudience(world.stack.mcp('new'))
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(privateKey);
    const { outcome } = await world.call(LANE, tool, '{}', { headers: { authorization: `Bearer ${token}` } });
    return outcome;
  };
  await until(
    'its keys are known to both',
    async () => Promise.all(Array.from({ length: 8 }, () => about('egress', 'refunds'))),
    (outcomes) => outcomes.every((each) => each === 'ok'),
  );
  expect(await about('private', 'refunds')).toBe('ok');
  const outcomes = async (): Promise<string[]> =>
    Promise.all(['refunds', 'refunds orders', 'orders'].map((tasks) => about('egress', tasks)));
  const gone = expect.stringMatching(/^-32602 unknown tool/);
  await until('both know', outcomes, ([own, both]) => own !== 'ok' && both !== 'ok');
  await killed(...PARTS);
  for (let n = 0; n < 4; n++) expect(await outcomes()).toEqual([gone, gone, 'ok']);
});

test('a policy in shadow changes nothing, and is counted and recorded', async () => {
  const name = 'chancery_shadow_differences_total{surface="new",outcome="denied"}';
  const before = await metric(name);
  expect((await call('watched', 'watcher', LANE, '{"deep":true}')).outcome).toBe('ok');
  expect((await call('watched', 'watcher', LANE, '{"deep":false}')).outcome).toBe('ok');
  const items = await decisions('watcher', 2);
  expect(items.map(({ outcome, shadow }) => [outcome, shadow])).toEqual([
    ['allowed', null],
    ['allowed', { allowed: false, rules: ['tighter/less'] }],
  ]);
  expect(await metric(name)).toBe(before + 1);
  const table = await world.stack.cli('decisions', '--sub', 'watcher');
  expect(table.stdout).toMatch(/allowed +new +watcher +new\/watched +rules\/open +denied by tighter\/less/);
});

test('simple limits are in the list, and the call agrees with them', async () => {
  const { text } = await world.ask(LANE, 'tools/list', '');
  const { result } = JSON.parse(text) as {
    result: { tools: { name: string; inputSchema: { properties: Record<string, object> } }[] };
  };
  const limited = result.tools.find((tool) => tool.name === 'limited');
  expect(limited?.inputSchema.properties).toMatchObject({
    amount: { type: 'number', maximum: 500 },
    region: { type: 'string', enum: ['eu', 'us'] },
  });
  for (const [args, outcome] of [
    ['{"amount":500,"region":"eu"}', /^ok$/],
    ['{"amount":500.01,"region":"eu"}', /^-32003 a policy does not allow this call/],
    ['{"amount":1,"region":"cn"}', /^-32003 a policy does not allow this call/],
    ['{"amount":"1","region":"eu"}', /^schema$/],
  ] as const)
    expect((await call('limited', 'buyer', LANE, args)).outcome).toMatch(outcome);
});

test('a scope that is missing is named, asked for, and enough', async () => {
  const token = async (...more: string[]): Promise<Record<string, string>> => {
    const { stdout } = await world.stack.cli('token', '--sub', 'climber', '--surface', 'new', ...more);
    return { authorization: `Bearer ${stdout.trim()}` };
  };
  const refused = await world.call(LANE, 'scoped', '{}', { headers: await token('--scope', 'payments:read') });
  expect([refused.status, refused.outcome]).toEqual([
    403,
    '-32003 the token lacks a scope that this call needs: payments:write',
  ]);
  const challenge = refused.headers.get('www-authenticate') ?? '';
  expect(challenge).toContain('error="insufficient_scope"');
  expect(challenge).toMatch(/resource_metadata="http[^"]+"/);
  const [, scope = ''] = /scope="([^"]*)"/.exec(challenge) ?? [];
  expect(scope.split(' ').sort()).toEqual(['payments:read', 'payments:write']);
  const listed = await world.ask(LANE, 'tools/list', '');
  expect(listed.text, 'it is listed, so that it can be asked for').toContain('"scoped"');
  const headers = await token('--scope', scope);
  expect((await world.call(LANE, 'scoped', '{}', { headers })).outcome).toBe('ok');
});

describe('the security person', () => {
  const explain = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, status } = await world.stack.cli('explain', '--surface', 'new', ...args);
    expect([status, stderr]).toEqual([0, '']);
    return stdout;
  };

  test('is told by explain what was decided of a call', async () => {
    expect((await call('limited', 'asker', LANE, '{"amount":501,"region":"eu"}')).outcome).toMatch(/^-32003/);
    const [decided] = await decisions('asker', 1);
    expect(decided).toMatchObject({ outcome: 'denied', code: 'policy_denied' });
    const denied = await explain('--sub', 'asker', '--args', '{"amount":501,"region":"eu"}', 'limited');
    expect(denied).toMatch(/^new\/limited 1 on new: asker may not use it: /);
    expect(denied).toContain('- when args.amount <= 500');
    expect(denied).toContain('args.amount = 501');
    expect(await explain('--sub', 'asker', '--args', '{"amount":500,"region":"eu"}', 'limited')).toMatch(
      /asker may use it: .*\(rules\/limited\)\n {2}listed\n/,
    );
    expect(await explain('--sub', 'asker', 'scoped')).toContain('would be allowed with the scope payments:write');
    expect(await explain('--sub', 'asker', '--label', 'private-data', 'egress')).toMatch(/may not use it.*rules\/stay/);
    expect(await explain('--sub', 'asker', 'rated')).toMatch(/counted by: /);
  });

  test('is warned of a rule that says nothing about the tools that there are, and told which tool he meant', async () => {
    const file = join(folder, 'warned.json');
    const rules = [
      { id: 'a', effect: 'allow', tools: ['new/limitd'] },
      { id: 'b', effect: 'allow', tools: ['new/limited'], when: 'args.amonut <= 5' },
    ];
    writeFileSync(file, JSON.stringify({ kind: 'Policy', name: 'warned', version: 'tbac/v1', rules }));
    const { status, stderr } = await world.stack.cli('apply', '-f', file, '--dry-run');
    expect(status).toBe(2);
    expect(stderr).toContain('rule a: "new/limitd" is no tool of a server that was read');
    expect(stderr).toMatch(/rule b: .*amonut.*amount.*\(new\/limited\)/);
    const lost = await world.stack.cli('explain', '--surface', 'new', 'limitd');
    expect([lost.status, lost.stderr]).toEqual([1, expect.stringContaining('did you mean "limited"?')]);
  });

  test('is told by replay what a candidate would change of what was recorded, and what nobody can know', async () => {
    for (const tool of ['open', 'open', 'scoped', 'watched']) await call(tool, 'replayed');
    await decisions('replayed', 4);
    const candidate = (more: object[]): string => {
      const file = join(folder, 'rules.json');
      writeFileSync(
        file,
        JSON.stringify({
          kind: 'Policy',
          name: 'rules',
          version: 'tbac/v1',
          surfaces: ['*'],
          rules: [...RULES, ...more],
        }),
      );
      return file;
    };
    const replay = async (more: object[]) => {
      const { stdout, stderr, status } = await world.stack.cli(
        'replay',
        candidate(more),
        '--since',
        '1h',
        '-o',
        'json',
      );
      expect([status, stderr]).toEqual([0, '']);
      return JSON.parse(stdout) as {
        considered: number;
        same: number;
        changes: { from: string; to: string; count: number }[];
        unknown: { count: number };
      };
    };
    const same = await replay([]);
    expect(same.changes).toEqual([]);
    const tighter = await replay([
      { id: 'not-him', effect: 'deny', tools: ['*/open'], who: { subjects: ['replayed'] } },
    ]);
    expect(tighter.changes).toMatchObject([{ from: 'allow', to: 'deny', count: 2 }]);
    const deep = {
      id: 'deep',
      effect: 'deny',
      tools: ['*/watched'],
      who: { subjects: ['replayed'] },
      when: 'args.deep',
    };
    expect((await replay([deep])).unknown.count).toBe(same.unknown.count + 1);
  });
});
