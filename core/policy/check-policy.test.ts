import { expect, test } from 'vitest';
import { checkPolicy } from './check-policy.ts';
import type { Policy } from './types.ts';

const RULE = { id: 'r', effect: 'allow', tools: ['memory/*'] };
const good = (rule: object = RULE): unknown => ({ name: 'p', version: 'tbac/v1', surfaces: ['*'], rules: [rule] });
const check = (value: unknown): string | null => checkPolicy(value as Policy);

test.each<[string, unknown]>([
  ['a rule for tools', good()],
  ['a document with its kind and description', { ...(good() as object), kind: 'Policy', description: 'd' }],
  ['a star for everything', good({ ...RULE, tools: ['*'] })],
  ['a resource with slashes', good({ ...RULE, resources: ['files/file:///a/*'] })],
  [
    'who with each member',
    good({ ...RULE, who: { subjects: ['a'], groups: ['g'], scopes: ['s'], issuers: ['i'], not: { groups: ['h'] } } }),
  ],
  ['an empty who', good({ ...RULE, who: {} })],
])('%s is taken', (_name, value) => {
  expect(check(value)).toBeNull();
});

test.each<[string, unknown, string]>([
  ['nothing', null, 'a policy is an object'],
  ['a list', [], 'a policy is an object'],
  ['no name', { ...(good() as object), name: '' }, 'a policy has a name'],
  ['another version', { ...(good() as object), version: 'tbac/v2' }, 'version must be "tbac/v1", found "tbac/v2"'],
  [
    'an unknown member',
    { ...(good() as object), mode: 'shadow' },
    'the policy has "mode", which this version does not know',
  ],
  ['no surfaces', { ...(good() as object), surfaces: [] }, 'surfaces must be a list of at least one string'],
  ['no rules', { ...(good() as object), rules: undefined }, 'rules must be a list'],
  ['a rule that is a text', good('allow' as unknown as object), 'a rule is an object with an id'],
  ['another effect', good({ ...RULE, effect: 'audit' }), 'rule "r": effect must be "allow" or "deny", found "audit"'],
  [
    'a condition from a later version',
    good({ ...RULE, when: 'args.x < 5' }),
    'rule "r" has "when", which this version does not know',
  ],
  [
    'an unknown member of who',
    good({ ...RULE, who: { roles: ['x'] } }),
    'rule "r": who has "roles", which this version does not know',
  ],
  [
    'an unknown member of not',
    good({ ...RULE, who: { not: { roles: ['x'] } } }),
    'rule "r": who.not has "roles", which this version does not know',
  ],
  ['a not for nobody', good({ ...RULE, who: { not: {} } }), 'rule "r": who.not must name somebody'],
  [
    'an empty list of groups',
    good({ ...RULE, who: { groups: [] } }),
    'rule "r": who.groups must be a list of at least one string',
  ],
  [
    'groups that are a text',
    good({ ...RULE, who: { groups: 'ops' } }),
    'rule "r": who.groups must be a list of at least one string',
  ],
  ['a rule without targets', good({ id: 'r', effect: 'deny' }), 'rule "r": a rule names tools, prompts or resources'],
  ['an empty list of tools', good({ ...RULE, tools: [] }), 'rule "r": tools must be a list of at least one string'],
  [
    'a pattern without slash',
    good({ ...RULE, tools: ['memory'] }),
    'rule "r": tools has "memory", wanted "SERVER/NAME" with * for any run of characters, or "*"',
  ],
  [
    'a pattern without server',
    good({ ...RULE, tools: ['/x'] }),
    'rule "r": tools has "/x", wanted "SERVER/NAME" with * for any run of characters, or "*"',
  ],
  [
    'a pattern without name',
    good({ ...RULE, prompts: ['memory/'] }),
    'rule "r": prompts has "memory/", wanted "SERVER/NAME" with * for any run of characters, or "*"',
  ],
  [
    'two stars without slash',
    good({ ...RULE, tools: ['**'] }),
    'rule "r": tools has "**", wanted "SERVER/NAME" with * for any run of characters, or "*"',
  ],
  ['a reason that is a number', good({ ...RULE, reason: 5 }), 'rule "r": reason must be a string'],
  ['a rule id twice', { ...(good() as object), rules: [RULE, RULE] }, 'the rule id "r" is used twice'],
])('%s is refused', (_name, value, message) => {
  expect(check(value)).toBe(message);
});
