import { afterEach, beforeEach, expect, test } from 'vitest';
import { ALLOW_ALL, catalogOf, listed, readAs, surfaceOf } from '../test/support/catalog-world.ts';
import { type Asked, denialOf, ISSUER, metadataOf, openTestbed, type Testbed } from './testbed.ts';

const RULES = [
  { id: 'free', effect: 'allow', tools: ['pay/free'], resources: ['pay/x://a'] },
  { id: 'small', effect: 'allow', tools: ['pay/refund'], when: ['args.amount <= 500'] },
  { id: 'asked', effect: 'allow', tools: ['pay/asked'], obligations: { approve: { by: { subjects: ['boss'] } } } },
  {
    id: 'rated',
    effect: 'allow',
    tools: ['pay/rated'],
    obligations: { rate: [{ calls: 1, per: '1h', by: ['principal'] }] },
  },
  { id: 'scoped', effect: 'allow', tools: ['pay/scoped'], who: { scopes: ['write'] } },
  { id: 'odd', effect: 'allow', tools: ['pay/odd'] },
  { id: 'even', effect: 'deny', tools: ['pay/odd'], when: ['request.subject == "anonymous"'], reason: 'not you' },
] as const;

const catalogWith = (refusesDisagreement: boolean) =>
  catalogOf({
    servers: [
      readAs('pay', ['free', 'refund', 'asked', 'rated', 'scoped', 'odd'], {
        refusesDisagreement,
        resources: listed({ uri: 'x://a' }),
      }),
    ],
    surfaces: [surfaceOf('pay', ['pay'], { auth: 'none' }, ISSUER)],
    policies: [{ ...ALLOW_ALL, rules: RULES }],
  });

let bed: Testbed;
beforeEach(async () => {
  bed = await openTestbed();
  bed.catalog = () => catalogWith(true);
});
afterEach(() => bed.close());

const asked = (method: string, name?: string, headers: Asked['headers'] = {}): Asked => ({
  path: '/anything',
  authorization: null,
  surface: 'pay',
  bodyless: true,
  translated: false,
  headers: {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(name !== undefined && { 'mcp-name': name }),
    'content-length': '99',
    ...headers,
  },
});

test.each([
  ['a tool', asked('tools/call', 'free')],
  ['a name that is encoded', asked('tools/call', `=?base64?${Buffer.from('free').toString('base64')}?=`)],
  ['a resource', asked('resources/read', 'x://a')],
  ['a list', asked('tools/list')],
  ['a notification', asked('notifications/cancelled')],
  ['the first of a rate', asked('tools/call', 'rated')],
])('%s is allowed', async (_, request) => {
  expect(metadataOf(await bed.ask(request))).toMatchObject({ surface: 'pay' });
});

test.each<[string, Asked, number, string]>([
  ['an unknown tool', asked('tools/call', 'nothing'), 200, 'unknown tool: nothing'],
  ['a tool that is denied', asked('tools/call', 'odd'), 200, 'unknown tool: odd'],
  ['a missing scope', asked('tools/call', 'scoped'), 403, 'the token lacks a scope that this call needs: write'],
  ['a rule that reads arguments', asked('tools/call', 'refund'), 503, 'a rule reads the arguments'],
  ['an approval', asked('tools/call', 'asked'), 200, 'approve, by headers alone'],
  ['no name', asked('tools/call'), 503, 'the headers do not say what is called'],
  ['what only the body names', asked('completion/complete', 'free'), 503, 'the headers do not say what is called'],
  ['an unknown method', asked('x/y', 'free'), 404, 'method not found: x/y'],
  ['a method of the other era', asked('initialize'), 404, 'method not found: initialize'],
  ['a task', asked('tasks/get', 'free'), 200, 'task without the gateway'],
  ['no method', asked('', 'free'), 503, 'the headers do not say what is called'],
  [
    'the other era',
    asked('tools/call', 'free', { 'mcp-protocol-version': '2025-11-25' }),
    503,
    'the headers do not say what is called',
  ],
])('%s is refused', async (_, request, status, says) => {
  const denial = denialOf(await bed.ask(request));
  expect(denial.status).toBe(status);
  expect(denial.body).toContain(says);
});

test('nothing is decided by headers of a server that does not hold them against the body', async () => {
  bed.catalog = () => catalogWith(false);
  const denial = denialOf(await bed.ask(asked('tools/call', 'free')));
  expect([denial.status, denial.body]).toEqual([503, expect.stringContaining('was not seen to compare')]);
});

test('a rate is counted', async () => {
  metadataOf(await bed.ask(asked('tools/call', 'rated')));
  expect(denialOf(await bed.ask(asked('tools/call', 'rated'))).body).toContain('too many calls for now');
});
