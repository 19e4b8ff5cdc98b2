// Decides what `chancery transition` asks for: a version of a server in another state of its life.
import { z } from 'zod';
import { LIFECYCLE_STATES } from '../../core/catalog/lifecycle.ts';
import { type Arguments, misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { words } from '../duration.ts';
import { suggestion } from '../suggest.ts';
import { oneLine } from '../terminal.ts';
import { nameOf } from './changes.ts';
import { tellWritten, write } from './write.ts';

const serverSchema = z.object({
  name: z.string(),
  versions: z.array(z.object({ version: z.string(), state: z.string() })),
});

type Body = Readonly<Record<string, unknown>>;

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('transition', args);
  if ('problem' in read) return misused('transition', read.problem, context);
  const [server = '', version = ''] = read.words;
  const body = bodyOf(read);
  if ('problem' in body) return misused('transition', String(body.problem), context);
  const { why, 'dry-run': dryRun } = read.flags;
  // It is kept in the history; what is only tried is kept nowhere.
  if (!why && !dryRun) return misused('transition', 'say why with --why: it is kept in the history', context);
  const path = `/v1/servers/${encodeURIComponent(server)}/versions/${encodeURIComponent(version)}/transition`;
  const written = await write({ method: 'POST', path, body: { ...body, why: why ?? 'tried' }, dryRun }, context);
  return tellWritten('transition', written, context, statesText);
}

function bodyOf({ flags, words: [, , state = ''] }: Arguments<'transition'>): Body | { readonly problem: string } {
  const to = LIFECYCLE_STATES.find((known) => known === state);
  if (to === undefined) {
    return {
      problem: `there is no state "${state}"${suggestion(state, LIFECYCLE_STATES)}; the states are ${LIFECYCLE_STATES.join(', ')}`,
    };
  }
  const { percent, principals, sunset } = flags;
  const canary = percent !== undefined || principals !== undefined;
  const share = Number(percent ?? 0);
  if (percent !== undefined && (!/^\d{1,3}(\.\d{1,2})?$/.test(percent) || share > 100))
    return { problem: `--percent is a number from 0 to 100, with two decimals at most, found "${percent}"` };
  const subjects = words(principals ?? '', ',');
  if (principals !== undefined && subjects.length === 0)
    return { problem: '--principals wants subjects with commas between' };
  const instant = sunset === undefined ? undefined : instantOf(sunset);
  if (instant === null)
    return { problem: `--sunset is a date such as 2027-01-31 or 2027-01-31T12:00:00Z, found "${sunset}"` };
  return {
    to,
    ...(canary && {
      canary: {
        ...(percent !== undefined && { percent: share }),
        ...(principals !== undefined && { principals: subjects }),
      },
    }),
    ...(instant !== undefined && { sunset: instant }),
  };
}

/** The states of all versions: what becomes active takes over from another one. */
function statesText(body: unknown): string | null {
  const server = serverSchema.safeParse(body).data;
  if (server === undefined) return null;
  const lines = server.versions.map(({ version, state }) => `${nameOf('Server', server.name)} ${version} ${state}`);
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}

/** A day begins at midnight UTC, wherever the command runs. */
function instantOf(text: string): string | null {
  const whole = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const [, day = ''] =
    /^\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/.exec(whole) ?? [];
  // Date.parse makes the 3rd of March of the 31st of February.
  const there = day !== '' && new Date(`${whole.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(day);
  return there && !Number.isNaN(Date.parse(whole)) ? whole : null;
}
