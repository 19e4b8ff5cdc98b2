// Decides what the bridge is told of a stdio server version, with the secrets of its environment put in.
import type { StdioServer } from '../../core/catalog/catalog.ts';
import type { ServerVersionDocument } from '../../core/catalog/document.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import type { RegistrySnapshot } from '../registry/types.ts';
import { bridgeSocketPath } from './endpoints.ts';

export interface StdioParts {
  /** `<server>.<version>` */
  readonly name: string;
  readonly definition: StdioServer;
  /** Of the content, with the keyed hash of a secret instead of its value, which a plain hash would let people guess. */
  readonly contentVersion: string;
}

/** None for a version with endpoints; and none while a secret of its environment is not there: a program is not run half equipped. */
export function stdioParts(
  server: string,
  { version, stdio }: ServerVersionDocument,
  snapshot: RegistrySnapshot,
  runDir: string,
): readonly StdioParts[] {
  if (stdio === undefined) return [];
  const env: Record<string, string> = {};
  const hashes: Record<string, string> = {};
  for (const [name, value] of Object.entries(stdio.env)) {
    if (typeof value === 'string') {
      env[name] = value;
      continue;
    }
    const secret = snapshot.secrets.get(value.secret);
    if (secret?.type !== 'opaque') return [];
    env[name] = secret.value;
    hashes[name] = snapshot.find('Secret', value.secret)?.hash ?? '';
  }
  const { command, args, cwd } = stdio;
  const socket = bridgeSocketPath(server, version, runDir);
  const definition = { server, version, socket, command, args, env, ...(cwd === undefined ? {} : { cwd }) };
  return [
    {
      name: `${server}.${version}`,
      definition,
      contentVersion: contentHash({ ...definition, env: { ...env, ...hashes }, secrets: Object.keys(hashes).sort() }),
    },
  ];
}
