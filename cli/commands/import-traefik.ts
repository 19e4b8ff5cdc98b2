// Decides what `chancery import traefik` does: an MCP middleware of Traefik becomes a policy here.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { oneLine } from '../terminal.ts';
import { nameOf } from './changes.ts';
import { readText } from './read-bounded.ts';
import { tellWritten, write } from './write.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('import traefik', args);
  if ('problem' in read) return misused('import traefik', read.problem, context);
  const { name, server, surfaces, shadow, why, 'dry-run': dryRun } = read.flags;
  const [file = ''] = read.words;
  const input = await readText(file, LIMITS.apiBodyBytesMax, context);
  if ('problem' in input) return failed('import traefik', input.problem, context);
  const body = {
    middleware: input.text,
    ...(name !== undefined && { name }),
    ...(server !== undefined && { server }),
    ...(surfaces !== undefined && { surfaces: surfaces.split(',') }),
    ...(shadow && { mode: 'shadow' }),
  };
  const written = await write({ method: 'POST', path: '/v1/import/traefik-tbac', body, dryRun, why }, context);
  if (written.ok) {
    const notes = notesSchema.safeParse(written.body).data?.notes ?? [];
    for (const note of notes) context.err(`import traefik: ${oneLine(note)}\n`);
  }
  return tellWritten('import traefik', written, context, importedText);
}

const notesSchema = z.object({ notes: z.array(z.string()).default([]) });

function importedText(body: unknown): string | null {
  const answer = z.object({ policy: z.object({ name: z.string() }) }).safeParse(body).data;
  return answer === undefined ? null : `${oneLine(nameOf('Policy', answer.policy.name))} imported\n`;
}
