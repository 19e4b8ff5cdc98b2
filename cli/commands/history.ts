// Decides what `chancery history` shows: what was done to one document, newest first.
import { DOCUMENT_KINDS } from '../../core/catalog/document.ts';
import { misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { kindNamed } from '../kinds.ts';
import { listRow, showList } from './list.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('history', args);
  if ('problem' in read) return misused('history', read.problem, context);
  const [word = '', name = ''] = read.words;
  const found = kindNamed(word);
  if ('problem' in found) return misused('history', found.problem, context);
  const path = `/v1/${DOCUMENT_KINDS[found.kind].collection}/${encodeURIComponent(name)}/history`;
  return await showList('history', { path, row: listRow('log') }, read.flags, context);
}
