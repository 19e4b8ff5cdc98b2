// Decides which kinds of documents an operator may write, which are also the REST bodies, and reads one.
import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { nearest } from '../policy/nearest.ts';
import { type IssuerDocument, issuerSchema } from './documents/issuer.ts';
import { type NodeGroupDocument, nodeGroupSchema } from './documents/node-group.ts';
import { type PolicyDocument, policySchema } from './documents/policy.ts';
import { type RevocationDocument, revocationSchema } from './documents/revocation.ts';
import { type RuntimeDocument, runtimeSchema } from './documents/runtime.ts';
import { type SecretDocument, secretSchema } from './documents/secret.ts';
import { type ServerDocument, serverSchema } from './documents/server.ts';
import { type SurfaceDocument, surfaceSchema } from './documents/surface.ts';

export type { IssuerDocument } from './documents/issuer.ts';
export type { NodeGroupDocument } from './documents/node-group.ts';
export { type PolicyDocument, policyOf } from './documents/policy.ts';
export type { RevocationDocument } from './documents/revocation.ts';
export type { RuntimeDocument } from './documents/runtime.ts';
export type { SecretData, SecretDocument } from './documents/secret.ts';
export type { ServerAuth, ServerDocument, ServerVersionDocument } from './documents/server.ts';
export type { MappedTool, SurfaceDocument } from './documents/surface.ts';

export type Document =
  | SecretDocument
  | ServerDocument
  | IssuerDocument
  | SurfaceDocument
  | PolicyDocument
  | RevocationDocument
  | NodeGroupDocument
  | RuntimeDocument;
export type DocumentKind = Document['kind'];

/** One row per kind: its schema, its REST collection. The order is the order in which `apply` writes and `export` shows. */
export const DOCUMENT_KINDS = {
  Secret: { schema: secretSchema, collection: 'secrets' },
  Server: { schema: serverSchema, collection: 'servers' },
  Issuer: { schema: issuerSchema, collection: 'issuers' },
  Surface: { schema: surfaceSchema, collection: 'surfaces' },
  Policy: { schema: policySchema, collection: 'policies' },
  Revocation: { schema: revocationSchema, collection: 'revocations' },
  NodeGroup: { schema: nodeGroupSchema, collection: 'node-groups' },
  Runtime: { schema: runtimeSchema, collection: 'runtimes' },
} as const;

export interface Problem {
  /** Path inside the document, e.g. ["versions", 0, "endpoints", 0, "url"]. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Reads one document; all of its problems at once, as many as anybody mends in one go. Total. */
export function parseDocument(value: unknown): { document: Document } | { problems: readonly Problem[] } {
  const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(DOCUMENT_KINDS, kind)) {
    const wanted = Object.keys(DOCUMENT_KINDS).join(', ');
    return {
      problems: [
        {
          path: ['kind'],
          message: `kind must be one of ${wanted}, found ${JSON.stringify(kind)?.slice(0, LIMITS.echoedCharsMax) ?? 'nothing'}`,
        },
      ],
    };
  }
  const result = DOCUMENT_KINDS[kind as DocumentKind].schema.safeParse(value);
  if (result.success) return { document: result.data };
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, kind as DocumentKind));
  const more = problems.length - LIMITS.documentProblemsMax;
  if (more <= 0) return { problems };
  return { problems: [...problems.slice(0, -more), { path: [], message: `and ${more} more problems` }] };
}

/** An unknown member is a problem at its own path, so that an editor or the CLI can show its line. */
function problemsOf(issue: z.core.$ZodIssue, kind: DocumentKind): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : echoed(String(step))));
  // Of a key its own problem: the schema's sentence would only say that it is invalid.
  if (issue.code === 'invalid_key') {
    const key = JSON.stringify(path.at(-1));
    return issue.issues.map(({ message }) => ({ path: path.slice(0, -1), message: `${message}, found ${key}` }));
  }
  const branch = issue.code === 'invalid_union' ? branchMeant(issue.errors) : null;
  if (branch !== null)
    return branch.flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, kind));
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({
    path: [...path, echoed(key)],
    message: `unknown member ${JSON.stringify(echoed(key))}${meant(key, kind)}`,
  }));
}

/** Of the forms that a value may have the one whose kind it is of; null where that is none, or several. */
function branchMeant(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | null {
  const fitting = branches.filter((issues) =>
    issues.every(({ code, path }) => path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_union')),
  );
  return fitting.length === 1 ? fitting[0]! : null;
}

/** The member of some object of the document that somebody may have meant. */
function meant(key: string, kind: DocumentKind): string {
  const near = nearest(echoed(key), membersOf(kind));
  // Where it is known, it is not known here.
  return near === null || near === key ? '' : `; did you mean "${near}"?`;
}

const members = new Map<DocumentKind, ReadonlySet<string>>();
function membersOf(kind: DocumentKind): ReadonlySet<string> {
  let found = members.get(kind);
  if (found === undefined) {
    found = new Set(memberNames(z.toJSONSchema(DOCUMENT_KINDS[kind].schema, { unrepresentable: 'any', io: 'input' })));
    members.set(kind, found);
  }
  return found;
}

function memberNames(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties } = schema as { properties?: unknown };
  const own = typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
  return [...own, ...Object.values(schema).flatMap(memberNames)];
}

function echoed(text: string): string {
  return text.slice(0, LIMITS.echoedCharsMax);
}
