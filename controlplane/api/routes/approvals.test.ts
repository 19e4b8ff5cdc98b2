import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewApproval } from '../../../core/policy/ledger.ts';
import { type ApiWorld, openApiWorld, START_MS } from '../../../test/support/api-world.ts';
import { asked } from '../../ledger/testdata/world.ts';
import type { Actor } from '../actor.ts';
import { approverProblem } from '../approver.ts';

let world: ApiWorld;
const WRITER = 'w'.repeat(22);
let sequence = 0;

async function request(over: Partial<NewApproval> = {}): Promise<void> {
  const times = { requestedAtMs: START_MS, expiresAtMs: START_MS + 900_000 };
  const approval = asked({ by: { subjects: ['bob', 'lead-*'] }, ...times, ...over });
  await world.ledger.submit([{ writer: WRITER, sequence: ++sequence, write: { kind: 'approval', approval } }]);
}
async function use(id: string): Promise<void> {
  await world.ledger.submit([{ writer: WRITER, sequence: ++sequence, write: { kind: 'use', id } }]);
}
const ID = 'forget-customers';
const post = async (verb: 'approve' | 'deny', subject: string, body: object = {}) =>
  world.ask('POST', `/v1/approvals/${ID}/${verb}`, { as: await world.keyOf('approver', subject), body });

beforeEach(async () => {
  world = await openApiWorld();
  await request();
});
afterEach(() => world.close());

describe('a call that waits', () => {
  test('is shown to who may decide, with its arguments', async () => {
    const { body, status } = await world.ask('GET', `/v1/approvals/${ID}`, { as: await world.keyOf('approver') });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: ID,
      state: 'pending',
      surface: 'support',
      issuer: 'https://idp.example',
      subject: 'alice',
      target: 'payments/refund',
      rule: 'refunds/small',
      reason: 'refunds need a lead',
      by: { subjects: ['bob', 'lead-*'] },
      shown: '{"amount":300}',
      requestedAt: '2026-01-02T00:00:00.000Z',
      expiresAt: '2026-01-02T00:15:00.000Z',
    });
  });

  test.each([
    ['viewer', 403],
    ['operator', 403],
    ['approver', 200],
    ['security', 200],
    ['admin', 200],
  ] as const)('is listed to %s: %i', async (role, status) => {
    expect((await world.ask('GET', '/v1/approvals', { as: await world.keyOf(role) })).status).toBe(status);
  });

  test('is found by its state and its surface, a page at a time', async () => {
    for (const index of [1, 2, 3]) {
      world.clock.nowMs += 1;
      await request({ hash: String(index).padStart(64, '0'), surface: index === 3 ? 'other' : 'support' });
    }
    const ids = async (query: string): Promise<string[]> =>
      (await world.ask('GET', `/v1/approvals?${query}`)).body.items.map(({ id }: { id: string }) => id);
    expect(await ids('state=pending')).toEqual(['approval-4', 'approval-3', 'approval-2', ID]);
    expect(await ids('surface=other')).toEqual(['approval-4']);
    expect(await ids('state=denied')).toEqual([]);
    const first = (await world.ask('GET', '/v1/approvals?limit=3')).body;
    expect(await ids(`limit=3&cursor=${first.next}`)).toEqual([ID]);
    expect((await world.ask('GET', '/v1/approvals?cursor=x')).body.code).toBe('invalid_cursor');
    expect((await world.ask('GET', '/v1/approvals?state=lost')).body.code).toBe('invalid_request');
  });
});

describe('a decision', () => {
  test('lets the call be made, says by whom, and is the same when it is said again', async () => {
    world.clock.nowMs += 60_000;
    const who = await world.keyOf('approver', 'bob');
    const approve = () => world.ask('POST', `/v1/approvals/${ID}/approve`, { as: who, body: { reason: 'fine' } });
    const decided = await approve();
    expect(decided).toMatchObject({ status: 200, body: { state: 'approved', decidedWhy: 'fine' } });
    expect(decided.body).toMatchObject({
      decidedBy: expect.stringMatching(/^key:chk_/),
      decidedAt: '2026-01-02T00:01:00.000Z',
      expiresAt: '2026-01-02T00:16:00.000Z',
    });
    world.clock.nowMs += 1_000;
    expect((await approve()).body).toEqual(decided.body);
    await use(ID);
    expect(await approve()).toMatchObject({ status: 200, body: { state: 'used' } });
    expect(await post('deny', 'bob')).toMatchObject({
      status: 409,
      body: { code: 'approval_over', detail: `it is used by ${decided.body.decidedBy}` },
    });
  });

  test('may be a denial, after which nobody approves', async () => {
    expect(await post('deny', 'lead-1', { reason: 'no' })).toMatchObject({ status: 200, body: { state: 'denied' } });
    expect(await post('approve', 'bob')).toMatchObject({ status: 409, body: { code: 'approval_over' } });
  });

  test('of one of two that come at once counts, and the other is told so', async () => {
    const [approve, deny] = await Promise.all([post('approve', 'bob'), post('deny', 'lead-1')]);
    expect([approve?.status, deny?.status].sort()).toEqual([200, 409]);
  });

  test('is too late when the time is over', async () => {
    const key = await world.keyOf('approver', 'bob');
    world.clock.nowMs += 900_000;
    expect(await world.ask('POST', `/v1/approvals/${ID}/approve`, { as: key, body: {} })).toMatchObject({
      status: 409,
      body: { code: 'approval_over', detail: 'it is expired' },
    });
  });

  test('about nothing is not found', async () => {
    const key = await world.keyOf('approver', 'bob');
    expect(await world.ask('POST', '/v1/approvals/x/approve', { as: key, body: {} })).toMatchObject({
      status: 404,
      body: { detail: 'no approval has the id "x"' },
    });
  });

  test('needs the role', async () => {
    const key = await world.keyOf('security', 'bob');
    expect(await world.ask('POST', `/v1/approvals/${ID}/approve`, { as: key, body: {} })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: 'wanted the role approver, found security' },
    });
  });

  test.each([
    ['the caller', 'alice', 'nobody decides about a call of his own'],
    ['somebody whom the rule does not name', 'carol', 'the rule refunds/small names others to decide'],
  ])('is not for %s', async (_, subject, detail) => {
    await expect(post('approve', subject)).resolves.toMatchObject({
      status: 403,
      body: { code: 'not_the_approver', detail },
    });
    expect((await world.ledger.approval(ID))?.state).toBe('pending');
  });

  test('is not for the operator token, which is nobody in particular', async () => {
    expect(await world.ask('POST', `/v1/approvals/${ID}/approve`, { body: {} })).toMatchObject({
      status: 403,
      body: { code: 'not_the_approver', detail: expect.stringContaining('the operator token is nobody') },
    });
  });
});

describe('an approver', () => {
  const actor = (issuer: string | null, subject: string, groups: string[] = []): Actor => ({
    who: 'x',
    roles: ['approver'],
    person: { issuer, subject, groups },
  });
  const approval = { ...asked({ by: { groups: ['leads'], subjects: ['*'] } }), id: 'x', state: 'pending' as const };
  const waiting = { ...approval, decidedBy: null };
  const named = { ...waiting, by: { groups: ['leads'] } };
  const IDP = 'https://idp.example';
  test.each([
    ['another of the same issuer may', actor(IDP, 'bob'), waiting, true],
    ['the caller may not', actor(IDP, 'alice'), waiting, false],
    ['the caller may not, however his issuer is spelt', actor(`${IDP}/`, 'alice'), waiting, false],
    ['one of the same name elsewhere may', actor('https://other.example', 'alice'), waiting, true],
    ['an API key in the name of the caller may not', actor(null, 'alice'), waiting, false],
    [
      'the owner of the API key that called may not',
      actor(IDP, 'alice'),
      { ...waiting, issuer: 'chancery:api-key' },
      false,
    ],
    ['a member of the group may', actor(IDP, 'bob', ['x', 'leads']), named, true],
    ['who is in no group may not', actor(IDP, 'bob'), named, false],
    ['a subject named as the group may not', actor(IDP, 'leads'), named, false],
    ['nobody may where nobody is named', actor(IDP, 'bob', ['leads']), { ...waiting, by: {} }, false],
  ])('%s', (_, who, call, may) => {
    expect(approverProblem(who, call) === null).toBe(may);
  });
});
