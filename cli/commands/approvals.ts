// Decides how calls that wait for a person are listed and decided on the command line.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { askApi } from '../api-client.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { oneLine } from '../terminal.ts';
import { APPROVAL_VIEW } from './approval-view.ts';
import { show as showItems, showList } from './list.ts';
import { readOutput } from './output.ts';
import { OTHER_VERSION } from './write.ts';

const decidedSchema = z.object({ id: z.string(), state: z.string(), subject: z.string(), target: z.string() });
const ROW = { view: APPROVAL_VIEW, itemsUsual: LIMITS.apiPageItemsUsualMax };

export async function list(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('approvals list', args);
  if ('problem' in read) return misused('approvals list', read.problem, context);
  const { state, surface, ...flags } = read.flags;
  const query = Object.entries({ state, surface }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return await showList('approvals list', { path: '/v1/approvals', query, row: ROW }, flags, context);
}

export async function show(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('approvals show', args);
  if ('problem' in read) return misused('approvals show', read.problem, context);
  const wanted = readOutput({ output: read.flags.output ?? 'yaml' });
  if ('problem' in wanted) return misused('approvals show', wanted.problem, context);
  const answer = await askApi({ path: pathOf(read.words) }, context);
  if (!answer.ok) return failed('approvals show', answer.sentence, context);
  return showItems(
    'approvals show',
    wanted.output,
    { items: [answer.body], single: true, view: APPROVAL_VIEW },
    context,
  );
}

export function approve(args: readonly string[], context: CliContext): Promise<number> {
  return decide('approve', args, context);
}

export function deny(args: readonly string[], context: CliContext): Promise<number> {
  return decide('deny', args, context);
}

async function decide(verb: 'approve' | 'deny', args: readonly string[], context: CliContext): Promise<number> {
  const command = `approvals ${verb}` as const;
  const read = readArguments(command, args);
  if ('problem' in read) return misused(command, read.problem, context);
  const { why } = read.flags;
  const body = why === undefined ? {} : { reason: why };
  const answer = await askApi({ method: 'POST', path: `${pathOf(read.words)}/${verb}`, body }, context);
  if (!answer.ok) return failed(command, answer.sentence, context);
  const decided = decidedSchema.safeParse(answer.body);
  if (!decided.success) return failed(command, OTHER_VERSION, context);
  const { id, state, subject, target } = decided.data;
  context.out(`${oneLine(`${id} ${state}: ${target} for ${subject}`)}\n`);
  return EXIT_STATUSES.done.status;
}

function pathOf([id = '']: readonly string[]): string {
  return `/v1/approvals/${encodeURIComponent(id)}`;
}
