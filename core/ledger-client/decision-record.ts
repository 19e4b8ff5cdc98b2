// Decides what is kept of a decision: enough to decide it again under other policies, and no value of an argument or a claim.
import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import type { Value } from '../mcp/value.ts';
import type { Question } from '../policy/question.ts';
import type { Decision } from '../policy/types.ts';

const line = z.string().max(LIMITS.targetNameCharsMax);
const lines = z.array(line).max(1000);

export const decisionRecordSchema = z.strictObject({
  /** Of the decision. */
  id: z.string().min(1).max(128),
  /** Epoch milliseconds. */
  atMs: z.int().min(0),
  revision: z.int().min(0),
  surface: line,
  issuer: line,
  subject: line,
  kind: z.enum(['jwt', 'api_key', 'certificate', 'anonymous']),
  agent: line.nullable(),
  groups: lines,
  scopes: lines,
  tasks: lines,
  method: line,
  era: z.enum(['legacy', 'modern']),
  protocolVersion: line,
  address: line.nullable(),
  targetKind: z.enum(['tool', 'prompt', 'resource']),
  server: line,
  /** The server's own name for it. */
  name: line,
  /** Of the server. */
  version: line,
  /** Labels that earlier calls had left. */
  labels: lines,
  /** What the policies said. */
  allowed: z.boolean(),
  /** `policy/rule`; the deciding ones. */
  rules: lines,
  /** Rules that wanted a person's approval. */
  approvals: lines,
  /** Code of the error that the caller was given; '' for none. */
  code: line,
  /** What policies in shadow would have made of it, where that is another outcome. */
  shadow: z.strictObject({ allowed: z.boolean(), rules: lines }).nullable(),
  /** Rules with a condition that came to no value. */
  indeterminate: lines,
  /** Only where the surface says so (`record: { arguments: true }`). */
  args: z.json().optional(),
});

export type DecisionRecord = z.output<typeof decisionRecordSchema>;

/** What became of a call, in one word. */
export const OUTCOMES = ['allowed', 'denied', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** `refused`: the policies allowed it, and something else did not (a quota, an approval that is missing, its arguments). */
export function outcomeOf({ allowed, code }: Pick<DecisionRecord, 'allowed' | 'code'>): Outcome {
  if (!allowed) return 'denied';
  return code === '' ? 'allowed' : 'refused';
}

/** `args`: null where the surface keeps none. */
export function recordOf(
  question: Question,
  decision: Decision,
  { code, args }: { readonly code: string; readonly args: Value | null },
): DecisionRecord {
  const { principal, target, request } = question;
  return {
    id: decision.id,
    atMs: question.nowMs,
    revision: decision.revision,
    surface: question.surface,
    issuer: principal.issuer,
    subject: principal.subject,
    kind: principal.kind,
    agent: principal.agent,
    groups: [...principal.groups],
    scopes: [...principal.scopes],
    tasks: [...principal.tasks],
    method: request.method,
    era: request.era,
    protocolVersion: request.protocolVersion,
    address: request.address,
    targetKind: target.kind,
    server: target.server,
    name: target.name,
    version: target.facts.version,
    labels: [...(question.labels() ?? [])],
    allowed: decision.allowed,
    rules: [...decision.ruleIds],
    approvals: decision.obligations?.approvals.map(({ rule }) => rule) ?? [],
    code,
    shadow: decision.shadow === null ? null : { allowed: decision.shadow.allowed, rules: [...decision.shadow.ruleIds] },
    indeterminate: [...new Set(decision.indeterminate.map(({ rule }) => rule))],
    ...(args === null ? {} : { args: plainJson(args) }),
  };
}

/** Integers that a double does not hold are kept as text: no program that reads a record should round them. */
function plainJson(value: Value): z.output<ReturnType<typeof z.json>> {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(plainJson);
  if (typeof value !== 'object' || value === null) return value as string | number | boolean | null;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plainJson(member)]));
}

/** null: it is none, or too large to keep. */
export function readRecord(json: Buffer): DecisionRecord | null {
  if (json.length > LIMITS.recordBytesMax) return null;
  try {
    return decisionRecordSchema.safeParse(JSON.parse(json.toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}
