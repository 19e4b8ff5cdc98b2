// Decides how many documents are written at once over HTTP: all of them, or none.
import { z } from 'zod';
import { DOCUMENT_KINDS, type DocumentKind } from '../../../core/catalog/document.ts';
import { LIMITS } from '../../../core/limits.ts';
import type { DocumentName } from '../../registry/problem.ts';
import type { RegistrySnapshot } from '../../registry/types.ts';
import { toldChanges, writeResponse, written } from '../changes.ts';
import { ApiError } from '../error.ts';
import { permitFor, ROLES_TO_WRITE } from '../permissions.ts';
import { type ApiServices, type Call, dryRunParameter, type Route, reasonSchema, route } from '../route.ts';
import { changesSchema, orDryRun } from '../schemas.ts';
import { withoutStatus } from '../shown.ts';

/** What `prune` may delete. Secrets are left: what they held cannot be brought back. */
const PRUNED_KINDS: readonly DocumentKind[] = (Object.keys(DOCUMENT_KINDS) as DocumentKind[]).filter(
  (kind) => kind !== 'Secret',
);

const fields = {
  deletes: z
    .array(z.strictObject({ kind: z.enum(Object.keys(DOCUMENT_KINDS) as DocumentKind[]), name: z.string().max(256) }))
    .max(LIMITS.apiDocumentsMax)
    .default([]),
  prune: z
    .boolean()
    .default(false)
    .describe(`Delete every ${PRUNED_KINDS.join(', ')} that is not among the documents, of which there must be one.`),
  why: reasonSchema.optional(),
};
const documentsOf = (item: z.ZodType) => z.array(item).max(LIMITS.apiDocumentsMax).default([]);
const applyBody = z.strictObject({ documents: documentsOf(z.unknown()), ...fields });
const anyDocument = z.union(Object.values(DOCUMENT_KINDS).map(({ schema }) => schema) as unknown as [z.ZodType]);
const writeQuery = z.strictObject(dryRunParameter);

const POLICY = {
  kind: 'Policy',
  name: 'readers',
  version: 'tbac/v1',
  rules: [{ id: 'read', effect: 'allow', tools: ['memory/read_*'] }],
};
const SURFACE = { kind: 'Surface', name: 'notes', servers: [{ server: 'memory' }] };

export const applyRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/apply',
    access: ROLES_TO_WRITE,
    summary:
      'Writes documents and deletions in one transaction: all of it or nothing. What each changes must be allowed.',
    query: writeQuery,
    body: applyBody,
    bodyDoc: z.strictObject({ documents: documentsOf(anyDocument), ...fields }),
    answers: { 200: { doc: 'What became of each, in the order of the request.', schema: orDryRun(changesSchema) } },
    examples: [
      { title: 'A surface and its policy', path: '/v1/apply', body: { documents: [SURFACE, POLICY] }, status: 200 },
      {
        title: 'What would change',
        path: '/v1/apply?dryRun=true',
        body: { documents: [SURFACE], deletes: [{ kind: 'NodeGroup', name: 'edge' }] },
        status: 200,
      },
      {
        title: 'Every problem is told, and nothing is written',
        path: '/v1/apply',
        body: {
          documents: [
            { ...SURFACE, servers: [{ server: 'nobody' }] },
            { kind: 'Policy', name: 'No Name' },
          ],
        },
        status: 422,
      },
      { title: 'Pruning to nothing is refused', path: '/v1/apply', body: { prune: true }, status: 400 },
    ],
    handle: applyAll,
  }),
];

async function applyAll(
  { body, query, actor, author }: Call<z.output<typeof writeQuery>, z.output<typeof applyBody>>,
  services: ApiServices,
): Promise<Response> {
  const { registry } = services;
  const { why = author.why, prune } = body;
  const documents = body.documents.map(withoutStatus);
  if (prune && documents.length === 0) {
    throw new ApiError('invalid_request', { detail: 'prune would delete everything: give the documents that stay' });
  }
  const deletes = [...body.deletes, ...(prune ? missingIn(documents, body.deletes, registry.snapshot()) : [])];
  const request = { documents, deletes, who: author.who, why, permit: permitFor(actor), dryRun: query.dryRun };
  const outcome = written(await registry.apply(request));
  return writeResponse(outcome, query.dryRun, services, () =>
    Response.json({ revision: outcome.revision, changes: toldChanges(outcome, services) }),
  );
}

/** What is there and not in the request. What somebody adds while it is looked for is not deleted. */
function missingIn(
  documents: readonly unknown[],
  deletes: readonly DocumentName[],
  snapshot: RegistrySnapshot,
): readonly DocumentName[] {
  const nameOf = (value: unknown): string => {
    const { kind, name } = (value ?? {}) as Partial<Record<string, unknown>>;
    return `${String(kind)}/${String(name)}`;
  };
  const given = new Set([...documents, ...deletes].map(nameOf));
  return snapshot.documents
    .map(({ document: { kind, name } }) => ({ kind, name }))
    .filter((found) => PRUNED_KINDS.includes(found.kind) && !given.has(nameOf(found)));
}
