// Decides what `chancery import` does: the server of an official registry's server.json is registered here.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { oneLine } from '../terminal.ts';
import { nameOf } from './changes.ts';
import { readText } from './read-bounded.ts';
import { tellWritten, write } from './write.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('import', args);
  if ('problem' in read) return misused('import', read.problem, context);
  const { name, remote, package: packaged, why, 'dry-run': dryRun } = read.flags;
  for (const [flag, given] of Object.entries({ remote, package: packaged })) {
    if (given !== undefined && !/^\d{1,2}$/.test(given))
      return misused('import', `--${flag} is a place from 0, found "${given}"`, context);
  }
  const [file = ''] = read.words;
  const input = await readText(file, LIMITS.apiBodyBytesMax, context);
  if ('problem' in input) return failed('import', input.problem, context);
  let server: unknown;
  try {
    server = JSON.parse(input.text);
  } catch {
    return failed('import', `${file}: is not JSON, wanted a server.json`, context);
  }
  const body = {
    server,
    ...(name !== undefined && { name }),
    ...(remote !== undefined && { remote: Number(remote) }),
    ...(packaged !== undefined && { package: Number(packaged) }),
  };
  const written = await write({ method: 'POST', path: '/v1/import', body, dryRun, why }, context);
  if (written.ok) tellBeside(written.body, context);
  return tellWritten('import', written, context, importedText);
}

const besideSchema = z.object({ secrets: z.array(z.string()).default([]), notes: z.array(z.string()).default([]) });

/** What the import could not do, or leaves to be done. */
function tellBeside(body: unknown, { err }: CliContext): void {
  const { secrets, notes } = besideSchema.safeParse(body).data ?? { secrets: [], notes: [] };
  for (const note of notes) err(`import: ${oneLine(note)}\n`);
  for (const secret of secrets) err(`import: it uses the secret ${oneLine(secret)} (chancery secret set NAME)\n`);
}

function importedText(body: unknown): string | null {
  const answer = z.object({ server: z.object({ name: z.string() }) }).safeParse(body).data;
  return answer === undefined ? null : `${oneLine(nameOf('Server', answer.server.name))} imported\n`;
}
