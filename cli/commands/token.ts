// Decides what `chancery token` prints: one bearer token of the local issuer, and nothing else.
import { parseArgs } from 'node:util';
import { issuerKeyPath, readIssuerKey } from '../../controlplane/keys/issuer-key.ts';
import { mintToken } from '../../controlplane/keys/mint.ts';
import { KeyError } from '../../controlplane/keys/private-file.ts';
import { nameSchema } from '../../core/catalog/document.ts';
import { SETTINGS } from '../../core/runtime/settings.ts';
import type { CliContext } from '../context.ts';

const USAGE = 'usage: chancery token [--sub NAME] [--surface S] [--ttl 12h] [--groups A,B] [--scope "A B"]\n';
const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const TTL_MAX_MS = 366 * 86_400_000;

interface Wanted {
  readonly subject: string;
  readonly surface: string;
  readonly ttlMs: number;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
}

/** Resolves to 0 when it is printed, to 1 when there is no key, to 2 for a wrong command line. */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const wanted = readFlags(args);
  if ('problem' in wanted) {
    context.err(`token: ${wanted.problem}\n${USAGE}`);
    return 2;
  }
  const { home, publicUrl } = context.settings;
  try {
    const key = readIssuerKey(home);
    if (key === null) {
      const { flag, env } = SETTINGS.home;
      context.err(
        `token: there is no ${issuerKeyPath(home)}: start Chancery with "chancery up", or name its home folder with --${flag} or ${env}\n`,
      );
      return 1;
    }
    context.out(`${await mintToken(key, { ...wanted, publicUrl, nowMs: context.nowMs() })}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    context.err(`token: ${error.message}\n`);
    return 1;
  }
}

function readFlags(args: readonly string[]): Wanted | { readonly problem: string } {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { sub: text, surface: text, ttl: text, groups: text, scope: text },
    });
    const { sub = 'agent', surface = 'default', ttl = '12h', groups = '', scope = '' } = values;
    if (sub === '' || sub.length > 256 || /\p{Cc}/u.test(sub))
      return { problem: '--sub wants a name of 1 to 256 characters' };
    const named = nameSchema.safeParse(surface);
    if (!named.success) return { problem: `--surface: ${named.error.issues[0]?.message}, found "${surface}"` };
    const ttlMs = durationMs(ttl);
    if (ttlMs === null)
      return { problem: `--ttl wants a time such as 30s, 15m, 12h or 7d, at most 366d, found "${ttl}"` };
    return { subject: sub, surface, ttlMs, groups: words(groups, ','), scopes: words(scope, ' ') };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function durationMs(text: string): number | null {
  const [, digits = '', unit = ''] = /^(\d{1,8})([smhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS_MS[unit] ?? 0);
  return ms > 0 && ms <= TTL_MAX_MS ? ms : null;
}

function words(text: string, separator: string): readonly string[] {
  return text
    .split(separator)
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
