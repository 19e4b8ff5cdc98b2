// Decides how one document is listed, read, written and deleted over HTTP, the same way for every kind.
import type { Context } from 'hono';
import { DOCUMENT_KINDS, type DocumentKind, type Problem } from '../../../core/catalog/document.ts';
import type { ApplyOutcome } from '../../registry/apply.ts';
import type { StoredDiscovery } from '../../registry/discoveries.ts';
import { type DocumentProblem, readDocuments } from '../../registry/problem.ts';
import type { StoredDocument } from '../../registry/registry.ts';
import { readJson } from '../body.ts';
import { ApiError } from '../error.ts';
import { etagOf, preconditionOf } from '../etag.ts';
import { type ApiServices, REVISION_HEADER, type Route, WHO } from '../route.ts';
import { serverStatus, withoutStatus } from '../server-status.ts';

export const documentRoutes: readonly Route[] = Object.entries(DOCUMENT_KINDS).flatMap(([key, { collection }]) => {
  const kind = key as DocumentKind;
  const [all, one] = [`/v1/${collection}`, `/v1/${collection}/:name`];
  return [
    { method: 'GET', path: all, summary: `All ${collection}, by name.`, handle: (_, services) => list(kind, services) },
    { method: 'GET', path: one, summary: `One ${kind}.`, handle: (context, services) => get(kind, context, services) },
    {
      method: 'PUT',
      path: one,
      summary: `Creates or replaces a ${kind}.`,
      handle: (context, services) => put(kind, context, services),
    },
    {
      method: 'DELETE',
      path: one,
      summary: `Deletes a ${kind}.`,
      handle: (context, services) => remove(kind, context, services),
    },
  ] satisfies Route[];
});

async function list(kind: DocumentKind, { registry }: ApiServices): Promise<Response> {
  const { revision, documents, discoveries } = await registry.snapshot();
  const items = documents.filter(({ document }) => document.kind === kind).map((stored) => shown(stored, discoveries));
  return Response.json({ revision, items });
}

async function get(kind: DocumentKind, context: Context, { registry }: ApiServices): Promise<Response> {
  const stored = await registry.get(kind, nameIn(context));
  if (stored === null) throw absent(kind, nameIn(context));
  return answer(stored, await registry.discoveries(), 200);
}

async function put(kind: DocumentKind, context: Context, services: ApiServices): Promise<Response> {
  const { registry, onChange } = services;
  const name = nameIn(context);
  const body = withoutStatus(await readJson(context.req.raw), kind);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ApiError('invalid_request', { detail: 'the body must be an object' });
  }
  const document = { ...body, kind, name };
  const disagreeing = disagreements(body, { kind, name });
  if (disagreeing.length > 0) {
    const problems = [...disagreeing, ...readDocuments([document]).problems];
    throw new ApiError('invalid_documents', { problems: problems.map((problem) => ({ document: 0, ...problem })) });
  }
  const outcome = written(await registry.apply({ documents: [document], who: WHO, ...precondition(context) }));
  const change = outcome.changes[0]?.change;
  if (change !== 'unchanged') onChange(outcome.revision);
  const stored = await registry.get(kind, name);
  // Somebody deleted it in between.
  if (stored === null) throw absent(kind, name);
  return answer(stored, await registry.discoveries(), change === 'created' ? 201 : 200, outcome.revision);
}

async function remove(kind: DocumentKind, context: Context, { registry, onChange }: ApiServices): Promise<Response> {
  const name = nameIn(context);
  const request = { documents: [], deletes: [{ kind, name }], who: WHO, ...precondition(context) };
  const outcome = written(await registry.apply(request), 'still_in_use');
  if (outcome.changes[0]?.change === 'unchanged') throw absent(kind, name);
  onChange(outcome.revision);
  return new Response(null, { status: 204, headers: { [REVISION_HEADER]: String(outcome.revision) } });
}

/** @throws ApiError when nothing was written. */
export function written(
  outcome: ApplyOutcome,
  code: 'invalid_documents' | 'still_in_use' = 'invalid_documents',
): Extract<ApplyOutcome, { ok: true }> {
  if (outcome.ok) return outcome;
  if (outcome.why === 'precondition') throw new ApiError('precondition_failed');
  throw new ApiError(code, { problems: outcome.problems });
}

function precondition(context: Context): { readonly precondition?: (hash: string | null) => boolean } {
  const found = preconditionOf(context.req.raw.headers);
  return found === undefined ? {} : { precondition: found };
}

/** `kind` and `name` may be left out, as the address says them; it is not guessed which of two was meant. */
function disagreements(
  body: object,
  address: { readonly kind: string; readonly name: string },
): Omit<DocumentProblem, 'document'>[] {
  return (['kind', 'name'] as const).flatMap((key): Problem[] => {
    const found: unknown = Reflect.get(body, key);
    if (found === undefined || found === address[key]) return [];
    return [{ path: [key], message: `the address says "${address[key]}", found ${JSON.stringify(found)}` }];
  });
}

function answer(
  stored: StoredDocument,
  discoveries: readonly StoredDiscovery[],
  status: 200 | 201,
  revision?: number,
): Response {
  const headers = { etag: etagOf(stored.hash), [REVISION_HEADER]: String(revision ?? stored.revision) };
  return Response.json(shown(stored, discoveries), { status, headers });
}

function shown({ document }: StoredDocument, discoveries: readonly StoredDiscovery[]): object {
  const status = serverStatus(document, discoveries);
  return status === null ? document : { ...document, status };
}

function nameIn(context: Context): string {
  return context.req.param('name') ?? '';
}

function absent(kind: DocumentKind, name: string): ApiError {
  return new ApiError('not_found', { detail: `no ${kind} is named ${JSON.stringify(name)}` });
}
