import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DecisionRecord } from '../../../core/ledger-client/decision-record.ts';
import { NO_METRICS } from '../../../test/support/api-ledger.ts';
import { type ApiWorld, openApiWorld, START_MS } from '../../../test/support/api-world.ts';
import { storeDecisions } from '../../ledger/decisions.ts';
import { record } from '../../ledger/testdata/records.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const TOOL = { name: 'refund', inputSchema: { type: 'object', properties: { amount: { type: 'number' } } } };
const LISTED = { bare: [TOOL], full: [TOOL] };
const NOTHING = { bare: [], full: [] };
const policy = (name: string, ...rules: object[]) => ({ kind: 'Policy', name, version: 'tbac/v1', rules });
const allow = (id: string, rest: object = {}) => ({ id, effect: 'allow', tools: ['payments/*'], ...rest });
const deny = (id: string, rest: object = {}) => ({ ...allow(id, rest), effect: 'deny' });

async function serve(...policies: object[]): Promise<void> {
  const documents = [
    {
      kind: 'Server',
      name: 'payments',
      versions: [{ version: '1.0.0', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
    },
    { kind: 'Surface', name: 'support', servers: [{ server: 'payments' }] },
    ...policies,
  ];
  const outcome = await world.registry.apply({ documents, who: 'test', why: '' });
  expect(outcome).toMatchObject({ ok: true });
  const none = { prompts: NOTHING, resources: NOTHING, resourceTemplates: NOTHING };
  const discovered = {
    hash: 'h',
    protocolVersion: '2025-11-25',
    serverInfo: {},
    capabilities: {},
    tools: LISTED,
    ...none,
  };
  await world.registry.saveDiscovery('payments', '1.0.0', { ok: true, discovered });
}
const keep = (...records: Partial<DecisionRecord>[]) =>
  storeDecisions(
    world.registry.beside,
    records.map((over, index) => record({ id: `d${index + 1}`, atMs: START_MS, ...over })),
    NO_METRICS,
  );

describe('recorded decisions', () => {
  test('are read by who may, a page at a time', async () => {
    await keep({}, { subject: 'bob', allowed: false, code: 'policy_denied' }, { code: 'quota_exceeded' });
    const get = async (query: string, as?: string) =>
      world.ask('GET', `/v1/decisions?${query}`, as === undefined ? {} : { as });
    const { body } = await get('limit=2', await world.keyOf('security'));
    expect(body.items).toMatchObject([
      { id: 'd3', outcome: 'refused', at: '2026-01-02T00:00:00.000Z', code: 'quota_exceeded' },
      { id: 'd2', outcome: 'denied', subject: 'bob' },
    ]);
    expect((await get(`limit=2&cursor=${body.next}`)).body).toMatchObject({ items: [{ id: 'd1' }] });
    expect((await get('outcome=allowed')).body.items).toHaveLength(1);
    expect((await get('subject=bob&target=payments/refund&surface=support')).body.items).toHaveLength(1);
    expect((await get('since=2026-01-03T00:00:00Z')).body.items).toEqual([]);
    expect(await get('outcome=perhaps')).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    for (const role of ['viewer', 'operator', 'approver'] as const)
      expect((await get('', await world.keyOf(role))).status).toBe(403);
  });
});

describe('an explanation', () => {
  const explain = async (body: object, as?: string) =>
    world.ask('POST', '/v1/explain', { body, ...(as === undefined ? {} : { as }) });

  test('says of every rule whether it holds, and of every condition what it came to', async () => {
    await serve(
      policy('refunds', allow('small', { who: { groups: ['support'] }, when: 'args.amount <= 500' })),
      policy('never', deny('big', { when: 'args.amount > 1000', reason: 'too much' })),
    );
    const principal = { subject: 'alice', groups: ['support'] };
    const asked = { surface: 'support', principal, tool: 'refund', args: { amount: 700 } };
    const { body, status } = await explain(asked, await world.keyOf('security'));
    expect(status).toBe(200);
    const [target] = body.targets;
    expect(target).toMatchObject({ server: 'payments', name: 'refund', listed: true, allowed: false, decidedBy: [] });
    expect(target.rules).toMatchObject([
      { rule: 'never/big', effect: 'deny', holds: 'false', whoFails: [] },
      { rule: 'refunds/small', effect: 'allow', holds: 'false', conditions: [{ text: 'args.amount <= 500' }] },
    ]);
    expect(target.rules[1].conditions[0].trace).toContainEqual({ text: 'args.amount', value: '700' });
    const other = (await explain({ ...asked, principal: { subject: 'bob' } })).body.targets[0];
    expect(other.rules[1]).toMatchObject({ holds: 'false', whoFails: ['groups'], conditions: [] });
    const big = (await explain({ ...asked, args: { amount: 2000 } })).body.targets[0];
    expect(big).toMatchObject({ allowed: false, decidedBy: ['never/big'], reason: 'too much' });
    const wrong = (await explain({ ...asked, args: { amount: '5' } })).body.targets[0];
    expect(wrong.arguments).toContain('/amount');
  });

  test('says what is owed, and without arguments what may be', async () => {
    const obligations = { approve: { by: { groups: ['leads'] } }, rate: { calls: 3, per: '1h' }, labels: ['paid'] };
    await serve(policy('p', allow('a', { when: 'args.amount <= 500', obligations })));
    const asked = { surface: 'support', tool: 'payments/refund' };
    const [without] = (await explain(asked)).body.targets;
    expect(without).toMatchObject({ listed: true, allowed: false, rules: [{ holds: 'unknown' }] });
    const [given] = (await explain({ ...asked, args: { amount: 1 } })).body.targets;
    expect(given).toMatchObject({
      allowed: true,
      decidedBy: ['p/a'],
      owed: {
        quotas: [{ id: 'p/a#0', limit: 3, unit: 'calls', windowMs: 3_600_000 }],
        approvals: ['p/a'],
        labels: ['paid'],
      },
    });
  });

  test.each([
    ['a surface that is not there', { surface: 'x', tool: 'refund' }, 404, 'no surface is named "x"'],
    ['a tool that is not there', { surface: 'support', tool: 'x' }, 404, 'shows nobody a tool "x"'],
    ['nothing', { surface: 'support' }, 400, 'give a tool, a prompt or a resource'],
    ['two things', { surface: 'support', tool: 'refund', prompt: 'x' }, 400, 'give a tool, a prompt or a resource'],
  ])('of %s is refused', async (_, asked, status, detail) => {
    await serve();
    expect(await explain(asked)).toMatchObject({ status, body: { detail: expect.stringContaining(detail) } });
  });

  test.each(['viewer', 'operator', 'approver'] as const)('is not for the role %s', async (role) => {
    expect((await explain({ tool: 'x' }, await world.keyOf(role))).status).toBe(403);
  });
});

describe('a replay', () => {
  const replay = async (candidate: object, rest: object = {}) =>
    (await world.ask('POST', '/v1/policies/replay', { body: { policy: candidate, ...rest } })).body;
  const ofAlice = allow('a', { who: { subjects: ['alice'] } });

  test('tells which decisions would be others, with examples, and writes nothing', async () => {
    await serve(policy('p', allow('all')));
    await keep({}, {}, { subject: 'bob' }, { subject: 'carol', allowed: false });
    const { revision } = world.registry.snapshot();
    const answer = await replay(policy('p', ofAlice));
    expect(answer).toMatchObject({ revision, considered: 4, same: 3, cut: false, unknown: { count: 0 } });
    expect(answer.changes).toEqual([
      {
        from: 'allow',
        to: 'deny',
        count: 1,
        examples: [
          { id: 'd3', at: '2026-01-02T00:00:00.000Z', surface: 'support', subject: 'bob', target: 'payments/refund' },
        ],
      },
    ]);
    expect(world.registry.snapshot().revision).toBe(revision);
  });

  test('puts the policy beside the others, or in the place of the one of its name', async () => {
    await serve(policy('p', allow('all')), policy('q', deny('bob', { who: { subjects: ['bob'] } })));
    await keep({}, { subject: 'bob', allowed: false });
    expect(await replay(policy('new', deny('all')))).toMatchObject({ same: 1, changes: [{ to: 'deny', count: 1 }] });
    expect(await replay(policy('q', deny('x', { who: { subjects: ['x'] } })))).toMatchObject({
      changes: [{ from: 'deny', to: 'allow', count: 1 }],
    });
    // One in shadow is tried as if it were not.
    expect(await replay({ ...policy('new', deny('all')), mode: 'shadow' })).toMatchObject({
      changes: [{ to: 'deny' }],
    });
  });

  const small = { when: 'args.amount <= 500' };
  const approve = (rest: object = {}) => ({ obligations: { approve: { by: { groups: ['leads'] }, ...rest } } });
  test.each<[string, object[], Partial<DecisionRecord>, string | string[]]>([
    ['a condition about arguments that were not recorded', [allow('a', small)], {}, ['arguments']],
    ['the same, when another rule allows it anyway', [allow('a', small), allow('b')], {}, 'allow'],
    ['the same, when a rule denies it anyway', [allow('a', small), deny('b')], {}, 'deny'],
    ['the same in a rule that denies', [allow('a'), deny('b', small)], {}, ['arguments']],
    [
      'the same in a rule that speaks of others',
      [allow('a'), deny('b', { ...small, who: { subjects: ['x'] } })],
      {},
      'allow',
    ],
    ['arguments that were recorded and fit', [allow('a', small)], { args: { amount: 500 } }, 'allow'],
    ['arguments that were recorded and do not fit', [allow('a', small)], { args: { amount: 501 } }, 'deny'],
    ['a claim', [allow('a', { when: 'jwt.tenant == "acme"' })], {}, ['claims']],
    [
      'a claim of somebody with an API key, who has none',
      [allow('a', { when: 'has(jwt.tenant)' })],
      { kind: 'api_key' },
      'deny',
    ],
    ['claims that are asked for by who', [allow('a', { who: { claims: { tenant: 'acme' } } })], {}, ['claims']],
    ['the same in a rule that denies', [allow('a'), deny('b', { who: { claims: { tenant: 'x' } } })], {}, ['claims']],
    [
      'claims that do not matter, as the group does not fit',
      [allow('a', { who: { groups: ['x'], claims: { t: 1 } } })],
      {},
      'deny',
    ],
    ['everybody but a claim', [allow('a', { who: { not: { claims: { t: 1 } } } })], {}, ['claims']],
    [
      'everybody but a claim in another group',
      [allow('a', { who: { not: { groups: ['x'], claims: { t: 1 } } } })],
      {},
      'allow',
    ],
    ['both', [allow('a', { when: 'jwt.max >= args.amount' })], {}, ['arguments', 'claims']],
    ['an approval', [allow('a', approve())], {}, 'approve'],
    ['an approval by arguments', [allow('a', approve({ when: 'args.amount > 9' }))], {}, ['arguments']],
    [
      'an approval by arguments that are recorded',
      [allow('a', approve({ when: 'args.amount > 9' }))],
      { args: { amount: 9 } },
      'allow',
    ],
    ['an approval of a rule that may hold', [allow('a'), allow('b', { ...small, ...approve() })], {}, ['arguments']],
    [
      'labels that were there',
      [allow('a'), deny('b', { when: '"private" in session.labels' })],
      { labels: ['private'] },
      'deny',
    ],
    ['the time of the call', [allow('a', { when: 'time.getFullYear() == 2026' })], {}, 'allow'],
    ['a tool that is gone', [allow('a')], { name: 'gone' }, ['target']],
    ['a server that is gone', [allow('a')], { server: 'gone' }, ['target']],
    ['a version that is gone', [allow('a')], { version: '0.1' }, ['target']],
  ])('by %s', async (_, rules, over, wanted) => {
    await serve();
    await keep({ ...over, allowed: false });
    const answer = await replay(policy('p', ...rules));
    if (typeof wanted !== 'string') {
      const because = Object.entries(answer.unknown.because).flatMap(([reason, count]) =>
        count === 1 ? [reason] : [],
      );
      expect([answer.unknown.count, because]).toEqual([1, wanted]);
    } else if (wanted === 'deny') expect(answer).toMatchObject({ same: 1, changes: [], unknown: { count: 0 } });
    else expect(answer).toMatchObject({ same: 0, changes: [{ from: 'deny', to: wanted }], unknown: { count: 0 } });
  });

  test('goes as far back as is wanted, and no further than records are kept', async () => {
    await serve();
    await keep({}, { atMs: START_MS - 10_000 });
    expect((await replay(policy('p', allow('a')), { since: '2026-01-01T23:59:55Z' })).considered).toBe(1);
    expect(await replay(policy('p', allow('a')), { since: '2025-01-01T00:00:00Z' })).toMatchObject({
      code: 'invalid_request',
      detail: 'the body "since": records are kept for 14 days',
    });
  });

  test.each([
    ['a member that nobody knows', { ...policy('p', allow('a')), rulez: [] }, ['rulez']],
    ['a condition that is none', policy('p', allow('a', { when: 'args.amount <=' })), ['rules', 0, 'when', 0]],
  ])('of a policy with %s is refused', async (_, candidate, path) => {
    expect(await replay(candidate)).toMatchObject({ code: 'invalid_documents', problems: [{ path }] });
  });

  test('is not for who may only read', async () => {
    const as = await world.keyOf('viewer');
    const body = { policy: policy('p', allow('a')) };
    expect((await world.ask('POST', '/v1/policies/replay', { as, body })).status).toBe(403);
  });
});
