// Decides how a problem says which of several documents it is about.
import {
  type Document,
  type DocumentKind,
  type Problem,
  parseDocument,
  type SecretData,
} from '../../core/catalog/document.ts';
import { SECRET_MEMBERS, type SecretDocument } from '../../core/catalog/documents/secret.ts';

export interface DocumentProblem extends Problem {
  /** Place of the document in the request; deletions are counted on after the documents. */
  readonly document: number;
}

export interface DocumentName {
  readonly kind: DocumentKind;
  readonly name: string;
}

/** What one document of a request claims to be; `document` is null when it has problems of its own. */
export interface Claim extends DocumentName {
  readonly index: number;
  /** Without SECRET_MEMBERS: what they hold is in `secret`, and goes its own way from here on. */
  readonly document: Document | null;
  readonly secret: SecretData | null;
}

export interface Reading {
  readonly claims: readonly Claim[];
  readonly problems: readonly DocumentProblem[];
}

/** Reads each document by itself. One with problems still claims its name, so that what refers to it is not blamed. */
export function readDocuments(values: readonly unknown[]): Reading {
  const claims: Claim[] = [];
  const problems: DocumentProblem[] = [];
  for (const [index, value] of values.entries()) {
    const result = parseDocument(value);
    if ('document' in result) {
      const { kind, name } = result.document;
      claims.push({ kind, name, index, ...withoutSecret(result.document) });
      continue;
    }
    problems.push(...result.problems.map((problem) => ({ document: index, ...problem })));
    const { kind, name } = value as Partial<Record<string, unknown>>;
    const kindIsKnown = !result.problems.some(({ path }) => path[0] === 'kind');
    if (kindIsKnown && typeof name === 'string')
      claims.push({ kind: kind as DocumentKind, name, index, document: null, secret: null });
  }
  return { claims, problems };
}

function withoutSecret(document: Document): Pick<Claim, 'document' | 'secret'> {
  if (document.kind !== 'Secret') return { document, secret: null };
  const shown: SecretDocument = { ...document };
  for (const member of SECRET_MEMBERS) delete shown[member];
  return { document: shown, secret: secretIn(document) };
}

function secretIn({ type, value, certificate, privateKey }: SecretDocument): SecretData | null {
  if (type === 'opaque') return value === undefined ? null : { type, value };
  return certificate === undefined || privateKey === undefined ? null : { type, certificate, privateKey };
}

export function keyOf({ kind, name }: DocumentName): string {
  return `${kind}/${name}`;
}
