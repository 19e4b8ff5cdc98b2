// Decides whether a name fits a pattern in which `*` stands for any run of characters.

/**
 * Case matters. Total. Patterns come from servers too (their templates) and names from callers: pieces are looked for by
 * `indexOf`, as to go back letter by letter would let two of them keep a process busy for minutes.
 */
export function globMatches(pattern: string, name: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === name;
  // Most patterns end in their only star.
  if (star === pattern.length - 1) return name.startsWith(pattern.slice(0, star));
  return compileGlob(pattern)(name);
}

/** A compiled pattern; ask it as often as you like. */
export type Glob = (name: string) => boolean;

/** The same relation, with the pattern cut at its stars once. Total. */
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
