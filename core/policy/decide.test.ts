import { expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { compilePolicies, decide, visible } from './decide.ts';
import { NO_FACTS, type Policy, type Principal, type Rule, type Target } from './types.ts';

const ALICE: Principal = {
  issuer: 'https://a.example',
  subject: 'alice@a.example',
  groups: ['ops', 'dev'],
  scopes: ['tools:call'],
  expiresAtMs: 1,
  claims: {},
  tasks: [],
  agent: null,
  kind: 'jwt',
};
const tool = (server: string, name: string): Target => ({ kind: 'tool', server, name, facts: NO_FACTS });
const policy = (rules: readonly Partial<Rule>[], surfaces: readonly string[] = ['*'], name = 'p'): Policy => ({
  name,
  version: 'tbac/v1',
  mode: 'enforce',
  surfaces,
  rules: rules.map((rule, index) => ({ id: `r${index}`, effect: 'allow', ...rule })),
});
const DELETE = tool('memory', 'delete_entities');

/** How a call came, for rules that do not ask. */
const HOW = {
  labels: () => [],
  request: { method: 'tools/call', era: 'legacy', protocolVersion: '2025-11-25', address: null },
  nowMs: 0,
} as const;

interface Row {
  readonly name: string;
  readonly policies: readonly Policy[];
  readonly target?: Target;
  readonly surface?: string;
  readonly principal?: Partial<Principal>;
  readonly allowed: boolean;
  readonly ruleIds: readonly string[];
  readonly reason: string;
}

const ALLOW_ALL: Partial<Rule> = { tools: ['*'] };
const NO = { allowed: false, ruleIds: [], reason: 'no rule allows it' };
const YES = { allowed: true, ruleIds: ['p/r0'], reason: 'allowed by p/r0' };

const ROWS: readonly Row[] = [
  { name: 'no policy: denied', policies: [], ...NO },
  { name: 'a policy without a fitting rule: denied', policies: [policy([{ tools: ['github/*'] }])], ...NO },
  { name: 'one allow', policies: [policy([ALLOW_ALL])], ...YES },
  { name: 'a reason of its own', policies: [policy([{ ...ALLOW_ALL, reason: 'all may' }])], ...YES, reason: 'all may' },
  {
    name: 'a deny overrides an allow, and gives its reason',
    policies: [
      policy([ALLOW_ALL, { id: 'keep', effect: 'deny', tools: ['memory/delete_*'], reason: 'memory is kept' }]),
    ],
    allowed: false,
    ruleIds: ['p/keep'],
    reason: 'memory is kept',
  },
  {
    name: 'a deny in front of the allow does the same',
    policies: [policy([{ id: 'keep', effect: 'deny', tools: ['memory/delete_*'] }, ALLOW_ALL])],
    allowed: false,
    ruleIds: ['p/keep'],
    reason: 'denied by p/keep',
  },
  {
    name: 'a deny in another policy does the same',
    policies: [policy([ALLOW_ALL]), policy([{ effect: 'deny', tools: ['*/*'] }], ['*'], 'q')],
    allowed: false,
    ruleIds: ['q/r0'],
    reason: 'denied by q/r0',
  },
  {
    name: 'all deciding rules are named, in the order of their ids',
    policies: [policy([ALLOW_ALL], ['*'], 'z'), policy([ALLOW_ALL, { id: 'a0', tools: ['memory/*'] }], ['*'], 'a')],
    allowed: true,
    ruleIds: ['a/a0', 'a/r0', 'z/r0'],
    reason: 'allowed by a/a0',
  },
  {
    name: 'the neighbour of a denied tool',
    policies: [policy([ALLOW_ALL, { effect: 'deny', tools: ['memory/delete_*'] }])],
    target: tool('memory', 'read_graph'),
    ...YES,
  },
  {
    name: 'the same tool of another server',
    policies: [policy([{ tools: ['memory/*'] }])],
    target: tool('memory2', 'delete_entities'),
    ...NO,
  },
  { name: 'a star in the server part', policies: [policy([{ tools: ['mem*/delete_*'] }])], ...YES },
  { name: 'another case is another name', policies: [policy([{ tools: ['memory/Delete_*'] }])], ...NO },
  {
    name: 'a pattern for tools does not speak of prompts',
    policies: [policy([ALLOW_ALL])],
    target: { ...tool('memory', 'x'), kind: 'prompt' },
    ...NO,
  },
  { name: 'a pattern for prompts does not speak of tools', policies: [policy([{ prompts: ['*'] }])], ...NO },
  {
    name: 'a prompt',
    policies: [policy([{ prompts: ['memory/x'] }])],
    target: { ...tool('memory', 'x'), kind: 'prompt' },
    ...YES,
  },
  {
    name: 'a resource whose URI has slashes',
    policies: [policy([{ resources: ['files/file:///pub/*'] }])],
    target: { ...tool('files', 'file:///pub/a/b'), kind: 'resource' },
    ...YES,
  },
  {
    name: 'a resource beside it',
    policies: [policy([{ resources: ['files/file:///pub/*'] }])],
    target: { ...tool('files', 'file:///private/a'), kind: 'resource' },
    ...NO,
  },
  {
    name: 'a server part never reaches over the slash',
    policies: [policy([{ tools: ['*/entities'] }])],
    target: tool('a', 'b/entities'),
    ...NO,
  },
  { name: 'a policy of another surface', policies: [policy([ALLOW_ALL], ['ops'])], ...NO },
  { name: 'a policy of surfaces by pattern', policies: [policy([ALLOW_ALL], ['ops', 'def*'])], ...YES },
  { name: 'a subject', policies: [policy([{ ...ALLOW_ALL, who: { subjects: ['bob', 'alice@*'] } }])], ...YES },
  { name: 'another subject', policies: [policy([{ ...ALLOW_ALL, who: { subjects: ['bob', 'alice'] } }])], ...NO },
  { name: 'a group', policies: [policy([{ ...ALLOW_ALL, who: { groups: ['x', 'dev'] } }])], ...YES },
  { name: 'groups are no patterns', policies: [policy([{ ...ALLOW_ALL, who: { groups: ['*'] } }])], ...NO },
  {
    name: 'a principal without groups',
    policies: [policy([{ ...ALLOW_ALL, who: { groups: ['dev'] } }])],
    principal: { groups: [] },
    ...NO,
  },
  { name: 'a scope', policies: [policy([{ ...ALLOW_ALL, who: { scopes: ['tools:call'] } }])], ...YES },
  { name: 'a scope that only begins alike', policies: [policy([{ ...ALLOW_ALL, who: { scopes: ['tools'] } }])], ...NO },
  { name: 'an issuer', policies: [policy([{ ...ALLOW_ALL, who: { issuers: ['https://a.example'] } }])], ...YES },
  { name: 'another issuer', policies: [policy([{ ...ALLOW_ALL, who: { issuers: ['https://b.example'] } }])], ...NO },
  {
    name: 'members of who are ANDed',
    policies: [policy([{ ...ALLOW_ALL, who: { groups: ['dev'], scopes: ['admin'] } }])],
    ...NO,
  },
  { name: 'an empty who is everybody', policies: [policy([{ ...ALLOW_ALL, who: {} }])], ...YES },
  { name: 'an empty list is nobody', policies: [policy([{ ...ALLOW_ALL, who: { groups: [] } }])], ...NO },
  {
    name: 'not: everybody but these',
    policies: [policy([{ ...ALLOW_ALL, who: { not: { groups: ['dev'] } } }])],
    ...NO,
  },
  { name: 'not: the others', policies: [policy([{ ...ALLOW_ALL, who: { not: { groups: ['admins'] } } }])], ...YES },
  {
    name: 'not with two members spares only who has both',
    policies: [policy([{ ...ALLOW_ALL, who: { not: { groups: ['dev'], scopes: ['x'] } } }])],
    ...YES,
  },
  {
    name: 'a deny for all but admins, to an admin',
    policies: [policy([ALLOW_ALL, { effect: 'deny', tools: ['*'], who: { not: { groups: ['admins'] } } }])],
    principal: { groups: ['admins'] },
    ...YES,
  },
  {
    name: 'an unreadable pattern in an allow rule allows nothing',
    policies: [policy([{ tools: ['*', 'memory'] }])],
    ...NO,
  },
  {
    name: 'an unreadable pattern in a deny rule denies everything',
    policies: [policy([ALLOW_ALL, { effect: 'deny', tools: ['github/x', 'memory'] }])],
    allowed: false,
    ruleIds: ['p/r1'],
    reason: 'denied by p/r1',
  },
  {
    name: 'a name over the limit is allowed to nobody',
    policies: [policy([ALLOW_ALL])],
    target: tool('memory', 'x'.repeat(LIMITS.targetNameCharsMax + 1)),
    ...NO,
  },
];

test.each(ROWS)('$name', ({ policies, target = DELETE, surface = 'default', principal, allowed, ruleIds, reason }) => {
  const question = { ...HOW, surface, principal: { ...ALICE, ...principal }, target, revision: 3, id: 'd1' };
  for (const ordered of [policies, [...policies].reverse()]) {
    for (const compiled of [compilePolicies(ordered), compilePolicies(ordered, surface)]) {
      const wanted = { id: 'd1', allowed, ruleIds, reason, revision: 3 };
      expect(decide(compiled, question)).toMatchObject(wanted);
      expect(decide(compiled, question), 'the second time').toMatchObject(wanted);
      // What only lacks a scope is shown, so that its caller can ask for it.
      expect(visible(compiled, question).shown).toBe(allowed || decide(compiled, question).missingScopes.length > 0);
    }
  }
});

test('what is remembered of one target is not taken for another', () => {
  const compiled = compilePolicies([policy([{ tools: ['a/bc'] }])]);
  const ask = (surface: string, target: Target): boolean =>
    visible(compiled, { ...HOW, surface, principal: ALICE, target }).shown;
  expect(ask('s', tool('a', 'bc'))).toBe(true);
  expect(ask('s', tool('ab', 'c'))).toBe(false);
  expect(ask('sa', tool('', 'bc'))).toBe(false);
  expect(ask('s', { ...tool('a', 'bc'), kind: 'prompt' })).toBe(false);
  expect(ask('s', tool('a', 'bc'))).toBe(true);
});

test('the memory of targets keeps its bound and stays right', () => {
  const compiled = compilePolicies([policy([{ tools: ['a/yes*'] }])]);
  const ask = (name: string): boolean =>
    visible(compiled, { ...HOW, surface: 's', principal: ALICE, target: tool('a', name) }).shown;
  for (let index = 0; index <= LIMITS.decisionTargetsMax; index++) ask(`no${index}`);
  expect([ask('yes1'), ask('no1'), ask('yes1')]).toEqual([true, false, true]);
});

test('while nobody knows which labels there are, a denial that asks for one holds, and an allow does not', () => {
  const asked = { surface: 'one', principal: ALICE, target: DELETE, args: () => ({}), revision: 1, id: 'd' };
  const when = ['"private" in session.labels'];
  const denied = compilePolicies([policy([ALLOW_ALL, { ...ALLOW_ALL, effect: 'deny', when }])]);
  expect(decide(denied, { ...HOW, ...asked }).allowed).toBe(true);
  expect(decide(denied, { ...HOW, ...asked, labels: () => null })).toMatchObject({ allowed: false, ruleIds: ['p/r1'] });
  const absent = compilePolicies([policy([{ ...ALLOW_ALL, when: ['!("private" in session.labels)'] }])]);
  expect(decide(absent, { ...HOW, ...asked }).allowed).toBe(true);
  expect(decide(absent, { ...HOW, ...asked, labels: () => null }).allowed).toBe(false);
});
