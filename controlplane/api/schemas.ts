// Decides how what the API answers looks like, for the OpenAPI document and for the test that holds answers to it.
import { z } from 'zod';
import { DOCUMENT_KINDS, type DocumentKind } from '../../core/catalog/document.ts';
import { LIFECYCLE_STATES } from '../../core/catalog/lifecycle.ts';
import { decisionRecordSchema, OUTCOMES } from '../../core/ledger-client/decision-record.ts';
import { CHANGE_KINDS, CHANGE_STATES } from '../pinning/types.ts';
import { ROLES } from '../registry/types.ts';
import { API_ERRORS } from './error.ts';

const isoSchema = z.iso.datetime();
const countSchema = z.int().min(0);
const kindSchema = z.enum(Object.keys(DOCUMENT_KINDS) as DocumentKind[]);

export const problemSchema = z.strictObject({
  title: z.string(),
  status: z.int(),
  code: z.enum(Object.keys(API_ERRORS) as (keyof typeof API_ERRORS)[]),
  detail: z.string().optional(),
  problems: z
    .array(
      z.strictObject({
        document: countSchema.describe('Place of the document in the request; deletions are counted on.'),
        path: z.array(z.union([z.string(), z.number()])),
        message: z.string(),
      }),
    )
    .optional(),
  server: z.looseObject({}).optional().describe('Of an import: the document that would have been made.'),
  secrets: z.array(z.string()).optional().describe('Of an import: the secrets that it names.'),
  notes: z.array(z.string()).optional(),
});

const healthSchema = z.strictObject({ address: z.string(), healthy: z.boolean() });

export const versionStatusSchema = z.strictObject({
  version: z.string(),
  state: z.enum(LIFECYCLE_STATES),
  since: isoSchema.optional(),
  discovered: z.boolean(),
  protocolVersions: z.array(z.string()),
  tools: countSchema,
  prompts: countSchema,
  resources: countSchema,
  refusesDisagreement: z.boolean().optional(),
  hash: z.string().optional(),
  readAt: isoSchema.optional(),
  error: z.string().optional(),
  errorAt: isoSchema.optional(),
  toolChanges: countSchema.optional().describe('Changes of its tools that wait; absent: none.'),
  hidden: z
    .array(z.strictObject({ tool: z.string(), problem: z.string() }))
    .optional()
    .describe('Tools that are shown to nobody, and why.'),
  health: z.array(healthSchema).optional(),
});

const statusFields = { revision: countSchema, updatedAt: isoSchema };
const statusSchema = z.strictObject(statusFields);

const {
  value: _value,
  certificate: _certificate,
  privateKey: _privateKey,
  ...secretFields
} = DOCUMENT_KINDS.Secret.schema.shape;

/** Each kind as it is shown. */
export const shownSchemas: Readonly<Record<DocumentKind, z.ZodType>> = {
  Secret: z.strictObject({ ...secretFields, status: statusSchema }),
  Server: DOCUMENT_KINDS.Server.schema.safeExtend({
    status: z.strictObject({ ...statusFields, versions: z.array(versionStatusSchema) }),
  }),
  Issuer: DOCUMENT_KINDS.Issuer.schema.safeExtend({
    status: z.strictObject({
      ...statusFields,
      keys: z.array(z.string()).optional().describe('The `kid` of each key that is good now.'),
      readAt: isoSchema.optional(),
      error: z.string().optional().describe('Why the latest reading failed; what was read before is still good.'),
    }),
  }),
  Surface: DOCUMENT_KINDS.Surface.schema.safeExtend({
    status: z.strictObject({ ...statusFields, warnings: z.array(z.string()) }),
  }),
  Policy: DOCUMENT_KINDS.Policy.schema.safeExtend({ status: statusSchema }),
  Revocation: DOCUMENT_KINDS.Revocation.schema.safeExtend({ status: statusSchema }),
  NodeGroup: DOCUMENT_KINDS.NodeGroup.schema.safeExtend({ status: statusSchema }),
  Runtime: DOCUMENT_KINDS.Runtime.schema.safeExtend({ status: statusSchema }),
};

export function listSchema(item: z.ZodType): z.ZodType {
  return z.strictObject({ revision: countSchema, items: z.array(item), next: z.string().optional() });
}

const changeFields = {
  kind: kindSchema,
  name: z.string(),
  change: z.enum(['created', 'updated', 'unchanged', 'deleted']),
  warnings: z
    .array(z.string())
    .optional()
    .describe('Of a Surface or a Policy that is new or another: what its author should know, a sentence each.'),
};
export const changesSchema = z.strictObject({
  revision: countSchema,
  changes: z.array(z.strictObject(changeFields)),
});

const dryRunFields = {
  dryRun: z.literal(true),
  revision: countSchema.describe('The revision that it would be.'),
  changes: z.array(
    z.strictObject({
      ...changeFields,
      diff: z.string().optional().describe('Unified diff of the YAML; absent when nothing that is shown differs.'),
    }),
  ),
  envoy: z
    .array(
      z.strictObject({
        group: z.string(),
        type: z.string(),
        name: z.string(),
        change: z.enum(['added', 'changed', 'removed']),
      }),
    )
    .describe('What Envoys would receive.'),
};
export const dryRunSchema = z.strictObject(dryRunFields);

/** What a write answers: what is there now, or with `?dryRun=true` what would be. */
export function orDryRun(schema: z.ZodType): z.ZodType {
  return z.union([schema, dryRunSchema]);
}

const LOG_CHANGES = [
  ...(['created', 'updated', 'deleted', 'transition', 'rollback', 'revoked'] as const),
  ...(['approved', 'rejected', 'canary'] as const),
] as const;
const logFields = {
  sequence: z.int(),
  revision: countSchema,
  at: isoSchema,
  who: z.string(),
  why: z.string(),
  kind: z.string(),
  name: z.string(),
  change: z.enum(LOG_CHANGES),
  version: z.string().optional(),
  from: z.enum(LIFECYCLE_STATES).nullable().optional(),
  to: z.enum(LIFECYCLE_STATES).nullable().optional(),
  source: z.int().optional().describe('Of a rollback: the revision whose content came back.'),
};
export const logEntrySchema = z.strictObject(logFields);
export const historyEntrySchema = z.strictObject({
  ...logFields,
  document: z.looseObject({}).nullable().optional().describe('As it was written; null for a deletion.'),
});

export const approvalSchema = z.strictObject({
  id: z.string(),
  state: z.enum(['pending', 'approved', 'denied', 'used', 'expired']),
  surface: z.string(),
  issuer: z.string().describe('Of who calls.'),
  subject: z.string(),
  target: z.string().describe('SERVER/NAME'),
  rule: z.string().describe('POLICY/RULE that wants a person to decide.'),
  reason: z.string(),
  by: z
    .strictObject({ subjects: z.array(z.string()).optional(), groups: z.array(z.string()).optional() })
    .describe('Who may decide.'),
  shown: z.string().optional().describe('The arguments, as JSON; it may be cut.'),
  requestedAt: isoSchema,
  expiresAt: isoSchema.describe('Until then it can be decided, or used.'),
  decidedBy: z.string().optional(),
  decidedAt: isoSchema.optional(),
  decidedWhy: z.string().optional(),
  usedAt: isoSchema.optional(),
});

const canaryShape = { percent: z.number(), principals: z.array(z.string()) };
const toolChangeFields = {
  id: z.string(),
  server: z.string(),
  version: z.string(),
  tool: z.string(),
  kind: z
    .enum(CHANGE_KINDS)
    .describe('`first`: the version was read for the first time; `new`: it had no such tool then.'),
  state: z.enum(CHANGE_STATES).describe('`withdrawn`: the server took it back, or changed the tool once more.'),
  changed: z.array(z.string()).describe('Members of the tool that are others.'),
  compatible: z.boolean(),
  renamedFrom: z.string().optional().describe('A tool that is gone and was the same but for its name.'),
  problem: z.string().optional().describe('Why the tool cannot be shown, approved or not.'),
  canary: z
    .strictObject(canaryShape)
    .optional()
    .describe('Who is shown it while it waits; absent: as the server says.'),
  seenAt: isoSchema,
  decidedBy: z.string().optional().describe('`rule`: by the rules of its server.'),
  decidedAt: isoSchema.optional(),
  decidedWhy: z.string().optional(),
};
export const toolChangeSchema = z.strictObject(toolChangeFields);
export const toolChangeDetailSchema = z.strictObject({
  ...toolChangeFields,
  differences: z
    .array(
      z.strictObject({
        path: z.string().describe('JSON pointer into the tool.'),
        change: z.enum(['added', 'removed', 'changed']),
        before: z.json().optional(),
        after: z.json().optional(),
      }),
    )
    .describe('The first of them, where there are very many.'),
  before: z.looseObject({}).optional().describe('The tool as it is approved; absent: it is not.'),
  after: z.looseObject({}).describe('The tool as its server lists it.'),
});

export const toolPinSchema = z.strictObject({
  version: z.string(),
  tool: z.string(),
  hash: z.string().describe('SHA-256 of the definition.'),
  firstSeenAt: isoSchema,
  approvedBy: z
    .string()
    .optional()
    .describe('Absent: it was there when the version was read first. `rule`: by a rule.'),
  approvedAt: isoSchema,
  problem: z.string().optional().describe('Why it is shown to nobody.'),
  definition: z.looseObject({}).optional().describe('The tool as it is approved; with `tool` only.'),
});

export const decisionSchema = z.strictObject({
  sequence: z.int(),
  at: isoSchema,
  outcome: z.enum(OUTCOMES).describe('`refused`: the policies allowed it, and something else did not; see `code`.'),
  ...decisionRecordSchema.omit({ atMs: true }).shape,
});

const keyFields = {
  id: z.string(),
  prefix: z.string().describe('The first characters of the key.'),
  description: z.string(),
  use: z.enum(['agent', 'admin']),
  subject: z.string(),
  groups: z.array(z.string()),
  scopes: z.array(z.string()),
  surfaces: z.array(z.string()),
  roles: z.array(z.enum(ROLES)),
  createdAt: isoSchema,
  createdBy: z.string(),
  expiresAt: isoSchema,
  revokedAt: isoSchema.optional(),
  lastUsedAt: isoSchema.optional(),
};
export const keySchema = z.strictObject(keyFields);
export const newKeyAnswerSchema = z.strictObject({
  key: z.string().describe('The key itself; it is not shown again.'),
  ...keyFields,
});

export const importAnswerSchema = z.strictObject({
  server: shownSchemas.Server,
  secrets: z.array(z.string()),
  notes: z.array(z.string()),
});
export const importTraefikAnswerSchema = z.strictObject({
  policy: shownSchemas.Policy,
  notes: z.array(z.string()),
});
export const importTraefikDryRunSchema = z.strictObject({
  ...dryRunFields,
  policy: z.looseObject({}).describe('The document that it would be.'),
  notes: z.array(z.string()),
});
export const importDryRunSchema = z.strictObject({
  ...dryRunFields,
  server: z.looseObject({}).describe('The document that it would be.'),
  secrets: z.array(z.string()),
  notes: z.array(z.string()),
});
