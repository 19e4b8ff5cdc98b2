import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asked } from '../../controlplane/ledger/testdata/world.ts';
import { type Called, type Instance, NOW_MS, openInstance } from '../testdata/instance.ts';
import * as approvals from './approvals.ts';
import * as key from './key.ts';

let instance: Instance;
const ID = 'approval-1';
beforeEach(async () => {
  instance = await openInstance();
  const approval = asked({ by: { subjects: ['bob'] }, requestedAtMs: NOW_MS, expiresAtMs: NOW_MS + 900_000 });
  await instance.ledger.submit([{ writer: 'w'.repeat(22), sequence: 1, write: { kind: 'approval', approval } }]);
});
afterEach(() => instance.close());

async function as(subject: string, command: typeof approvals.approve, args: readonly string[]): Promise<Called> {
  const { out } = await instance.call(key.create, ['--sub', subject, '--admin-role', 'approver']);
  const env = { CHANCERY_TOKEN: out.trim(), CHANCERY_API_URL: `http://127.0.0.1:${instance.port}` };
  return instance.call(command, args, { env, flags: { home: instance.folder } });
}

describe('approvals', () => {
  test('are listed with what they would do', async () => {
    const { out, status } = await instance.call(approvals.list, ['--state', 'pending']);
    expect(status).toBe(0);
    expect(out).toMatch(/^ID +STATE +AGE +SURFACE +SUB +TARGET +ARGUMENTS$/m);
    expect(out).toMatch(/^approval-1 +pending, 15 min left +0 s +support +alice +payments\/refund +{"amount":300}$/m);
    expect((await instance.call(approvals.list, ['--state', 'used'])).out).not.toContain(ID);
    expect((await instance.call(approvals.list, ['-o', 'wide'])).out).toContain('refunds need a lead');
  });

  test('are shown one by one', async () => {
    expect((await instance.call(approvals.show, [ID])).out).toContain('rule: refunds/small\n');
    const nothing = await instance.call(approvals.show, ['x']);
    expect([nothing.status, nothing.err]).toEqual([1, 'approvals show: no approval has the id "x"\n']);
  });

  test('are approved by who may, with a reason', async () => {
    expect(await as('bob', approvals.approve, [ID, '--why', 'fine'])).toEqual({
      status: 0,
      out: 'approval-1 approved: payments/refund for alice\n',
      err: '',
    });
    expect(await instance.ledger.approval(ID)).toMatchObject({ state: 'approved', decidedWhy: 'fine' });
    expect(await as('bob', approvals.deny, [ID])).toMatchObject({ status: 1 });
  });

  test.each([
    ['the caller', 'alice', 'nobody decides about a call of his own'],
    ['another', 'carol', 'the rule refunds/small names others to decide'],
  ])('are not denied by %s', async (_, subject, sentence) => {
    const { status, err } = await as(subject, approvals.deny, [ID]);
    expect(status).toBe(1);
    expect(err).toContain(sentence);
  });

  test('are not approved by the operator token', async () => {
    const { status, err } = await instance.call(approvals.approve, [ID]);
    expect(status).toBe(1);
    expect(err).toContain('the operator token is nobody in particular');
  });
});
