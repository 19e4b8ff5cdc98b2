// Decides how a list of the REST API is read and shown, whichever it is.
import { LIMITS } from '../../core/limits.ts';
import { failed, misused } from '../arguments.ts';
import type { CommandName } from '../commands.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { type Collection, kindOf, type OTHER_LISTS } from '../kinds.ts';
import { readPages } from '../pages.ts';
import { DOCUMENT_VIEWS } from './document-views.ts';
import { KEY_VIEW } from './key-view.ts';
import { LOG_VIEW } from './log-view.ts';
import { NODE_TYPES_VIEW, NODE_VIEW } from './node-view.ts';
import { ITEMS_MAX, type Output, type OutputFlags, readOutput, type Shown, textOf } from './output.ts';
import type { View } from './view.ts';

export interface ListRow {
  readonly view: View;
  /** Of `-o wide`, or of one that is named. */
  readonly closer?: View;
  /** Items that are shown unless it is said how many. */
  readonly itemsUsual: number;
  /** It comes in one piece. */
  readonly whole?: true;
}

const OTHERS: { readonly [list in (typeof OTHER_LISTS)[number]]: ListRow } = {
  nodes: { view: NODE_VIEW, closer: NODE_TYPES_VIEW, itemsUsual: ITEMS_MAX, whole: true },
  keys: { view: KEY_VIEW, itemsUsual: ITEMS_MAX },
  log: { view: LOG_VIEW, itemsUsual: LIMITS.apiPageItemsUsualMax },
};

export function listRow(list: Collection): ListRow {
  const kind = kindOf(list);
  if (kind !== undefined) return { view: DOCUMENT_VIEWS[kind], itemsUsual: ITEMS_MAX };
  return OTHERS[list as (typeof OTHER_LISTS)[number]];
}

export interface ListQuestion {
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  /** Only the item with this `id`, and what it is called. */
  readonly only?: { readonly id: string; readonly one: string };
  readonly row: ListRow;
}

/** Resolves to the exit status. */
export async function showList(
  command: CommandName,
  { path, query = [], only, row }: ListQuestion,
  flags: OutputFlags,
  context: CliContext,
): Promise<number> {
  const wanted = readOutput(flags);
  if ('problem' in wanted) return misused(command, wanted.problem, context);
  const { output, limit: itemsMax = row.itemsUsual } = wanted;
  const pages = await readPages({ path, query, itemsMax, whole: row.whole ?? false }, context);
  if (!pages.ok) return failed(command, pages.sentence, context);
  const items = only === undefined ? pages.items : pages.items.filter((item) => idOf(item) === only.id);
  if (only !== undefined && items.length === 0)
    return failed(command, `no ${only.one} has the id "${only.id}"`, context);
  const view = (only !== undefined || output === 'wide') && row.closer !== undefined ? row.closer : row.view;
  const status = show(command, output, { items, single: only !== undefined, revision: pages.revision, view }, context);
  if (pages.more) context.err(`${command}: there are more than these ${itemsMax}: see --limit\n`);
  return status;
}

/** A whole list. Resolves to the exit status. */
export function listAll(
  command: CommandName,
  list: Collection,
  flags: OutputFlags,
  context: CliContext,
): Promise<number> {
  return showList(command, { path: `/v1/${list}`, row: listRow(list) }, flags, context);
}

/** Items in the form that was asked for. Resolves to the exit status. */
export function show(command: CommandName, output: Output, shown: Omit<Shown, 'nowMs'>, context: CliContext): number {
  const text = textOf(output, { ...shown, nowMs: context.nowMs() });
  if (text === null) return failed(command, 'the REST API is of another version: use -o json', context);
  context.out(text);
  return EXIT_STATUSES.done.status;
}

function idOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null ? Reflect.get(item, 'id') : undefined;
}
