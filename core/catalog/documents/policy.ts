// Decides what a policy document may say.
import { z } from 'zod';
import { LIMITS } from '../../limits.ts';
import { ANNOTATIONS, COUNTED, COUNTED_BY, type Policy } from '../../policy/types.ts';
import { globSchema, labelsSchema, lineSchema, nameSchema } from './fields.ts';

/** One or several; the catalog has a list. */
const oneOrMore = <Item extends z.ZodType>(item: Item, max: number) => z.union([item, z.array(item).min(1).max(max)]);

const claimValueSchema = z.union([z.string().max(512), z.number(), z.boolean()]);
const whoFields = {
  subjects: z.array(globSchema).min(1).max(1000).optional(),
  groups: z.array(z.string().min(1).max(256)).min(1).max(1000).optional(),
  scopes: z.array(z.string().min(1).max(256)).min(1).max(1000).optional(),
  issuers: z.array(z.string().min(1).max(512)).min(1).max(1000).optional(),
  claims: z
    .record(z.string().min(1).max(256), oneOrMore(claimValueSchema, 1000))
    .refine((claims) => Object.keys(claims).length > 0, 'claims names at least one claim')
    .optional(),
  agents: z.array(globSchema).min(1).max(1000).optional(),
  networks: z.array(z.string().min(1).max(64)).min(1).max(1000).optional(),
};
const whoSchema = z.strictObject({
  ...whoFields,
  // "Everybody but everybody" would switch a deny rule off without a word.
  not: z
    .strictObject(whoFields)
    .refine((not) => Object.keys(not).length > 0, 'not must name somebody')
    .optional(),
});

const annotationsSchema = z.strictObject(Object.fromEntries(ANNOTATIONS.map((name) => [name, z.boolean().optional()])));

const targetSchema = z.union([
  globSchema,
  z.strictObject({
    match: globSchema,
    annotations: annotationsSchema.refine(
      (annotations) => Object.keys(annotations).length > 0,
      'annotations names at least one',
    ),
  }),
]);
const targetsSchema = z.array(targetSchema).min(1).max(1000).optional();

const conditionSchema = z.string().min(1).max(LIMITS.conditionCharsMax);

const quotaSchema = z
  .strictObject({
    ...Object.fromEntries(COUNTED.map((unit) => [unit, z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional()])),
    /** e.g. `1h`. */
    per: z.string().max(16),
    by: z.array(z.enum(COUNTED_BY)).min(1).default(['principal']),
  })
  .refine((quota) => COUNTED.some((unit) => (quota as Record<string, unknown>)[unit] !== undefined), {
    message: 'give calls, bytes or tokens',
  });

const obligationsSchema = z
  .strictObject({
    /** Calls in a short window. */
    rate: oneOrMore(quotaSchema, 16).optional(),
    /** Calls, bytes or tokens in a long one. */
    budget: oneOrMore(quotaSchema, 16).optional(),
    approve: z
      .strictObject({
        when: conditionSchema.optional(),
        by: z
          .strictObject({
            subjects: z.array(globSchema).min(1).max(1000).optional(),
            groups: z.array(z.string().min(1).max(256)).min(1).max(1000).optional(),
          })
          .refine(({ subjects, groups }) => subjects !== undefined || groups !== undefined, 'by names somebody'),
        within: z.string().max(16).optional(),
      })
      .optional(),
    redact: z.array(z.string().min(1).max(256)).min(1).max(64).optional(),
    labels: z.array(nameSchema).min(1).max(LIMITS.callLabelsMax).optional(),
  })
  .refine((owed) => Object.keys(owed).length > 0, 'obligations owe something');

const ruleSchema = z
  .strictObject({
    id: nameSchema,
    effect: z.enum(['allow', 'deny']),
    who: whoSchema.optional(),
    /** Globs over the tasks of the caller's token; one must fit. */
    task: oneOrMore(globSchema, 100).optional(),
    tools: targetsSchema,
    prompts: targetsSchema,
    resources: targetsSchema,
    /** CEL; all must be true. */
    when: oneOrMore(conditionSchema, 64).optional(),
    obligations: obligationsSchema.optional(),
    reason: lineSchema(512).optional(),
  })
  .superRefine((rule, context) => {
    const problem = (message: string, ...path: string[]): void => context.addIssue({ code: 'custom', path, message });
    if ([rule.tools, rule.prompts, rule.resources, rule.task].every((member) => member === undefined))
      problem('a rule names tools, prompts, resources or a task');
    if (rule.effect === 'deny' && rule.obligations !== undefined)
      problem('only what is allowed can owe something: leave it out of a rule that denies', 'obligations');
  });

const taskSchema = z.strictObject({
  description: lineSchema(1024).optional(),
  surfaces: z.array(globSchema).min(1).max(1000).optional(),
  tools: targetsSchema,
  prompts: targetsSchema,
  resources: targetsSchema,
});

const jsonObjectSchema = z.record(z.string(), z.json());
const testTexts = z.array(z.string().min(1).max(512)).max(1000);
const testSchema = z
  .strictObject({
    name: lineSchema(256).optional(),
    as: z
      .strictObject({
        subject: z.string().max(512).optional(),
        issuer: z.string().max(512).optional(),
        groups: testTexts.optional(),
        scopes: testTexts.optional(),
        tasks: testTexts.optional(),
        agent: z.string().max(512).optional(),
        address: z.string().max(64).optional(),
        claims: jsonObjectSchema.optional(),
      })
      .optional(),
    surface: z.string().max(128).optional(),
    /** The time of the call; absent: noon of 2026-01-01 UTC. */
    at: z.iso.datetime({ offset: true }).optional(),
    session: testTexts.optional(),
    call: z
      .strictObject({
        tool: z.string().max(512).optional(),
        prompt: z.string().max(512).optional(),
        resource: z.string().max(2048).optional(),
        args: jsonObjectSchema.optional(),
      })
      .refine(
        ({ tool, prompt, resource }) => [tool, prompt, resource].filter((name) => name !== undefined).length === 1,
        'a call is of a tool, a prompt or a resource, as "SERVER/NAME"',
      )
      .optional(),
    list: z.enum(['tools', 'prompts', 'resources']).optional(),
    facts: z
      .record(
        z.string().max(512),
        z.strictObject({
          labels: labelsSchema.optional(),
          classification: z.string().max(64).optional(),
          annotations: annotationsSchema.optional(),
          /** What an operator says of it, in the server's document. */
          overrides: annotationsSchema.optional(),
          inputSchema: jsonObjectSchema.optional(),
        }),
      )
      .optional(),
    /** `allow`, `deny` or `approve`, alone or with a rule's id; `deny schema`. */
    expect: z
      .string()
      .regex(
        /^(allow|deny|approve)( [a-z0-9-]+)?$/,
        'expect is "allow", "deny", "approve", "allow RULE", … or "deny schema"',
      )
      .optional(),
    shown: testTexts.optional(),
    hidden: testTexts.optional(),
  })
  .superRefine((test, context) => {
    const problem = (message: string): void => context.addIssue({ code: 'custom', message });
    if ((test.call === undefined) === (test.list === undefined)) problem('a test has either a call or a list');
    if (test.call !== undefined && test.expect === undefined) problem('a test of a call says what to expect');
    if (test.list !== undefined && test.shown === undefined && test.hidden === undefined)
      problem('a test of a list says what is shown or hidden');
  });

export const policySchema = z
  .strictObject({
    kind: z.literal('Policy'),
    name: nameSchema,
    version: z.literal('tbac/v1'),
    description: lineSchema(1024).optional(),
    labels: labelsSchema.default({}),
    /** `shadow`: decided and counted, never enforced. */
    mode: z.enum(['enforce', 'shadow']).default('enforce'),
    surfaces: z.array(globSchema).min(1).default(['*']),
    tasks: z.record(nameSchema, taskSchema).optional(),
    rules: z.array(ruleSchema).min(1).max(LIMITS.policyRulesMax),
    /** Run at every publication: a policy that fails its own is refused. */
    tests: z.array(testSchema).max(LIMITS.policyTestsMax).optional(),
  })
  .superRefine((policy, context) => {
    const seen = new Set<string>();
    for (const [index, rule] of policy.rules.entries()) {
      if (seen.has(rule.id)) {
        context.addIssue({
          code: 'custom',
          path: ['rules', index, 'id'],
          message: `the rule id "${rule.id}" is used twice`,
        });
      }
      seen.add(rule.id);
    }
  });

export type PolicyDocument = z.output<typeof policySchema>;

/** What is enforced of a document: what is for people and for tests stays in the registry; one is a list of one. */
export function policyOf({ name, version, mode, surfaces, tasks, rules }: PolicyDocument): Policy {
  return {
    name,
    version,
    mode,
    surfaces,
    ...(tasks === undefined ? {} : { tasks: tasksOf(tasks) }),
    rules: rules.map(ruleOf),
  };
}

function tasksOf(tasks: NonNullable<PolicyDocument['tasks']>): NonNullable<Policy['tasks']> {
  const entries = Object.entries(tasks).map(([name, { description: _, ...task }]) => [name, task] as const);
  return Object.fromEntries(entries) as NonNullable<Policy['tasks']>;
}

function ruleOf({ task, when, obligations, ...rule }: z.output<typeof ruleSchema>): Policy['rules'][number] {
  // Members that are absent in the document are absent here: the schema never makes an undefined one.
  return {
    ...rule,
    ...(task === undefined ? {} : { task: listOf(task) }),
    ...(when === undefined ? {} : { when: listOf(when) }),
    ...(obligations === undefined
      ? {}
      : {
          obligations: {
            ...obligations,
            ...(obligations.rate === undefined ? {} : { rate: listOf(obligations.rate) }),
            ...(obligations.budget === undefined ? {} : { budget: listOf(obligations.budget) }),
          },
        }),
  } as Policy['rules'][number];
}

function listOf<Item>(value: Item | readonly Item[]): readonly Item[] {
  return Array.isArray(value) ? (value as readonly Item[]) : [value as Item];
}
