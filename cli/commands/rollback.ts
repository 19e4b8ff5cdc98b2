// Decides what `chancery rollback` does: one document becomes what it was at a revision.
import { DOCUMENT_KINDS } from '../../core/catalog/document.ts';
import { misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { kindNamed } from '../kinds.ts';
import { oneLine } from '../terminal.ts';
import { nameOf } from './changes.ts';
import { tellWritten, write } from './write.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('rollback', args);
  if ('problem' in read) return misused('rollback', read.problem, context);
  const [word = '', name = '', revision = ''] = read.words;
  const found = kindNamed(word);
  if ('problem' in found) return misused('rollback', found.problem, context);
  if (!/^\d{1,15}$/.test(revision))
    return misused('rollback', `a revision is a whole number (see chancery history), found "${revision}"`, context);
  const { why, 'dry-run': dryRun } = read.flags;
  const path = `/v1/${DOCUMENT_KINDS[found.kind].collection}/${encodeURIComponent(name)}/rollback`;
  const body = { revision: Number(revision) };
  const written = await write({ method: 'POST', path, body, dryRun, why }, context);
  return tellWritten('rollback', written, context, (_, status) => {
    const became = status === 204 ? 'deleted' : 'back';
    return `${oneLine(nameOf(found.kind, name))} ${became}, as it was at revision ${revision}\n`;
  });
}
