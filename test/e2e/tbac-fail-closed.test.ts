// Decides that governed calls are refused, and reach no server, while a part that decides or remembers is away; and that nothing is forgotten.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Answer, LANES, type Lane, startWorld, type World } from '../support/tbac-world.ts';
import { until } from '../support/until.ts';

const OBJECT = '{"inputSchema":{"type":"object"}}';
const TOOLS = Object.fromEntries(
  ['open', 'private', 'egress', 'rated', 'approved', 'redacted'].map((name) => [name, OBJECT]),
);
const owes = (tool: string, obligations: object): object => ({
  id: tool,
  effect: 'allow',
  tools: [`*/${tool}`],
  obligations,
});
const RULES = [
  owes('private', { labels: ['private-data'] }),
  owes('rated', { rate: [{ calls: 3, per: '1h', by: ['principal'] }] }),
  owes('approved', { approve: { by: { subjects: ['boss'] }, within: '10m' } }),
  owes('redacted', { redact: ['card'] }),
  { id: 'others', effect: 'allow', tools: ['*/open', '*/egress'] },
  { id: 'stay', effect: 'deny', tools: ['*/egress'], when: ['"private-data" in session.labels'] },
];

/** The stateless era: it shows what the parts remember, and no session is lost with them. */
const MODERN = LANES.find(({ name }) => name === 'modern, native') as Lane;
const AUTHZ = LANES.find(({ name }) => name === 'modern, native, ext-authz decides') as Lane;

let world: World;
beforeAll(async () => {
  world = await startWorld({ tools: TOOLS, rules: RULES, surfaces: ['new', 'new-authz'] });
}, 180_000);
afterAll(() => world?.close());

const stopped = new Set<number>();
function stop(part: string): () => void {
  const pid = world.stack.pid(part);
  stopped.add(pid);
  process.kill(pid, 'SIGSTOP');
  return () => {
    stopped.delete(pid);
    process.kill(pid, 'SIGCONT');
  };
}
afterEach(() => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  stopped.clear();
});

const call = (tool: string, subject: string, lane = MODERN, args = '{}'): Promise<Answer> =>
  world.call(lane, tool, args, { subject });
const works = (lane: Lane): Promise<Answer> =>
  until(
    'calls work again',
    () => call('open', 'agent', lane),
    ({ outcome }) => outcome === 'ok',
    40_000,
  );

/** None of these calls reaches the server. */
async function refusedAll(lane: Lane, tools: readonly string[], subject: string): Promise<readonly Answer[]> {
  const before = world.reached();
  const answers = await Promise.all(tools.map((tool) => call(tool, subject, lane)));
  expect(world.reached()).toBe(before);
  for (const { outcome } of answers) expect(outcome).not.toBe('ok');
  return answers;
}
const GOVERNED = ['open', 'private', 'egress', 'rated', 'approved', 'redacted'];

test('SIGSTOP of ext-proc: governed calls are refused, and what they would have taken is not taken', async () => {
  await world.token(MODERN, 'patient');
  const goOn = stop('ext-proc');
  await refusedAll(MODERN, GOVERNED, 'patient');
  goOn();
  await works(MODERN);
});

test('SIGSTOP of ext-authz: its surface refuses, with obligations or without; the other goes on', async () => {
  await Promise.all([world.token(AUTHZ, 'patient'), world.token(MODERN, 'patient')]);
  const goOn = stop('ext-authz');
  const answers = await refusedAll(AUTHZ, GOVERNED, 'patient');
  for (const { status } of answers) expect(status).toBe(503);
  expect((await call('open', 'patient')).outcome).toBe('ok');
  goOn();
  await works(AUTHZ);
});

test('SIGSTOP of the control plane: what has to be remembered is refused, the rest goes on', async () => {
  await world.token(MODERN, 'quick');
  const goOn = stop('controlplane');
  for (const answer of await refusedAll(MODERN, ['private', 'approved'], 'quick')) {
    expect([answer.status, answer.outcome]).toEqual([503, '-32000 the policy decision could not be made']);
  }
  expect((await call('egress', 'quick')).outcome).toBe('ok');
  for (let n = 0; n < 3; n++) expect((await call('rated', 'quick')).outcome).toBe('ok');
  await refusedAll(MODERN, ['rated'], 'quick');
  expect((await call('redacted', 'quick')).outcome).toBe('ok');
  goOn();
  expect(
    (
      await until(
        'labels are stored again',
        () => call('private', 'later'),
        ({ outcome }) => outcome === 'ok',
      )
    ).outcome,
  ).toBe('ok');
});

test('an ext-proc that starts while nobody can tell it what was left refuses, and then knows', async () => {
  expect((await call('private', 'reader')).outcome).toBe('ok');
  for (let n = 0; n < 3; n++) expect((await call('rated', 'spender')).outcome).toBe('ok');
  const asked = await call('approved', 'asker', MODERN, '{"n":1}');
  await world.approve(asked);
  await until(
    'the counts are told',
    () => call('rated', 'spender', AUTHZ),
    ({ outcome }) => outcome !== 'ok',
  );
  const goOn = stop('controlplane');
  const before = world.stack.pid('ext-proc');
  process.kill(before, 'SIGKILL');
  await until(
    'a new ext-proc runs',
    () => world.stack.pid('ext-proc'),
    (pid) => pid !== 0 && pid !== before,
  );
  await refusedAll(MODERN, GOVERNED, 'reader');
  goOn();
  await works(MODERN);
  expect((await refusedAll(MODERN, ['egress'], 'reader'))[0]?.outcome).toMatch(/^-32602 unknown tool/);
  expect((await refusedAll(MODERN, ['rated'], 'spender'))[0]?.outcome).toMatch(/^-32003 too many calls/);
  expect((await call('approved', 'asker', MODERN, '{"n":1}')).outcome).toBe('ok');
  expect((await call('approved', 'asker', MODERN, '{"n":1}')).outcome).toMatch(/^-32003 a person/);
});

test('kill -9 of the control plane in the middle of governed calls: nothing is forgotten, nothing is allowed twice', async () => {
  expect((await call('private', 'keeper')).outcome).toBe('ok');
  const asked = await call('approved', 'once', MODERN, '{"n":1}');
  await world.approve(asked);
  const before = world.stack.pid('controlplane');
  const reached = world.reached();
  const running = Promise.all(Array.from({ length: 8 }, () => call('approved', 'once', MODERN, '{"n":1}')));
  process.kill(before, 'SIGKILL');
  const outcomes = (await running).map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === 'ok').length).toBeLessThanOrEqual(1);
  expect(world.reached() - reached).toBeLessThanOrEqual(1);
  await until(
    'it is back',
    async () => (await world.stack.api('GET', '/v1/status').catch(() => null))?.status,
    (status) => status === 200,
    40_000,
  );
  await refusedAll(MODERN, ['egress'], 'keeper');
  await until(
    'labels are stored again',
    () => call('private', 'fresh'),
    ({ outcome }) => outcome === 'ok',
    40_000,
  );
});
