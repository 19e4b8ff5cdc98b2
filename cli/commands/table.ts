// Decides how rows become aligned columns on a terminal.
import { oneLine } from '../terminal.ts';

/** Two spaces between columns; nothing after the last. Cells may be a server's words. */
export function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(oneLine));
  const widths = (clean[0] ?? []).map((_, column) =>
    clean.reduce((width, row) => Math.max(width, (row[column] ?? '').length), 0),
  );
  return clean
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
