// Decides how many rows go into one statement: SQLite bounds the values of one, and each statement costs.
const ROWS_MAX = 500;

export async function inBatches<Row>(
  rows: readonly Row[],
  write: (batch: readonly Row[]) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_MAX) await write(rows.slice(start, start + ROWS_MAX));
}
