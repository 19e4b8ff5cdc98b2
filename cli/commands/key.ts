// Decides how API keys are made, listed and revoked on the command line.
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { askApi } from '../api-client.ts';
import { type Arguments, failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { durationMs, words } from '../duration.ts';
import { oneLine } from '../terminal.ts';
import { listAll } from './list.ts';
import { OTHER_VERSION } from './write.ts';

const madeSchema = z.object({
  // It goes into a file or a variable: nothing but the key may come out.
  key: z.string().regex(/^[!-~]+$/),
  id: z.string(),
  subject: z.string(),
  expiresAt: z.string(),
});

/** The key goes to the standard output alone, so that it can be redirected into a file that nobody else reads. */
export async function create(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('key create', args);
  if ('problem' in read) return misused('key create', read.problem, context);
  const body = bodyOf(read, context.nowMs());
  if ('problem' in body) return misused('key create', String(body.problem), context);
  const answer = await askApi({ method: 'POST', path: '/v1/keys', body, why: read.flags.why }, context);
  if (!answer.ok) return failed('key create', answer.sentence, context);
  const made = madeSchema.safeParse(answer.body);
  if (!made.success) return failed('key create', OTHER_VERSION, context);
  const { key, id, subject, expiresAt } = made.data;
  context.out(`${key}\n`);
  context.err(oneLine(`key ${id} of ${subject}, good until ${expiresAt}; it is not shown again`));
  context.err(`\nrevoke it with "chancery key revoke ${oneLine(id)}"\n`);
  return EXIT_STATUSES.done.status;
}

function bodyOf(
  { flags }: Arguments<'key create'>,
  nowMs: number,
): Readonly<Record<string, unknown>> | { readonly problem: string } {
  const { sub, surfaces, groups, scopes, ttl, description, 'admin-role': roles } = flags;
  if (!sub) return { problem: 'say who it is for with --sub' };
  const ttlMs = ttl === undefined ? undefined : durationMs(ttl, LIMITS.apiKeyTtlMaxMs);
  if (ttlMs === null) {
    const days = LIMITS.apiKeyTtlMaxMs / 86_400_000;
    return { problem: `--ttl wants a time such as 15m, 12h or 30d, at most ${days}d, found "${ttl}"` };
  }
  return {
    use: roles.length > 0 ? 'admin' : 'agent',
    subject: sub,
    ...(roles.length > 0 && { roles: roles.flatMap((role) => words(role, ',')) }),
    ...(surfaces !== undefined && { surfaces: words(surfaces, ',') }),
    ...(groups !== undefined && { groups: words(groups, ',') }),
    ...(scopes !== undefined && { scopes: words(scopes, ',') }),
    ...(ttlMs !== undefined && { expiresAt: new Date(nowMs + ttlMs).toISOString() }),
    ...(description !== undefined && { description }),
  };
}

export async function list(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('key list', args);
  if ('problem' in read) return misused('key list', read.problem, context);
  return await listAll('key list', 'keys', read.flags, context);
}

export async function revoke(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('key revoke', args);
  if ('problem' in read) return misused('key revoke', read.problem, context);
  const [id = ''] = read.words;
  const { why } = read.flags;
  const answer = await askApi({ method: 'DELETE', path: `/v1/keys/${encodeURIComponent(id)}`, why }, context);
  if (!answer.ok) return failed('key revoke', answer.sentence, context);
  context.out(`${oneLine(`key ${id}`)} revoked\n`);
  return EXIT_STATUSES.done.status;
}
