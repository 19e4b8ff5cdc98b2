// Decides how changes of tools are listed, looked at and decided on the command line.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { askApi } from '../api-client.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { oneLine } from '../terminal.ts';
import { show as showItems, showList } from './list.ts';
import { readOutput } from './output.ts';
import { TOOL_CHANGE_VIEW, TOOL_PIN_VIEW } from './tool-views.ts';
import { OTHER_VERSION } from './write.ts';

const decidedSchema = z.object({ id: z.string(), state: z.string(), server: z.string(), tool: z.string() });
const itemsUsual = LIMITS.apiPageItemsUsualMax;

export async function changes(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('tools changes', args);
  if ('problem' in read) return misused('tools changes', read.problem, context);
  const { server, state, ...flags } = read.flags;
  const list = {
    path: '/v1/tool-changes',
    query: given({ server, state }),
    row: { view: TOOL_CHANGE_VIEW, itemsUsual },
  };
  return await showList('tools changes', list, flags, context);
}

export async function pins(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('tools pins', args);
  if ('problem' in read) return misused('tools pins', read.problem, context);
  const { version, ...flags } = read.flags;
  const path = `/v1/servers/${encodeURIComponent(read.words[0] ?? '')}/pins`;
  const list = { path, query: given({ version }), row: { view: TOOL_PIN_VIEW, itemsUsual } };
  return await showList('tools pins', list, flags, context);
}

export async function show(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('tools show', args);
  if ('problem' in read) return misused('tools show', read.problem, context);
  const wanted = readOutput({ output: read.flags.output ?? 'yaml' });
  if ('problem' in wanted) return misused('tools show', wanted.problem, context);
  const answer = await askApi({ path: pathOf(read.words) }, context);
  if (!answer.ok) return failed('tools show', answer.sentence, context);
  const shown = { items: [answer.body], single: true, view: TOOL_CHANGE_VIEW };
  return showItems('tools show', wanted.output, shown, context);
}

export function approve(args: readonly string[], context: CliContext): Promise<number> {
  return decide('approve', args, context);
}

export function reject(args: readonly string[], context: CliContext): Promise<number> {
  return decide('reject', args, context);
}

export async function canary(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('tools canary', args);
  if ('problem' in read) return misused('tools canary', read.problem, context);
  const { percent, principals, why } = read.flags;
  const share = percent === undefined ? 0 : Number(percent);
  if (percent === '' || !(share >= 0 && share <= 100))
    return misused('tools canary', `--percent is a number from 0 to 100, found "${percent}"`, context);
  const named = principals === undefined ? [] : principals.split(',');
  return send('canary', read.words, { percent: share, principals: named, ...reasonOf(why) }, context);
}

async function decide(verb: 'approve' | 'reject', args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments(`tools ${verb}`, args);
  if ('problem' in read) return misused(`tools ${verb}`, read.problem, context);
  return send(verb, read.words, reasonOf(read.flags.why), context);
}

async function send(
  verb: 'approve' | 'reject' | 'canary',
  words: readonly string[],
  body: object,
  context: CliContext,
): Promise<number> {
  const command = `tools ${verb}` as const;
  const answer = await askApi({ method: 'POST', path: `${pathOf(words)}/${verb}`, body }, context);
  if (!answer.ok) return failed(command, answer.sentence, context);
  const decided = decidedSchema.safeParse(answer.body);
  if (!decided.success) return failed(command, OTHER_VERSION, context);
  const { id, state, server, tool } = decided.data;
  context.out(`${oneLine(`${id} ${state}: ${server}/${tool}`)}\n`);
  return EXIT_STATUSES.done.status;
}

function given(query: Readonly<Record<string, string | undefined>>): (readonly [string, string])[] {
  return Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

function reasonOf(why: string | undefined): object {
  return why === undefined ? {} : { reason: why };
}

function pathOf([id = '']: readonly string[]): string {
  return `/v1/tool-changes/${encodeURIComponent(id)}`;
}
