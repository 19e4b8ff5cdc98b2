// Decides what a child of the bridge is told about the machine: a few variables, and what the operator configured.
import type { StdioServer } from '../core/catalog/catalog.ts';

/** Without these many programs do not start. Everything else of our own environment may be a secret. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TMPDIR'] as const;

export function childEnvironment(
  definition: Pick<StdioServer, 'env'>,
  baseEnv: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = baseEnv[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...definition.env };
}

/** `node` is the Node that runs us, whatever the machine's own one is; everything else is as the operator wrote it. */
export function childCommand(command: string, nodePath: string): string {
  return command === 'node' ? nodePath : command;
}
