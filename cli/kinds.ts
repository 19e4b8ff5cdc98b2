// Decides by which words a person may name a kind of document, or another list of the REST API.
import { DOCUMENT_KINDS, type DocumentKind } from '../core/catalog/document.ts';
import { suggestion } from './suggest.ts';

/** What is listed beside documents. */
export const OTHER_LISTS = ['nodes', 'keys', 'log'] as const;
export type Collection = (typeof DOCUMENT_KINDS)[DocumentKind]['collection'] | (typeof OTHER_LISTS)[number];

const KINDS: ReadonlyMap<string, DocumentKind> = new Map(
  (Object.keys(DOCUMENT_KINDS) as DocumentKind[]).flatMap((kind) => {
    const { collection } = DOCUMENT_KINDS[kind];
    const one = collection.replace(/ies$/, 'y').replace(/s$/, '');
    return [collection, one, kind.toLowerCase()].map((word): [string, DocumentKind] => [word, kind]);
  }),
);
const LISTS: ReadonlyMap<string, Collection> = new Map([
  ...OTHER_LISTS.flatMap((list): [string, Collection][] => [
    [list, list],
    [list.replace(/s$/, ''), list],
  ]),
  ...[...KINDS].map(([word, kind]): [string, Collection] => [word, DOCUMENT_KINDS[kind].collection]),
]);

/** `server`, `servers`, `Server`. Total. */
export function kindNamed(word: string): { readonly kind: DocumentKind } | { readonly problem: string } {
  const kind = KINDS.get(word.toLowerCase());
  const wanted = Object.values(DOCUMENT_KINDS).map(({ collection }) => collection);
  return kind === undefined ? { problem: unknown(word, wanted, KINDS.keys()) } : { kind };
}

/** Of documents, or one of the others. Total. */
export function listNamed(word: string): { readonly list: Collection } | { readonly problem: string } {
  const list = LISTS.get(word.toLowerCase());
  return list === undefined ? { problem: unknown(word, [...new Set(LISTS.values())], LISTS.keys()) } : { list };
}

/** The kind of the documents of a list; undefined when it is none of documents. */
export function kindOf(list: Collection): DocumentKind | undefined {
  return KINDS.get(list);
}

function unknown(word: string, wanted: readonly string[], known: Iterable<string>): string {
  return `there is no kind "${word}"${suggestion(word, known)}; the kinds are ${[...wanted].sort().join(', ')}`;
}
