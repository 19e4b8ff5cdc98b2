// Decides what a policy document may say.
import { z } from 'zod';
import { globSchema, labelsSchema, lineSchema, nameSchema } from './fields.ts';

const whoFields = {
  subjects: z.array(globSchema).min(1).optional(),
  groups: z.array(z.string().min(1).max(256)).min(1).optional(),
  scopes: z.array(z.string().min(1).max(256)).min(1).optional(),
  issuers: z.array(z.string().min(1).max(512)).min(1).optional(),
};
const whoSchema = z.strictObject({ ...whoFields, not: z.strictObject(whoFields).optional() });

const ruleSchema = z
  .strictObject({
    id: nameSchema,
    effect: z.enum(['allow', 'deny']),
    who: whoSchema.optional(),
    tools: z.array(globSchema).min(1).optional(),
    prompts: z.array(globSchema).min(1).optional(),
    resources: z.array(globSchema).min(1).optional(),
    reason: lineSchema(512).optional(),
  })
  .superRefine((rule, context) => {
    if (rule.tools === undefined && rule.prompts === undefined && rule.resources === undefined) {
      context.addIssue({ code: 'custom', message: 'a rule names tools, prompts or resources' });
    }
  });

export const policySchema = z
  .strictObject({
    kind: z.literal('Policy'),
    name: nameSchema,
    version: z.literal('tbac/v1'),
    description: lineSchema(1024).optional(),
    labels: labelsSchema.default({}),
    surfaces: z.array(globSchema).min(1).default(['*']),
    rules: z.array(ruleSchema).min(1).max(5000),
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
