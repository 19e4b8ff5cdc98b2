// Decides how a command that changes documents asks for it, and how its outcome is told.
import { type ApiFailure, type ApiQuestion, askApi } from '../api-client.ts';
import { failed } from '../arguments.ts';
import type { CommandName } from '../commands.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { oneLine } from '../terminal.ts';
import { nameOf, readChanges, tellDryRun } from './changes.ts';
import { problemText } from './problems.ts';

export const OTHER_VERSION = 'the REST API is of another version: its answer has another shape';

export type Written =
  | { readonly ok: true; readonly tried: boolean; readonly status: number; readonly body: unknown }
  | Pick<ApiFailure, 'ok' | 'sentence' | 'problems'>;

/** Does it, or with `dryRun` only tries it. */
export async function write(
  { dryRun, ...question }: ApiQuestion & { readonly dryRun: boolean },
  context: CliContext,
): Promise<Written> {
  const answer = await askApi({ ...question, query: dryRun ? [['dryRun', 'true']] : [] }, context);
  if (!answer.ok) return answer;
  const { status, body } = answer;
  const changes = dryRun ? readChanges(body) : null;
  // What was only to be tried must not be told as if it was: an answer without `dryRun` may be of a write.
  if (dryRun && changes?.dryRun !== true) return { ok: false, sentence: OTHER_VERSION, problems: [] };
  return { ok: true, tried: dryRun, status, body };
}

/** Says what would be, what went wrong, or by `done` what became of it. Resolves to the exit status. */
export function tellWritten(
  command: CommandName,
  written: Written,
  context: CliContext,
  done: (body: unknown, status: number) => string | null,
): number {
  if (!written.ok) {
    if (written.problems.length === 0) return failed(command, written.sentence, context);
    for (const problem of written.problems) context.err(`${command}: ${problemText(problem)}\n`);
    return EXIT_STATUSES.failed.status;
  }
  const read = readChanges(written.body);
  for (const { kind, name, warnings } of read?.changes ?? []) {
    for (const sentence of warnings) context.err(`${command}: ${oneLine(`${nameOf(kind, name)}: ${sentence}`)}\n`);
  }
  const changes = written.tried ? read : null;
  if (changes !== null) return tellDryRun(changes, context);
  const text = done(written.body, written.status);
  if (text === null) return failed(command, OTHER_VERSION, context);
  context.out(text);
  return EXIT_STATUSES.done.status;
}
