// Decides which word somebody may have meant who wrote one that is not known.

/** ` (did you mean "get"?)`, or nothing when none is near. Total. */
export function suggestion(word: string, known: Iterable<string>): string {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  // Of a short word every other one is near.
  let least = Math.min(2, Math.floor(wanted.replace(/^-+/, '').length / 3)) + 1;
  for (const candidate of known) {
    const distance = candidate.startsWith(wanted) && wanted.length > 1 ? 1 : edits(wanted, candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best === undefined ? '' : ` (did you mean "${best}"?)`;
}

/** Letters to add, drop, change or swap with their neighbour. What is much longer than any word of ours is far from all. */
function edits(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 2) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [[...Array(to.length + 1).keys()]];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row[j] = Math.min(
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (rows[i - 2]?.[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    rows.push(row);
  }
  return rows[from.length]?.[to.length] ?? 0;
}
