import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { storeDecisions } from '../../controlplane/ledger/decisions.ts';
import { record } from '../../controlplane/ledger/testdata/records.ts';
import { NO_METRICS } from '../../test/support/api-ledger.ts';
import { discoveredTools } from '../../test/support/api-world.ts';
import { type Instance, NOW_MS, openInstance, SERVER, SURFACE } from '../testdata/instance.ts';
import * as apply from './apply.ts';
import * as decisions from './decisions.ts';
import * as explain from './explain.ts';
import * as replay from './replay.ts';

let instance: Instance;
const POLICY = [
  'kind: Policy',
  'name: p',
  'version: tbac/v1',
  'rules:',
  '  - { id: small, effect: allow, tools: [a/refund], who: { groups: [g] }, when: args.amount <= 5 }',
];
beforeEach(async () => {
  instance = await openInstance();
  const file = instance.write('all.yaml', ...SERVER, '---', ...SURFACE, '---', ...POLICY);
  expect(await instance.call(apply.run, ['-f', file])).toMatchObject({ status: 0 });
  await instance.registry.saveDiscovery('a', '1', { ok: true, discovered: discoveredTools('refund') });
});
afterEach(() => instance.close());

describe('explain', () => {
  const ask = (...args: string[]) => instance.call(explain.run, ['--surface', 's', '--sub', 'alice', ...args]);

  test('says why not, with every condition and its value', async () => {
    const { status, out } = await ask('--group', 'g', 'refund', '--args', '{"amount": 7}');
    expect(status).toBe(0);
    expect(out.split('\n')).toEqual([
      'a/refund 1 on s: alice may not use it: no rule allows it',
      '  listed',
      '- allow p/small',
      '    - when args.amount <= 5',
      '        args.amount = 7',
      '        args.amount <= 5 = false',
      '',
    ]);
  });

  test('says why, and what does not fit', async () => {
    expect((await ask('--group', 'g', 'refund', '--args', '{"amount": 5}')).out).toContain(
      'alice may use it: allowed by p/small (p/small)\n',
    );
    expect((await ask('refund')).out).toContain('- allow p/small: who.groups does not fit\n');
    expect((await ask('--group', 'g', 'refund')).out).toContain('may not use it with every argument');
  });

  test('is for programs as well', async () => {
    expect(JSON.parse((await ask('refund', '-o', 'json')).out)).toMatchObject({
      surface: 's',
      targets: [{ name: 'refund' }],
    });
  });

  test.each([
    ['arguments that are no object', ['refund', '--args', '[1]'], '--args wants a JSON object, found "[1]"'],
    ['a claim without a name', ['refund', '--claim', 'x'], '--claim wants KEY=JSON, found "x"'],
    ['a kind that is none', ['refund', '--kind', 'x'], '--kind wants tool, prompt or resource, found "x"'],
    ['a tool that is none', ['x'], 'the surface "s" shows nobody a tool "x"'],
  ])('refuses %s', async (_, args, sentence) => {
    const { status, err } = await ask(...args);
    expect(status).toBe(1);
    expect(err).toContain(sentence);
  });
});

describe('what was recorded', () => {
  const at = { atMs: NOW_MS - 60_000, surface: 's', server: 'a', version: '1' };
  beforeEach(() =>
    storeDecisions(
      instance.registry.beside,
      [
        record({ ...at, args: { amount: 3 }, groups: ['g'] }),
        record({ ...at, id: 'd2', groups: ['g'] }),
        record({ ...at, id: 'd3', subject: 'bob', groups: [], code: 'quota_exceeded' }),
      ],
      NO_METRICS,
    ),
  );

  test('is shown', async () => {
    const { out } = await instance.call(decisions.run, ['--sub', 'bob', '--since', '1h']);
    expect(out).toMatch(/^AGE +OUTCOME +SURFACE +SUB +TARGET +RULES +SHADOW$/m);
    expect(out).toMatch(/^60 s +refused: quota_exceeded +s +bob +a\/refund +refunds\/small +-$/m);
    expect(out.trim().split('\n')).toHaveLength(2);
    expect((await instance.call(decisions.run, ['--since', 'soon'])).err).toContain('--since wants a time such as 12h');
  });

  test('is decided again', async () => {
    const file = instance.write('next.yaml', ...POLICY);
    const { status, out } = await instance.call(replay.run, [file, '--since', '2h']);
    expect(status).toBe(0);
    expect(out.split('\n')).toEqual([
      '3 decisions: 1 would be the same',
      '  1 would change from allow to deny, e.g.',
      '    60 s ago: bob, a/refund on s (d3)',
      '  1 cannot be known (not recorded, or gone: 1 arguments), e.g.',
      '    60 s ago: alice, a/refund on s (d2)',
      '',
    ]);
  });

  test.each([
    ['a condition that is none', POLICY.map((line) => line.replace('<= 5', '<=')), 'next.yaml:5: rules[0].when'],
    ['another kind', SURFACE, 'wanted a document of the kind Policy'],
    ['two documents', [...POLICY, '---', ...POLICY], 'found 2 documents, wanted one policy'],
  ])('is not decided by %s', async (_, lines, sentence) => {
    const { status, err } = await instance.call(replay.run, [instance.write('next.yaml', ...lines)]);
    expect(status).toBe(1);
    expect(err).toContain(sentence);
  });
});
