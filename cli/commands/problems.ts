// Decides how the problems of documents are told: each with its file, its line and its path.
import type { CliContext } from '../context.ts';
import { oneLine } from '../terminal.ts';
import type { Located } from './apply-input.ts';

/** In the order of the files and their lines, as an editor lists them. */
export function tellLocated(problems: readonly Located[], files: readonly string[], { err }: CliContext): void {
  const order = new Map(files.map((file, index) => [file, index]));
  const sorted = [...problems].sort((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line);
  for (const { file, line, ...problem } of sorted) err(`${oneLine(file)}:${line}: ${problemText(problem)}\n`);
}

/** `versions[0].endpoints[1].url: …`; the message alone where there is no path. */
export function problemText({
  path,
  message,
}: {
  readonly path: readonly (string | number)[];
  readonly message: string;
}): string {
  const steps = path.map((step, index) =>
    typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`,
  );
  return oneLine(path.length === 0 ? message : `${steps.join('')}: ${message}`);
}
