// Decides how a document is shown: as it was written, with what we know of it beside it in `status`.
import type { Document, DocumentKind } from '../../core/catalog/document.ts';
import { SECRET_MEMBERS } from '../../core/catalog/documents/secret.ts';
import { LIFECYCLE } from '../../core/catalog/lifecycle.ts';
import { backendCluster } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EndpointHealth } from '../health.ts';
import type { IssuerStatus } from '../issuers/keyring.ts';
import type { RegistrySnapshot, StoredDocument } from '../registry/types.ts';
import { etagOf } from './etag.ts';
import { type ApiServices, REVISION_HEADER } from './route.ts';
import { isoTime, versionsStatus } from './server-status.ts';

export function shown(
  { document, revision, updatedAtMs }: StoredDocument,
  snapshot: RegistrySnapshot,
  { warnings, issuer }: Pick<ApiServices, 'warnings' | 'issuer'>,
): { readonly status: object } {
  const status = {
    revision,
    updatedAt: isoTime(updatedAtMs),
    ...(document.kind === 'Server' ? { versions: versionsStatus(document, snapshot) } : {}),
    ...(document.kind === 'Issuer' ? issuerStatus(issuer?.(document.name) ?? null) : {}),
    ...(document.kind === 'Surface' ? { warnings: warnings(document.name, snapshot) } : {}),
  };
  return { ...withoutSecrets(document), status };
}

function issuerStatus(status: IssuerStatus | null): object {
  if (status === null) return {};
  const { keys, readAtMs, error } = status;
  return { keys, ...(readAtMs !== null && { readAt: isoTime(readAtMs) }), ...(error !== null && { error }) };
}

/** The registry keeps none in a document; what leaves here has none whatever happened there. */
export function withoutSecrets(document: Document): Document {
  if (document.kind !== 'Secret') return document;
  const hidden: readonly string[] = SECRET_MEMBERS;
  return Object.fromEntries(Object.entries(document).filter(([key]) => !hidden.includes(key))) as Document;
}

/** The document with its entity tag. */
export function documentResponse(
  stored: StoredDocument,
  snapshot: RegistrySnapshot,
  services: Pick<ApiServices, 'warnings' | 'issuer'>,
  { status = 200, revision = stored.revision }: { readonly status?: 200 | 201; readonly revision?: number } = {},
): Response {
  const headers = { etag: etagOf(stored.hash), [REVISION_HEADER]: String(revision) };
  return Response.json(shown(stored, snapshot, services), { status, headers });
}

/** The same with what Envoy says of each version's replicas; without it when Envoy does not answer in time. */
export async function documentWithHealth(
  stored: StoredDocument,
  snapshot: RegistrySnapshot,
  services: Pick<ApiServices, 'warnings' | 'health' | 'issuer'>,
): Promise<Response> {
  const { document, hash, revision } = stored;
  const headers = { etag: etagOf(hash), [REVISION_HEADER]: String(revision) };
  const { status, ...rest } = shown(stored, snapshot, services);
  if (document.kind !== 'Server' || services.health === undefined)
    return Response.json({ ...rest, status }, { headers });
  const { health } = services;
  const versions = await Promise.all(
    versionsStatus(document, snapshot).map(async (view) => {
      if (!LIFECYCLE[view.state].reached) return view;
      const found = await inTime(health(backendCluster(document.name, view.version)));
      return found === null ? view : { ...view, health: found };
    }),
  );
  return Response.json({ ...rest, status: { ...status, versions } }, { headers });
}

async function inTime(asked: Promise<readonly EndpointHealth[] | null>): Promise<readonly EndpointHealth[] | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, LIMITS.probeDeadlineMs, null);
  });
  try {
    return await Promise.race([asked, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** A document as it came, without the `status` that a GET put beside it, so that what was got can be put back. */
export function withoutStatus(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { status, ...document } = value as Record<string, unknown>;
  return typeof status === 'object' && status !== null ? document : value;
}

/** All documents of a kind, by name. */
export function documentsOf(snapshot: RegistrySnapshot, kind: DocumentKind): readonly StoredDocument[] {
  return snapshot.documents.filter(({ document }) => document.kind === kind);
}
