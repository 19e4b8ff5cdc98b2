// Decides how many documents are written at once over HTTP: all of them, or none.
import { z } from 'zod';
import { DOCUMENT_KINDS, type DocumentKind } from '../../../core/catalog/document.ts';
import { LIMITS } from '../../../core/limits.ts';
import { readJson } from '../body.ts';
import { ApiError } from '../error.ts';
import type { Route } from '../route.ts';
import { WHO } from '../route.ts';
import { withoutStatus } from '../server-status.ts';
import { written } from './documents.ts';

const bodySchema = z.strictObject({
  documents: z.array(z.unknown()).max(LIMITS.apiDocumentsMax).default([]),
  deletes: z
    .array(z.strictObject({ kind: z.enum(Object.keys(DOCUMENT_KINDS) as DocumentKind[]), name: z.string().max(256) }))
    .max(LIMITS.apiDocumentsMax)
    .default([]),
});

export const applyRoute: Route = {
  method: 'POST',
  path: '/v1/apply',
  summary: 'Writes {documents, deletes} in one transaction; answers {revision, changes} in their order.',
  async handle(context, { registry, onChange }) {
    const body = bodySchema.safeParse(await readJson(context.req.raw));
    if (!body.success) {
      const [issue] = body.error.issues;
      throw new ApiError('invalid_request', {
        detail: `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? ''}`,
      });
    }
    const documents = body.data.documents.map((document) => withoutStatus(document));
    const { revision, changes } = written(await registry.apply({ documents, deletes: body.data.deletes, who: WHO }));
    if (changes.some(({ change }) => change !== 'unchanged')) onChange(revision);
    return Response.json({ revision, changes });
  },
};
