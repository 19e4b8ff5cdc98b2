// Decides what a person reads when an instance is ready.
import type { Settings } from '../../core/runtime/settings.ts';

/** The surface whose endpoint is `/mcp`. */
export const DEFAULT_SURFACE = 'default';
/** The subject of the token that is printed at a start, which the quickstart's policy knows. */
export const EXAMPLE_SUBJECT = 'agent';

/** The lines for standard output. `token` is null when none could be made. Pure. */
export function greeting(settings: Pick<Settings, 'publicUrl' | 'apiHost' | 'apiPort'>, token: string | null): string {
  const url = `${settings.publicUrl}/mcp`;
  const host = settings.apiHost.includes(':') ? `[${settings.apiHost}]` : settings.apiHost;
  const lines = [`ready ${url}`, '', `  gateway  ${url}`, `  API      http://${host}:${settings.apiPort}/v1`];
  if (token !== null) {
    lines.push(
      `  token    ${token}`,
      '',
      'Add it to an MCP client:',
      `  claude mcp add --transport http chancery ${url} --header "Authorization: Bearer ${token}"`,
      'List its tools:',
      `  curl -H "Authorization: Bearer ${token}" ${settings.publicUrl}/v1/surfaces/${DEFAULT_SURFACE}/tools`,
    );
  }
  lines.push('', 'Ctrl-C stops everything.');
  return `${lines.join('\n')}\n`;
}
