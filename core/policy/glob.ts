// Decides whether a name fits a pattern in which `*` stands for any run of characters.

/** Linear in the name for each star (no backtracking over more than the last one). Case matters. Total. */
export function globMatches(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  let p = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < name.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.length && pattern[p] === name[n]) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++mark;
    } else return false;
  }
  while (p < pattern.length && pattern[p] === '*') p++;
  return p === pattern.length;
}

/** A compiled pattern; ask it as often as you like. */
export type Glob = (name: string) => boolean;

/** The same relation as `globMatches`, with the pattern cut at its stars once. Total. */
export function compileGlob(pattern: string): Glob {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return (name) => name === pattern;
  const inner = rest.filter((piece) => piece !== '');
  if (inner.length === 0 && head === '' && tail === '') return () => true;
  return (name) => {
    if (name.length < head.length + tail.length || !name.startsWith(head) || !name.endsWith(tail)) return false;
    const end = name.length - tail.length;
    let at = head.length;
    // The leftmost place of each piece leaves the most room for the next: no need to come back.
    for (const piece of inner) {
      const found = name.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}
