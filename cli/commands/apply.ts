// Decides what `chancery apply` does: all documents of its files go into the registry, or none and every problem is told.
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { readInputs } from './apply-files.ts';
import { checkDocuments, type Located, readSources } from './apply-input.ts';
import { changesText, readChanges } from './changes.ts';
import { problemText, tellLocated } from './problems.ts';
import { tellWritten, write } from './write.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('apply', args);
  if ('problem' in read) return misused('apply', read.problem, context);
  const { file: files, prune, why, 'dry-run': dryRun } = read.flags;
  if (files.length === 0) return misused('apply', '', context);
  if (files.filter((file) => file === '-').length > 1)
    return misused('apply', 'the standard input can be read once', context);
  const inputs = await readInputs(files, context);
  if ('problem' in inputs) return failed('apply', inputs.problem, context);
  const names = inputs.sources.map((source) => source.file);
  const { documents, problems } = readSources(inputs.sources);
  if (problems.length > 0) return refused([...problems, ...checkDocuments(documents)], [], names, context);

  const body = { documents: documents.map(({ value }) => value), ...(prune ? { prune } : {}) };
  const written = await write({ method: 'POST', path: '/v1/apply', body, dryRun, why }, context);
  if (written.ok || written.problems.length === 0) return tellWritten('apply', written, context, appliedText);
  const located = written.problems.flatMap((problem) => documents[problem.document]?.locate(problem) ?? []);
  // Of what is deleted there is no file.
  const others = written.problems.filter((problem) => documents[problem.document] === undefined).map(problemText);
  return refused(located, others, names, context);
}

/** null: the answer has another shape. */
export function appliedText(body: unknown): string | null {
  const changes = readChanges(body);
  return changes === null ? null : changesText(changes);
}

function refused(
  located: readonly Located[],
  others: readonly string[],
  files: readonly string[],
  context: CliContext,
): number {
  tellLocated(located, files, context);
  for (const sentence of others) context.err(`apply: ${sentence}\n`);
  context.err('nothing was applied\n');
  return EXIT_STATUSES.failed.status;
}
