// Decides which foreign servers an example brings along: the shape of `examples/<name>.run.yaml`.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'a name is lower-case letters, digits and inner hyphens');

const foreignServer = z.strictObject({
  name,
  /** A JavaScript file, relative to the root; it runs on the project's own Node. */
  script: z.string().min(1).max(512),
  args: z.array(z.string().max(4096)).max(64).default([]),
  /** Name of the Unix socket on which it listens, in the run folder; `{socket}` in `env` and `args` is its path. */
  socket: z
    .string()
    .max(LIMITS.socketNameBytesMax)
    .regex(/^[a-z0-9][a-z0-9.-]*\.sock$/, 'a socket is a plain name that ends in .sock'),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(4096)).default({}),
});

const runFile = z
  .strictObject({ servers: z.array(foreignServer).max(16) })
  .refine(
    ({ servers }) => new Set(servers.map((server) => server.name)).size === servers.length,
    'each name is used once',
  )
  .refine(
    ({ servers }) => new Set(servers.map((server) => server.socket)).size === servers.length,
    'each socket is used once',
  );

export type ForeignServer = z.output<typeof foreignServer>;
export type RunFileResult = { readonly servers: readonly ForeignServer[] } | { readonly problem: string };

/** Reads a run file; an absent one names no servers. Total. */
export function readRunFile(path: string): RunFileResult {
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { servers: [] };
    return { problem: `${path} cannot be read: ${(error as Error).message.split('\n')[0]}` };
  }
  const result = runFile.safeParse(value);
  if (result.success) return { servers: result.data.servers };
  const [issue] = result.error.issues;
  return { problem: `${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a run file'}` };
}
