// Decides how a problem says which of several documents it is about.
import { type Document, type DocumentKind, type Problem, parseDocument } from '../../core/catalog/document.ts';

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
  readonly document: Document | null;
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
      claims.push({ kind: result.document.kind, name: result.document.name, index, document: result.document });
      continue;
    }
    problems.push(...result.problems.map((problem) => ({ document: index, ...problem })));
    const { kind, name } = value as Partial<Record<string, unknown>>;
    const kindIsKnown = !result.problems.some(({ path }) => path[0] === 'kind');
    if (kindIsKnown && typeof name === 'string')
      claims.push({ kind: kind as DocumentKind, name, index, document: null });
  }
  return { claims, problems };
}

export function keyOf({ kind, name }: DocumentName): string {
  return `${kind}/${name}`;
}
