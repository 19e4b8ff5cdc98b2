import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Called, callIn } from '../testdata/instance.ts';
import { run } from './policy-test.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-policy-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const POLICY = [
  'kind: Policy',
  'name: refunds',
  'version: tbac/v1',
  'rules:',
  '  - id: small',
  '    effect: allow',
  '    tools: [payments/refund]',
  '    when: args.amount <= 500',
];
const testOf = (amount: number, expected: string): string =>
  `{ call: { tool: payments/refund, args: { amount: ${amount} } }, expect: ${expected} }`;

function write(name: string, ...lines: string[]): string {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  return name;
}
const check = (...files: string[]): Promise<Called> => callIn(folder, {}, run, files);

describe('tests of a policy', () => {
  test('that pass are counted', async () => {
    const file = write(
      'p.yaml',
      ...POLICY,
      'tests:',
      `  - ${testOf(500, 'allow small')}`,
      `  - ${testOf(501, 'deny')}`,
    );
    expect(await check(file)).toEqual({ status: 0, out: 'p.yaml: 2 tests passed\n', err: '' });
  });

  test('that fail are told with their place', async () => {
    const file = write('p.yaml', ...POLICY, 'tests:', `  - ${testOf(500, 'deny')}`, `  - ${testOf(501, 'deny')}`);
    expect(await check(file)).toEqual({
      status: 1,
      out: 'p.yaml: 1 test passed, 1 problem\n',
      err: 'p.yaml:10:5: tests[0]: test 1: found "allow" or "allow small", wanted "deny"\n',
    });
  });

  test('beside it are run too', async () => {
    write('p.tests.yaml', `- ${testOf(1, 'allow')}`, `- ${testOf(9999, 'allow')}`);
    const { status, out, err } = await check(write('p.yaml', ...POLICY, 'tests:', `  - ${testOf(500, 'allow')}`));
    expect([status, out]).toEqual([1, 'p.yaml: 2 tests passed, 1 problem\n']);
    expect(err).toBe('p.tests.yaml:2:3: [1]: test 2: found "deny", wanted "allow"\n');
  });

  test('beside several policies say of which they are', async () => {
    const other = POLICY.map((line) => line.replace('refunds', 'others').replace('500', '5'));
    const file = write('p.yaml', ...POLICY, '---', ...other);
    write('p.tests.yaml', 'policy: others', 'tests:', `  - ${testOf(500, 'deny')}`);
    expect(await check(file)).toEqual({ status: 0, out: 'p.yaml: 1 test passed\n', err: '' });
    write('p.tests.yaml', `- ${testOf(500, 'deny')}`);
    expect((await check(file)).err).toContain('p.tests.yaml:1:1: say which policy these tests are of');
    write('p.tests.yaml', 'policy: nobody', 'tests: []');
    expect((await check(file)).err).toContain('p.tests.yaml:1:1: policy: no policy of the file is named "nobody"');
  });

  test('that are none are told so', async () => {
    write('p.tests.yaml', '- { call: { tool: a/b }, expct: allow }');
    const { status, err } = await check(write('p.yaml', ...POLICY));
    expect(status).toBe(1);
    expect(err).toContain('p.tests.yaml:1:26: [0].expct: unknown member "expct"; did you mean "expect"?\n');
  });
});

describe('a policy', () => {
  test.each([
    [
      'a member that nobody knows',
      '    efect: allow',
      'p.yaml:6:5: rules[0].efect: unknown member "efect"; did you mean "effect"?',
    ],
    ['a condition that is none', '    when: args.amount <=', 'p.yaml:8:5: rules[0].when'],
    ['a value that is none', '    effect: maybe', 'p.yaml:6:5: rules[0].effect: '],
    [
      'a network that is none',
      '    who: { networks: [x] }',
      'p.yaml:8:23: rules[0].who.networks[0]: found "x", wanted a network',
    ],
  ])('with %s is told with line, column and path', async (_, line, wanted) => {
    const key = line.trim().split(':')[0] ?? '';
    const lines =
      key === 'when' || key === 'who'
        ? [...POLICY.slice(0, 7), line]
        : POLICY.map((one, at) => (at === 5 ? line : one));
    const { status, out, err } = await check(write('p.yaml', ...lines));
    expect(status).toBe(1);
    expect(err).toContain(wanted);
    expect(out).toMatch(/^p\.yaml: 0 tests passed, \d+ problems?\n$/);
  });

  test('of YAML that is broken is told with its line', async () => {
    const { status, err } = await check(write('p.yaml', ...POLICY, ' x: ['));
    expect(status).toBe(1);
    expect(err).toMatch(/^p\.yaml:\d+:\d+: /);
  });

  test('without tests is said to have none', async () => {
    expect(await check(write('p.yaml', ...POLICY))).toEqual({ status: 0, out: 'p.yaml: no tests\n', err: '' });
  });

  test.each([
    ['no file', ['nothing.yaml'], 'nothing.yaml: there is no such file'],
    ['no policy', ['s.yaml'], 'there is no policy in these files'],
  ])('in %s is not taken for one that passed', async (_, files, sentence) => {
    write('s.yaml', 'kind: Surface', 'name: s', 'servers: [{ server: a }]');
    const { status, err } = await check(...files);
    expect(status).toBe(1);
    expect(err).toContain(sentence);
  });
});
