import { expect, test } from 'vitest';
import type { Policy } from '../policy/types.ts';
import { checkPolicy } from './check-policy.ts';

const RULE = { id: 'r', effect: 'allow', tools: ['memory/*'] };
const good = (rule: unknown = RULE, over: object = {}): unknown => ({
  name: 'p',
  version: 'tbac/v1',
  mode: 'enforce',
  surfaces: ['*'],
  rules: [rule],
  ...over,
});
const withRule = (over: object): unknown => good({ ...RULE, ...over });
const check = (value: unknown): string | null => checkPolicy(value as Policy);

test.each<[string, unknown]>([
  ['a rule for tools', good()],
  ['a document with its kind and description', good(RULE, { kind: 'Policy', description: 'd' })],
  ['a star for everything', withRule({ tools: ['*'] })],
  ['a resource with slashes', withRule({ resources: ['files/file:///a/*'] })],
  ['a resource as a template', withRule({ resources: ['files/file:///{name}/{+rest}'] })],
  ['labels', withRule({ tools: ['@egress', '@tier=gold', '@classification=secret'] })],
  ['annotations', withRule({ tools: [{ match: '*', annotations: { destructiveHint: true } }] })],
  [
    'who with each member',
    withRule({
      who: {
        subjects: ['a'],
        groups: ['g'],
        scopes: ['s'],
        issuers: ['i'],
        claims: { tenant: 'acme', 'org.tier': ['gold', 1, true] },
        agents: ['cli-*'],
        networks: ['10.0.0.0/8', '::1', '2001:db8::/32'],
        not: { groups: ['h'] },
      },
    }),
  ],
  ['an empty who', withRule({ who: {} })],
  ['conditions', withRule({ when: ['args.amount <= 500', 'args.tenant == jwt.tenant'] })],
  ['one condition', withRule({ when: 'has(args.x)' })],
  ['a task that is defined', good({ id: 'r', effect: 'allow', task: 'a' }, { tasks: { a: { tools: ['memory/*'] } } })],
  ['a task beside tools', withRule({ task: ['a', 'b-*'] })],
  [
    'each obligation',
    withRule({
      obligations: {
        rate: { calls: 20, per: '1h', by: ['principal', 'tool'] },
        budget: [
          { bytes: 100, per: '24h' },
          { tokens: 5, calls: 2, per: '7d', by: ['task'] },
        ],
        approve: { when: 'args.amount > 200', by: { groups: ['leads'] }, within: '15m' },
        redact: ['card', 'items[*].id', '["a.b"].c'],
        labels: ['private-data'],
      },
    }),
  ],
])('%s is taken', (_name, value) => {
  expect(check(value)).toBeNull();
});

const PATTERN = 'wanted "SERVER/NAME" with * for any run of characters, "@LABEL", "@LABEL=VALUE", or "*"';

test.each<[string, unknown, string]>([
  ['nothing', null, 'name: Invalid input: expected string, received undefined'],
  [
    'no name',
    good(RULE, { name: '' }),
    'name: a name is lower-case letters, digits and inner hyphens, e.g. "github-prod"',
  ],
  ['another version', good(RULE, { version: 'tbac/v2' }), 'version: Invalid input: expected "tbac/v1"'],
  ['an unknown member', good(RULE, { modes: 'shadow' }), 'modes: unknown member "modes"; did you mean "mode"?'],
  ['no surfaces', good(RULE, { surfaces: [] }), 'surfaces: Too small: expected array to have >=1 items'],
  ['no rules', good(RULE, { rules: undefined }), 'rules: Invalid input: expected array, received undefined'],
  ['a rule that is a text', good('allow'), 'rules.0: Invalid input: expected object, received string'],
  ['another effect', withRule({ effect: 'audit' }), 'rules.0.effect: Invalid option: expected one of "allow"|"deny"'],
  ['a member of a later version', withRule({ unless: 'args.x < 5' }), 'rules.0.unless: unknown member "unless"'],
  ['a misspelt member', withRule({ whem: 'args.x < 5' }), 'rules.0.whem: unknown member "whem"; did you mean "when"?'],
  [
    'an unknown member of who',
    withRule({ who: { roles: ['x'] } }),
    'rules.0.who.roles: unknown member "roles"; did you mean "rules"?',
  ],
  [
    'an unknown member of not',
    withRule({ who: { not: { team: ['x'] } } }),
    'rules.0.who.not.team: unknown member "team"',
  ],
  ['a not for nobody', withRule({ who: { not: {} } }), 'rules.0.who.not: not must name somebody'],
  ['claims of none', withRule({ who: { claims: {} } }), 'rules.0.who.claims: claims names at least one claim'],
  [
    'an empty list of groups',
    withRule({ who: { groups: [] } }),
    'rules.0.who.groups: Too small: expected array to have >=1 items',
  ],
  [
    'groups that are a text',
    withRule({ who: { groups: 'ops' } }),
    'rules.0.who.groups: Invalid input: expected array, received string',
  ],
  [
    'a network that is none',
    withRule({ who: { networks: ['10.0.0.0/33'] } }),
    'rules.0.who.networks.0: found "10.0.0.0/33", wanted a network as "10.0.0.0/8"',
  ],
  [
    'a network in not',
    withRule({ who: { not: { networks: ['x'] } } }),
    'rules.0.who.not.networks.0: found "x", wanted a network as "10.0.0.0/8"',
  ],
  [
    'a rule without targets',
    good({ id: 'r', effect: 'deny' }),
    'rules.0: a rule names tools, prompts, resources or a task',
  ],
  ['an empty list of tools', withRule({ tools: [] }), 'rules.0.tools: Too small: expected array to have >=1 items'],
  ['a pattern without slash', withRule({ tools: ['memory'] }), `rules.0.tools.0: found "memory", ${PATTERN}`],
  ['a pattern without server', withRule({ tools: ['/x'] }), `rules.0.tools.0: found "/x", ${PATTERN}`],
  ['a pattern without name', withRule({ prompts: ['memory/'] }), `rules.0.prompts.0: found "memory/", ${PATTERN}`],
  ['two stars without slash', withRule({ tools: ['**'] }), `rules.0.tools.0: found "**", ${PATTERN}`],
  ['a label without a name', withRule({ tools: ['@'] }), `rules.0.tools.0: found "@", ${PATTERN}`],
  ['half a template', withRule({ resources: ['a/b{c'] }), `rules.0.resources.0: found "a/b{c", ${PATTERN}`],
  [
    'a condition that does not end',
    withRule({ when: 'args.x <' }),
    'rules.0.when.0: found < but expecting end of input (column 8)',
  ],
  [
    'a condition of another name',
    withRule({ when: ['true', 'arg.x < 1'] }),
    'rules.0.when.1: there is no "arg" (column 1); did you mean "args"?',
  ],
  [
    'a window that is none',
    withRule({ obligations: { rate: { calls: 1, per: '1x' } } }),
    'rules.0.obligations.rate.0.per: found "1x", wanted a length of time as 30s, 15m, 12h or 7d',
  ],
  [
    'a quota of nothing',
    withRule({ obligations: { rate: { per: '1h' } } }),
    'rules.0.obligations.rate: give calls, bytes or tokens',
  ],
  [
    'an approval by nobody',
    withRule({ obligations: { approve: { by: {} } } }),
    'rules.0.obligations.approve.by: by names somebody',
  ],
  [
    'a path that is none',
    withRule({ obligations: { redact: ['a..b'] } }),
    'rules.0.obligations.redact.0: found "a..b", wanted a path as card_number, customer.ssn or items[*].id',
  ],
  [
    'an obligation of a denial',
    withRule({ effect: 'deny', obligations: { labels: ['x'] } }),
    'rules.0.obligations: only what is allowed can owe something: leave it out of a rule that denies',
  ],
  [
    'a task that nobody defines',
    good({ id: 'r', effect: 'allow', task: 'a' }),
    'rules.0.task: the rule names no tools, prompts or resources, and the task "a" is not in this policy\'s tasks',
  ],
  ['a pattern of a task', good(RULE, { tasks: { a: { tools: ['x'] } } }), `tasks.a.tools.0: found "x", ${PATTERN}`],
  [
    'a reason that is a number',
    withRule({ reason: 5 }),
    'rules.0.reason: Invalid input: expected string, received number',
  ],
  ['a rule id twice', good(RULE, { rules: [RULE, RULE] }), 'rules.1.id: the rule id "r" is used twice'],
])('%s is refused', (_name, value, message) => {
  expect(check(value)).toBe(message);
});
