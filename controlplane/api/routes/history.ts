// Decides how the history of a document is read, and how it is brought back as it was.
import { z } from 'zod';
import { DOCUMENT_KINDS, type DocumentKind } from '../../../core/catalog/document.ts';
import { writeResponse, written } from '../changes.ts';
import { logPage, shownWithDocument } from '../log-entry.ts';
import { pageParameters } from '../page.ts';
import { rolesToWrite } from '../permissions.ts';
import {
  type ApiServices,
  type Call,
  dryRunParameter,
  READERS,
  REVISION_HEADER,
  type Route,
  reasonSchema,
  route,
} from '../route.ts';
import { historyEntrySchema, listSchema, orDryRun, shownSchemas } from '../schemas.ts';
import { documentResponse } from '../shown.ts';
import { EXAMPLES } from './document-examples.ts';
import { absent, writeOf } from './documents.ts';

const pageQuery = z.strictObject(pageParameters);
const writeQuery = z.strictObject(dryRunParameter);
const rollbackBody = z.strictObject({
  revision: z.int().min(0).describe('The document as it was when this revision was the newest.'),
  why: reasonSchema.optional(),
});

export const historyRoutes: readonly Route[] = Object.entries(DOCUMENT_KINDS).flatMap(([key, { collection }]) => {
  const kind = key as DocumentKind;
  const one = `/v1/${collection}/:name`;
  return [
    route({
      method: 'GET',
      path: `${one}/history`,
      access: READERS,
      summary: `What was done to a ${kind}, newest first, with the document as it was written each time.`,
      query: pageQuery,
      answers: { 200: { doc: 'A page of the change log.', schema: listSchema(historyEntrySchema) } },
      examples: EXAMPLES[kind].history,
      handle: (call, services) => history(kind, call, services),
    }),
    route({
      method: 'POST',
      path: `${one}/rollback`,
      access: rolesToWrite(kind),
      summary:
        kind === 'Secret'
          ? 'Refused: what a secret held is not kept, so that a rollback cannot revive it.'
          : `Brings a ${kind} back as it was at a revision; where it was not there then, it is deleted.`,
      conditional: true,
      query: writeQuery,
      body: rollbackBody,
      answers: {
        200: { doc: 'The document as it is now.', schema: orDryRun(shownSchemas[kind]) },
        204: { doc: 'It is gone, as it was then.' },
      },
      examples: EXAMPLES[kind].rollback,
      handle: (call, services) => rollback(kind, call, services),
    }),
  ];
});

async function history(
  kind: DocumentKind,
  { param, query }: Call<z.output<typeof pageQuery>, unknown>,
  { registry }: ApiServices,
): Promise<Response> {
  const name = param('name');
  const snapshot = registry.snapshot();
  const scope = `${kind}/history`;
  const { items, next } = await logPage(registry, { kind, name }, { scope, cursor: query.cursor, limit: query.limit });
  if (items.length === 0 && query.cursor === undefined && snapshot.find(kind, name) === undefined)
    throw absent(kind, name);
  return Response.json({
    revision: snapshot.revision,
    items: items.map(shownWithDocument),
    ...(next === undefined ? {} : { next }),
  });
}

async function rollback(
  kind: DocumentKind,
  call: Call<z.output<typeof writeQuery>, z.output<typeof rollbackBody>>,
  services: ApiServices,
): Promise<Response> {
  const name = call.param('name');
  const { revision, why = call.author.why } = call.body;
  const outcome = written(await services.registry.rollback({ ...writeOf(call), why, kind, name, revision }));
  return writeResponse(outcome, call.query.dryRun, services, () => {
    const stored = outcome.snapshot.find(kind, name);
    const headers = { [REVISION_HEADER]: String(outcome.revision) };
    if (stored === undefined) return new Response(null, { status: 204, headers });
    return documentResponse(stored, outcome.snapshot, services, { revision: outcome.revision });
  });
}
