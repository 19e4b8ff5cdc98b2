// Decides which list `chancery get` shows, and what of it.
import { askApi } from '../api-client.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { kindOf, listNamed } from '../kinds.ts';
import { listRow, show, showList } from './list.ts';
import { readOutput } from './output.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('get', args);
  if ('problem' in read) return misused('get', read.problem, context);
  const [word = '', name] = read.words;
  const found = listNamed(word);
  if ('problem' in found) return misused('get', found.problem, context);
  const { list } = found;
  const { label: labels, ...flags } = read.flags;
  const ofDocuments = kindOf(list) !== undefined;
  if (labels.length > 0 && (!ofDocuments || name !== undefined))
    return misused('get', `-l chooses among documents, found it with ${name ?? list}`, context);
  if (list === 'log' && name !== undefined)
    return misused('get', 'the log of one document is shown by "chancery history KIND NAME"', context);
  const row = listRow(list);
  if (name === undefined || !ofDocuments) {
    const query = labels.map((label) => ['label', label] as const);
    const only = name === undefined ? {} : { only: { id: name, one: list.replace(/s$/, '') } };
    return await showList('get', { path: `/v1/${list}`, query, row, ...only }, flags, context);
  }
  const wanted = readOutput(flags);
  if ('problem' in wanted) return misused('get', wanted.problem, context);
  const answer = await askApi({ path: `/v1/${list}/${encodeURIComponent(name)}` }, context);
  if (!answer.ok) return failed('get', answer.sentence, context);
  return show('get', wanted.output, { items: [answer.body], single: true, view: row.view }, context);
}
