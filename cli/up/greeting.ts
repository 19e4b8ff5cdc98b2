// Decides what a person reads when an instance is ready.
import { DEFAULT_SURFACE, surfaceToolsPath, surfaceUrl } from '../../core/contract.ts';
import type { Settings } from '../../core/runtime/settings.ts';

/** The subject of the token that is printed at a start, which the quickstart's policy knows. */
export const EXAMPLE_SUBJECT = 'agent';

/** `no surface`: there is nothing at `/mcp` that it could open; null: none could be made. */
export type ExampleToken = { readonly token: string } | 'no surface' | null;

/** The lines for standard output. Pure. */
export function greeting(settings: Pick<Settings, 'publicUrl' | 'apiHost' | 'apiPort'>, example: ExampleToken): string {
  const url = surfaceUrl(settings.publicUrl, DEFAULT_SURFACE);
  const host = settings.apiHost.includes(':') ? `[${settings.apiHost}]` : settings.apiHost;
  const lines = [`ready ${url}`, '', `  gateway  ${url}`, `  API      http://${host}:${settings.apiPort}/v1`];
  if (example === 'no surface') {
    lines.push(
      '',
      `There is no surface "${DEFAULT_SURFACE}" at /mcp; others are at /mcp/<name>:`,
      '  npx chancery get surfaces',
      '  npx chancery apply -f FILE',
      '  npx chancery token --surface NAME',
    );
  } else if (example !== null) {
    const { token } = example;
    lines.push(
      `  token    ${token}`,
      '',
      'Add it to an MCP client:',
      `  claude mcp add --transport http chancery ${url} --header "Authorization: Bearer ${token}"`,
      'List its tools:',
      `  curl -H "Authorization: Bearer ${token}" ${settings.publicUrl}${surfaceToolsPath(DEFAULT_SURFACE)}`,
    );
  }
  lines.push('', 'Ctrl-C stops everything.');
  return `${lines.join('\n')}\n`;
}
