// Decides what `chancery token` prints: one bearer token of the local issuer, and nothing else.
import { issuerKeyPath, readIssuerKey } from '../../controlplane/keys/issuer-key.ts';
import { mintToken } from '../../controlplane/keys/mint.ts';
import { KeyError } from '../../controlplane/keys/private-file.ts';
import { nameSchema } from '../../core/catalog/documents/fields.ts';
import { DEFAULT_SURFACE } from '../../core/contract.ts';
import { SETTINGS } from '../../core/runtime/settings.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { durationMs, words } from '../duration.ts';

const TTL_MAX_MS = 366 * 86_400_000;

interface Wanted {
  readonly subject: string;
  readonly surface: string;
  readonly ttlMs: number;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
}

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const wanted = readFlags(args);
  if ('problem' in wanted) return misused('token', wanted.problem, context);
  const { home, publicUrl } = context.settings;
  try {
    const key = readIssuerKey(home);
    if (key === null) {
      const { flag, env } = SETTINGS.home;
      const how = `start Chancery with "chancery up", or name its home folder with --${flag} or ${env}`;
      return failed('token', `there is no ${issuerKeyPath(home)}: ${how}`, context);
    }
    context.out(`${await mintToken(key, { ...wanted, publicUrl, nowMs: context.nowMs() })}\n`);
    return EXIT_STATUSES.done.status;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    return failed('token', error.message, context);
  }
}

function readFlags(args: readonly string[]): Wanted | { readonly problem: string } {
  const read = readArguments('token', args);
  if ('problem' in read) return read;
  const { sub = 'agent', surface = DEFAULT_SURFACE, ttl = '12h', groups = '', scope = '' } = read.flags;
  if (sub === '' || sub.length > 256 || /\p{Cc}/u.test(sub))
    return { problem: '--sub wants a name of 1 to 256 characters' };
  const named = nameSchema.safeParse(surface);
  if (!named.success) return { problem: `--surface: ${named.error.issues[0]?.message}, found "${surface}"` };
  const ttlMs = durationMs(ttl, TTL_MAX_MS);
  if (ttlMs === null)
    return { problem: `--ttl wants a time such as 30s, 15m, 12h or 7d, at most 366d, found "${ttl}"` };
  return { subject: sub, surface, ttlMs, groups: words(groups, ','), scopes: words(scope, ' ') };
}
