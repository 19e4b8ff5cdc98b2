// Decides which Unix sockets a server may use: a path that fits, none of Chancery's own, none of another server.
import { isAbsolute, join } from 'node:path';
import type { Problem, ServerDocument } from '../../core/catalog/document.ts';
import { parseEndpoint } from '../../core/catalog/endpoint.ts';
import { bridgeSocket, SOCKETS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { keyOf } from './problem.ts';
import { type References, socketKey } from './references.ts';

/** An endpoint at one of these would hand an agent's calls to Envoy's admin interface, or to ourselves. */
const OWN_SOCKETS: ReadonlySet<string> = new Set(Object.values(SOCKETS));

/** The socket of an endpoint: without a slash it lies in the run directory. */
export function endpointSocket(host: string, runDir: string): string {
  return isAbsolute(host) ? host : join(runDir, host);
}

export function socketProblems(server: ServerDocument, references: References, runDir: string): Problem[] {
  const problems: Problem[] = [];
  for (const [index, version] of server.versions.entries()) {
    const path = ['versions', index];
    for (const [place, { url }] of (version.endpoints ?? []).entries()) {
      const address = parseEndpoint(url);
      if (address?.kind !== 'unix') continue;
      const message = endpointSocketProblem(address.host, runDir);
      if (message !== null) problems.push({ path: [...path, 'endpoints', place, 'url'], message });
    }
    if (version.stdio === undefined) continue;
    const socket = bridgeSocket(server.name, version.version);
    if (tooLong(join(runDir, socket))) {
      problems.push({
        path: [...path, 'version'],
        message: `the bridge's socket ${join(runDir, socket)} ${WANTED_LENGTH}`,
      });
    }
    // `a` at `1-2` and `a-1` at `2`.
    const other = [...(references.get(socketKey(server.name, version.version)) ?? [])].find(
      (holder) => holder !== keyOf(server),
    );
    if (other !== undefined) {
      problems.push({
        path: [...path, 'version'],
        message: `the name and version give the same socket ${socket} as server "${other.slice('Server/'.length)}"; choose another name or version`,
      });
    }
  }
  return problems;
}

const WANTED_LENGTH = `is longer than ${LIMITS.socketPathBytesMax} bytes: choose shorter names or another run directory`;

function tooLong(path: string): boolean {
  return Buffer.byteLength(path) > LIMITS.socketPathBytesMax;
}

function endpointSocketProblem(host: string, runDir: string): string | null {
  // Any of these names, wherever it lies: a link or a second spelling of the run directory would pass a comparison.
  const name = host.slice(host.lastIndexOf('/') + 1);
  if (OWN_SOCKETS.has(name)) return `"${name}" is the name of a socket of Chancery's own`;
  if (host.includes('/') && !isAbsolute(host)) return `the socket "${host}" is neither a name nor an absolute path`;
  const path = endpointSocket(host, runDir);
  return tooLong(path) ? `the socket ${path} ${WANTED_LENGTH}` : null;
}
