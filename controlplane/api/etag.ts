// Decides whether a request's preconditions hold for the document as it is (RFC 9110 §13.1).

/** The hash of a document is its entity tag. */
export function etagOf(hash: string): string {
  return `"${hash}"`;
}

/** Undefined when the request has no precondition. `hash` is null when there is no document. */
export function preconditionOf(headers: Headers): ((hash: string | null) => boolean) | undefined {
  const match = headers.get('if-match');
  const noneMatch = headers.get('if-none-match');
  if (match === null && noneMatch === null) return undefined;
  return (hash) => (match === null || names(match, hash)) && (noneMatch === null || !names(noneMatch, hash, true));
}

/** §8.8.3.2: If-Match compares strongly, so that a weak tag never fits; If-None-Match weakly. */
function names(list: string, hash: string | null, weakly = false): boolean {
  if (hash === null) return false;
  const tags = list.split(',').map((tag) => tag.trim());
  const fits = tags.map((tag) => (weakly ? tag.replace(/^W\//, '') : tag));
  return fits.includes('*') || fits.includes(etagOf(hash));
}
