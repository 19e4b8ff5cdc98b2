// Decides which random policies and callers the evaluator is tried with: few names, so that rules meet calls often.
import fc from 'fast-check';
import {
  ANNOTATIONS,
  type Annotations,
  type CountedBy,
  type Facts,
  type ObligationsDocument,
  type Policy,
  type Principal,
  type QuotaDocument,
  type Rule,
  type Target,
  type TargetPattern,
  type Task,
  type Who,
} from '../../core/policy/types.ts';
import { ARGUMENTS, type Asked, CONDITIONS } from './policy-conditions.ts';

const GROUPS = ['g1', 'g2', 'g3'];
const SCOPES = ['s1', 's2'];
const TASKS = ['t1', 't2', 'x1'];
const SURFACES = ['default', 'ops'];
const LABELS = ['private', 'red'];

const some = <Item>(...items: readonly Item[]): fc.Arbitrary<Item[]> =>
  fc.subarray([...items], { minLength: 1 }).map((list) => [...list]);
const any = <Item>(...items: readonly Item[]): fc.Arbitrary<Item[]> => fc.subarray([...items]).map((list) => [...list]);
/** An absent member is absent, not undefined. */
function given<Shape>(shape: { [Key in keyof Shape]-?: fc.Arbitrary<Shape[Key]> }, share = 2): fc.Arbitrary<Shape> {
  const members = Object.entries(shape) as [string, fc.Arbitrary<unknown>][];
  return fc.tuple(...members.map(([, value]) => fc.option(value, { nil: undefined, freq: share }))).map((values) => {
    const entries = members.map(([key], index) => [key, values[index]] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Shape;
  });
}
/** Mostly absent: three of four. */
function seldom<Shape>(shape: { [Key in keyof Shape]-?: fc.Arbitrary<Shape[Key]> }): fc.Arbitrary<Shape> {
  const rare = Object.entries(shape).map(([key, value]) => [
    key,
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: value as fc.Arbitrary<unknown> },
    ),
  ]);
  return fc
    .record(Object.fromEntries(rare) as Record<string, fc.Arbitrary<unknown>>)
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Shape);
}

const whoMembers = {
  subjects: some('alice', 'al*', '*b', '*'),
  groups: some(...GROUPS),
  scopes: some(...SCOPES),
  issuers: some('i1', 'i2'),
  claims: fc.constantFrom<NonNullable<Who['claims']>>(
    { tenant: 'acme' },
    { tenant: ['beta', 5] },
    { 'org.tier': 'gold' },
    { roles: 'admin', tenant: 'acme' },
  ),
  agents: some('cli-*', 'web'),
  networks: fc.constant(['10.0.0.0/8']),
};
const plainWho: fc.Arbitrary<Omit<Who, 'not'>> = seldom<Omit<Who, 'not'>>(whoMembers);
const who: fc.Arbitrary<Who> = fc
  .tuple(
    plainWho,
    fc.option(
      plainWho.filter((not) => Object.keys(not).length > 0),
      { freq: 2 },
    ),
  )
  .map(([plain, not]) => (not === null ? plain : { ...plain, not }));

const annotations: fc.Arbitrary<Annotations> = seldom<Annotations>(
  Object.fromEntries(ANNOTATIONS.map((name) => [name, fc.boolean()])) as never,
);
const pattern: fc.Arbitrary<TargetPattern> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom('*', '*', 'a*', '*b', 'm*m'), fc.constantFrom('*', '*', 'get*', '*_x', 'a/b', '**'))
      .map(([server, name]) => `${server}/${name}`),
  },
  { weight: 2, arbitrary: fc.constantFrom('*', '@egress', '@tier=gold', '@classification=secret') },
  {
    weight: 2,
    arbitrary: fc.record({
      match: fc.constantFrom('*', 'a/*'),
      annotations: annotations.filter((said) => Object.keys(said).length > 0),
    }),
  },
);
const patterns = fc.array(pattern, { minLength: 1, maxLength: 3 });
const target3 = { tools: patterns, prompts: patterns, resources: patterns };
const task: fc.Arbitrary<Task> = given<Task>({ surfaces: some('default', 'o*'), ...target3 });

const quota: fc.Arbitrary<QuotaDocument> = fc
  .tuple(
    fc.constantFrom('calls', 'bytes', 'tokens'),
    fc.integer({ min: 1, max: 9 }),
    fc.constantFrom('1h', '7d'),
    some<CountedBy>('principal', 'task', 'tool'),
  )
  .map(([unit, limit, per, by]) => ({ [unit]: limit, per, by }));
const obligations = given<ObligationsDocument>({
  rate: fc.array(quota, { minLength: 1, maxLength: 2 }),
  budget: fc.array(quota, { minLength: 1, maxLength: 2 }),
  approve: given<{ when: string; within: string }>({
    when: fc.constantFrom(...CONDITIONS),
    within: fc.constant('1h'),
  }).map((approve) => ({ ...approve, by: { groups: ['leads'] } })),
  redact: some('card', 'customer.ssn'),
  labels: some(...LABELS),
}).filter((owed) => Object.keys(owed).length > 0);

const narrowRule: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.constantFrom<Rule['effect']>('allow', 'allow', 'deny'),
    seldom<Pick<Rule, 'task' | 'reason'>>({ task: some('t1', 't*', '*', 'x1'), reason: fc.constant('because') }),
    given<Pick<Rule, 'who' | 'when'>>({
      who,
      when: fc.array(fc.constantFrom(...CONDITIONS), { minLength: 1, maxLength: 3 }),
    }),
    fc.oneof(
      { weight: 4, arbitrary: patterns.map((tools) => ({ tools })) },
      { weight: 1, arbitrary: given<Pick<Rule, 'tools' | 'prompts' | 'resources'>>(target3) },
    ),
    fc.option(obligations, { freq: 2 }),
  )
  .filter(([, { task: named }, , targets]) => named !== undefined || Object.keys(targets).length > 0)
  .map(([effect, more, asks, targets, owed]) => ({
    id: 'r',
    effect,
    ...more,
    ...asks,
    ...targets,
    ...(effect === 'allow' && owed !== null ? { obligations: owed } : {}),
  }));

/** Of rules that ask for much few speak of a call: some ask for one thing only. */
const wideRule: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.constantFrom<Rule['effect']>('allow', 'allow', 'allow', 'deny'),
    fc.oneof(
      fc.constant({}),
      some(...SCOPES).map((scopes) => ({ who: { scopes } })),
      some(...GROUPS).map((groups) => ({ who: { groups } })),
      fc.constantFrom(...CONDITIONS).map((when) => ({ when: [when] })),
    ),
  )
  .map(([effect, asks]) => ({ id: 'r', effect, ...asks, tools: ['*'] }));
const rule = fc.oneof({ weight: 3, arbitrary: narrowRule }, { weight: 2, arbitrary: wideRule });

const policy: fc.Arbitrary<Omit<Policy, 'name'>> = fc
  .tuple(
    fc.constantFrom<readonly string[]>(['*'], ['*'], ['default'], ['o*'], ['x', 'default']),
    fc.constantFrom<Policy['mode']>('enforce', 'enforce', 'enforce', 'shadow'),
    seldom<NonNullable<Policy['tasks']>>({ t1: task, t2: task }),
    fc.oneof(
      { weight: 6, arbitrary: fc.array(rule, { minLength: 1, maxLength: 6, size: 'max' }) },
      // More than are walked one after the other.
      { weight: 1, arbitrary: fc.array(rule, { minLength: 12, maxLength: 24, size: 'max' }) },
    ),
  )
  .map(([surfaces, mode, tasks, rules]) => ({
    version: 'tbac/v1' as const,
    mode,
    surfaces,
    ...(Object.keys(tasks).length > 0 ? { tasks } : {}),
    rules: rules.map((one, index) => ({ ...one, id: `r${index}` })),
  }));

export const policiesOf: fc.Arbitrary<readonly Policy[]> = fc
  .array(policy, { minLength: 1, maxLength: 3, size: 'max' })
  .map((list) => list.map((one, index) => ({ ...one, name: `p${index}` })));
export const ruleOf: fc.Arbitrary<Rule> = rule;

const claims = given({
  tenant: fc.constantFrom('acme', 'beta', 5),
  org: fc.constant({ tier: 'gold' }),
  roles: fc.constantFrom(['admin', 'x'], []),
});
const principal: fc.Arbitrary<Principal> = fc.record({
  issuer: fc.constantFrom('i1', 'i2'),
  subject: fc.constantFrom('alice', 'bob', 'al'),
  groups: any(...GROUPS),
  scopes: any(...SCOPES),
  tasks: any(...TASKS),
  agent: fc.constantFrom(null, 'cli-1', 'web'),
  claims: claims as fc.Arbitrary<Principal['claims']>,
  kind: fc.constant('jwt'),
  expiresAtMs: fc.constant(0),
});
const facts: fc.Arbitrary<Facts> = fc.record({
  version: fc.constantFrom('1', '2'),
  title: fc.constant(''),
  labels: given({ egress: fc.constant(''), tier: fc.constantFrom('gold', 'lead') }) as fc.Arbitrary<Facts['labels']>,
  classification: fc.constantFrom('', 'secret'),
  annotations,
  overrides: annotations,
});
const target: fc.Arbitrary<Target> = fc.record({
  kind: fc.constantFrom('tool', 'tool', 'tool', 'prompt', 'resource'),
  server: fc.constantFrom('a', 'ab', 'mem'),
  name: fc.constantFrom('get', 'get_x', 'a/b', 'x'),
  facts,
});

export const askedOf: fc.Arbitrary<Asked> = fc.record({
  surface: fc.constantFrom(...SURFACES),
  principal,
  target,
  args: fc.constantFrom(...ARGUMENTS),
  labels: any(...LABELS),
  address: fc.constantFrom(null, '10.1.2.3', '192.0.2.1'),
  nowMs: fc.constantFrom(Date.UTC(2026, 0, 1, 3), Date.UTC(2026, 0, 1, 15)),
});
