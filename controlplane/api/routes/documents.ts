// Decides how one document is listed, read, written and deleted over HTTP, the same way for every kind.
import { z } from 'zod';
import { DOCUMENT_KINDS, type DocumentKind, type Problem } from '../../../core/catalog/document.ts';
import { LIMITS } from '../../../core/limits.ts';
import { type DocumentProblem, readDocuments } from '../../registry/problem.ts';
import { isChanged, writeResponse, written } from '../changes.ts';
import { ApiError } from '../error.ts';
import { preconditionOf } from '../etag.ts';
import { labelParameter } from '../labels.ts';
import { pageOf, pageParameters } from '../page.ts';
import { permitFor, rolesToWrite } from '../permissions.ts';
import { type ApiServices, type Call, dryRunParameter, READERS, REVISION_HEADER, type Route, route } from '../route.ts';
import { listSchema, orDryRun, shownSchemas } from '../schemas.ts';
import { documentResponse, documentsOf, documentWithHealth, shown, withoutStatus } from '../shown.ts';
import { EXAMPLES } from './document-examples.ts';

const listQuery = z.strictObject({ ...pageParameters, label: labelParameter });
const writeQuery = z.strictObject(dryRunParameter);
type ListQuery = z.output<typeof listQuery>;
type WriteQuery = z.output<typeof writeQuery>;

/** A document as it comes is read by the registry, which tells all of its problems. */
const objectSchema = z.looseObject({});

export const documentRoutes: readonly Route[] = Object.entries(DOCUMENT_KINDS).flatMap(([key, row]) => {
  const kind = key as DocumentKind;
  const [all, one] = [`/v1/${row.collection}`, `/v1/${row.collection}/:name`];
  const item = shownSchemas[kind];
  const examples = EXAMPLES[kind];
  const writers = rolesToWrite(kind);
  return [
    route({
      method: 'GET',
      path: all,
      access: READERS,
      summary: `All ${row.collection}, by name.`,
      query: listQuery,
      answers: { 200: { doc: 'A page of them.', schema: listSchema(item) } },
      examples: examples.list,
      handle: (call, services) => list(kind, all, call, services),
    }),
    route({
      method: 'GET',
      path: one,
      access: READERS,
      summary: kind === 'Server' ? `One ${kind}, with the health of its replicas.` : `One ${kind}.`,
      answers: { 200: { doc: 'The document; its entity tag is in `ETag`.', schema: item } },
      examples: examples.get,
      handle: ({ param }, services) => get(kind, param('name'), services),
    }),
    route({
      method: 'PUT',
      path: one,
      access: writers,
      summary: `Creates or replaces a ${kind}.`,
      conditional: true,
      query: writeQuery,
      body: objectSchema,
      bodyDoc: row.schema,
      answers: {
        200: { doc: 'It was replaced, or is as it was.', schema: orDryRun(item) },
        201: { doc: 'It was created.', schema: item },
      },
      examples: examples.put,
      handle: (call, services) => put(kind, call, services),
    }),
    route({
      method: 'DELETE',
      path: one,
      access: writers,
      summary: `Deletes a ${kind}.`,
      conditional: true,
      query: writeQuery,
      answers: { 200: { doc: 'With `dryRun`.', schema: orDryRun(z.never()) }, 204: { doc: 'It is gone.' } },
      examples: examples.delete,
      handle: (call, services) => remove(kind, call, services),
    }),
  ];
});

async function list(
  kind: DocumentKind,
  scope: string,
  { query: { label, ...page } }: Call<ListQuery, unknown>,
  services: ApiServices,
): Promise<Response> {
  const snapshot = services.registry.snapshot();
  const chosen = documentsOf(snapshot, kind).filter(({ document }) => label(document.labels));
  const { items, next } = pageOf(
    chosen,
    { scope, limit: page.limit, cursor: page.cursor },
    {
      length: 1,
      keyOf: ({ document }) => [document.name],
      isAfter: ({ document }, [name = '']) => document.name > name,
    },
  );
  const body = { revision: snapshot.revision, items: items.map((stored) => shown(stored, snapshot, services)) };
  return Response.json(next === undefined ? body : { ...body, next });
}

async function get(kind: DocumentKind, name: string, services: ApiServices): Promise<Response> {
  const snapshot = services.registry.snapshot();
  const stored = snapshot.find(kind, name);
  if (stored === undefined) throw absent(kind, name);
  return documentWithHealth(stored, snapshot, services);
}

async function put(kind: DocumentKind, call: Call<WriteQuery, object>, services: ApiServices): Promise<Response> {
  const name = call.param('name');
  const body = withoutStatus(call.body) as object;
  const document = { ...body, kind, name };
  const disagreeing = disagreements(body, { kind, name });
  if (disagreeing.length > 0) {
    const problems = [...disagreeing, ...readDocuments([document]).problems];
    throw new ApiError('invalid_documents', { problems: problems.map((problem) => ({ document: 0, ...problem })) });
  }
  const outcome = written(await services.registry.apply({ documents: [document], ...writeOf(call) }));
  return writeResponse(outcome, call.query.dryRun, services, () => {
    const stored = outcome.snapshot.find(kind, name);
    if (stored === undefined) throw absent(kind, name);
    const status = outcome.changes[0]?.change === 'created' ? 201 : 200;
    return documentResponse(stored, outcome.snapshot, services, { status, revision: outcome.revision });
  });
}

async function remove(kind: DocumentKind, call: Call<WriteQuery, unknown>, services: ApiServices): Promise<Response> {
  const name = call.param('name');
  const request = { documents: [], deletes: [{ kind, name }], ...writeOf(call) };
  const outcome = written(await services.registry.apply(request), 'still_in_use');
  if (!isChanged(outcome)) throw absent(kind, name);
  const headers = { [REVISION_HEADER]: String(outcome.revision) };
  return writeResponse(outcome, call.query.dryRun, services, () => new Response(null, { status: 204, headers }));
}

/** What every write of one document carries: who and why, what its writer may do, and for which content it is meant. */
export function writeOf({ author, actor, query, headers }: Call<WriteQuery, unknown>) {
  const precondition = preconditionOf(headers);
  return {
    ...author,
    permit: permitFor(actor),
    dryRun: query.dryRun,
    ...(precondition === undefined ? {} : { precondition }),
  };
}

/** `kind` and `name` may be left out, as the address says them; it is not guessed which of two was meant. */
function disagreements(
  body: object,
  address: { readonly kind: string; readonly name: string },
): Omit<DocumentProblem, 'document'>[] {
  return (['kind', 'name'] as const).flatMap((key): Problem[] => {
    const found: unknown = Reflect.get(body, key);
    if (found === undefined || found === address[key]) return [];
    return [{ path: [key], message: `the address says "${address[key]}", found ${quoted(found)}` }];
  });
}

export function absent(kind: DocumentKind, name: string): ApiError {
  return new ApiError('not_found', { detail: `no ${kind} is named ${JSON.stringify(name)}` });
}

function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? '').slice(0, LIMITS.echoedCharsMax);
}
