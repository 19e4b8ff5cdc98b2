// Decides how a policy is tried over HTTP on what was recorded.
import { z } from 'zod';
import { policyProblems } from '../../../core/catalog/check-policy.ts';
import { parseDocument, policyOf } from '../../../core/catalog/document.ts';
import { instantSchema } from '../../../core/catalog/documents/fields.ts';
import { LIMITS } from '../../../core/limits.ts';
import type { Policy } from '../../../core/policy/types.ts';
import { type ReplayExample, replay, UNKNOWN_BECAUSE } from '../../ledger/replay.ts';
import { ApiError } from '../error.ts';
import { PERMISSIONS } from '../permissions.ts';
import { type ApiServices, type Call, type Route, route } from '../route.ts';
import { isoTime } from '../server-status.ts';

const USUAL_MS = 7 * 24 * 3_600_000;

const body = z.strictObject({
  policy: z.looseObject({}).describe('A Policy document. It takes the place of the one of its name, or is added.'),
  since: instantSchema.optional().describe('How far back. Absent: seven days.'),
});

const outcome = z.enum(['allow', 'approve', 'deny']);
const count = z.int().min(0);
const examples = z.array(
  z.strictObject({
    id: z.string(),
    at: z.iso.datetime(),
    surface: z.string(),
    subject: z.string(),
    target: z.string(),
  }),
);
const answerSchema = z.strictObject({
  revision: z.int().describe('Of the other policies, and of the tools as they are now.'),
  since: z.iso.datetime(),
  considered: count,
  cut: z.boolean().describe('There were more; these are the newest.'),
  same: count,
  changes: z.array(z.strictObject({ from: outcome, to: outcome, count, examples })),
  unknown: z.strictObject({
    count,
    because: z
      .strictObject(Object.fromEntries(UNKNOWN_BECAUSE.map((reason) => [reason, count])))
      .describe('`arguments`, `claims`: they decide, and were not recorded. `target`: it is not there any more.'),
    examples,
  }),
});

export const replayRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/policies/replay',
    access: PERMISSIONS.decisions.roles,
    summary:
      'Decides what was decided in the last days again, with a policy that is not written: which decisions would change, and which cannot be known. A policy in shadow is tried as if it were enforced. Nothing is written.',
    body,
    answers: { 200: { doc: 'What would be.', schema: answerSchema } },
    examples: [
      {
        title: 'A policy that nobody has written yet',
        path: '/v1/policies/replay',
        body: {
          policy: { name: 'everybody', version: 'tbac/v1', rules: [{ id: 'none', effect: 'deny', tools: ['*'] }] },
        },
        status: 200,
      },
    ],
    handle,
  }),
];

async function handle(
  { body: { policy, since } }: Call<unknown, z.output<typeof body>>,
  { registry, catalog: catalogOf, now }: ApiServices,
): Promise<Response> {
  const candidate = candidateIn(policy);
  const sinceMs = since === undefined ? now() - USUAL_MS : Date.parse(since);
  if (sinceMs < now() - LIMITS.recordRetentionMs)
    throw new ApiError('invalid_request', {
      detail: `the body "since": records are kept for ${LIMITS.recordRetentionMs / 86_400_000} days`,
    });
  const snapshot = registry.snapshot();
  const catalog = catalogOf(snapshot);
  const policies = new Map(catalog.policies).set(candidate.name, candidate);
  const { changes, unknown, ...counts } = await replay(registry.beside, catalog, [...policies.values()], sinceMs);
  return Response.json({
    revision: snapshot.revision,
    since: isoTime(sinceMs),
    ...counts,
    changes: changes.map((change) => ({ ...change, examples: change.examples.map(shown) })),
    unknown: { ...unknown, examples: unknown.examples.map(shown) },
  });
}

/** @throws ApiError */
function candidateIn(given: object): Policy {
  const parsed = parseDocument({ ...given, kind: 'Policy' });
  if ('problems' in parsed) throw invalid(parsed.problems);
  if (parsed.document.kind !== 'Policy') throw new ApiError('invalid_request');
  const policy = policyOf(parsed.document);
  const problems = policyProblems(policy);
  if (problems.length > 0) throw invalid(problems);
  return { ...policy, mode: 'enforce' };
}

function invalid(
  problems: readonly { readonly path: readonly (string | number)[]; readonly message: string }[],
): ApiError {
  return new ApiError('invalid_documents', {
    detail: 'the body "policy"',
    problems: problems.map(({ path, message }) => ({ document: 0, path, message })),
  });
}

function shown({ atMs, ...example }: ReplayExample): object {
  return { ...example, at: isoTime(atMs) };
}
