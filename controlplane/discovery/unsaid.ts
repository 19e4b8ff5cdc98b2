// Decides when a server's own words about a failure are not repeated: they hold a secret that it was sent.

import { secretUses } from '../registry/references.ts';
import type { RegistrySnapshot } from '../registry/types.ts';
import type { DiscoveryTarget } from './targets.ts';

/** Of a longer one this much gives it away: words are cut, so that only its beginning may be left of it. */
const CLUE_CHARS = 16;

/** `bad key: sk-…` comes from servers as they are; what is said of a failure is logged, kept and shown to every role. */
export function withoutSecrets(error: string, secrets: readonly string[]): string {
  const clues = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  if (!clues.some((clue) => error.includes(clue.slice(0, CLUE_CHARS)))) return error;
  return 'it answers with an error that repeats a secret which it was sent, so its words are not shown';
}

/** The values that a server version is sent, or finds in its environment. */
export function secretsSentTo(
  { server, version }: Pick<DiscoveryTarget, 'server' | 'version'>,
  snapshot: Pick<RegistrySnapshot, 'find' | 'secrets'>,
): readonly string[] {
  const document = snapshot.find('Server', server)?.document;
  if (document?.kind !== 'Server') return [];
  const uses = document.versions.filter((other) => other.version === version).flatMap(secretUses);
  return uses.flatMap(({ secret }) => {
    const data = snapshot.secrets.get(secret);
    return data?.type === 'opaque' ? [data.value] : [];
  });
}
