// Decides what `chancery delete` does: one document leaves the registry.
import { failed, misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { kindNamed } from '../kinds.ts';
import { appliedText } from './apply.ts';
import { readChanges } from './changes.ts';
import { tellWritten, write } from './write.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('delete', args);
  if ('problem' in read) return misused('delete', read.problem, context);
  const [word = '', name = ''] = read.words;
  const found = kindNamed(word);
  if ('problem' in found) return misused('delete', found.problem, context);
  const { why, 'dry-run': dryRun } = read.flags;
  const body = { deletes: [{ kind: found.kind, name }] };
  const written = await write({ method: 'POST', path: '/v1/apply', body, dryRun, why }, context);
  const changes = written.ok ? (readChanges(written.body)?.changes ?? []) : [];
  if (changes.some(({ change }) => change === 'unchanged'))
    return failed('delete', `no ${found.kind} is named "${name}"`, context);
  return tellWritten('delete', written, context, appliedText);
}
