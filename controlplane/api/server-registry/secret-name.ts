// Decides how the secret is named that an imported server asks for.
import { LIMITS } from '../../../core/limits.ts';

/** `github`, `API_KEY` → `github-api-key`; as much of it as a name may have. */
export function secretName(server: string, what: string): string {
  const text = `${server}-${what}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return text.slice(0, LIMITS.serverNameCharsMax).replace(/^-+|-+$/g, '');
}
