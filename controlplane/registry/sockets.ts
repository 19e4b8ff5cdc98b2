// Decides which Unix sockets a server may use: a path that fits, none of Chancery's own, none of another server.
import { isAbsolute, join } from 'node:path';
import { type Problem, parseEndpoint, type ServerDocument } from '../../core/catalog/document.ts';
import { bridgeSocket, SOCKETS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';

/** An endpoint at one of these would hand an agent's calls to Envoy's admin interface, or to ourselves. */
const OWN_SOCKETS: ReadonlySet<string> = new Set(Object.values(SOCKETS));

/** The socket of an endpoint: without a slash it lies in the run directory. */
export function endpointSocket(host: string, runDir: string): string {
  return isAbsolute(host) ? host : join(runDir, host);
}

/** Which server has which bridge socket; the first of two that would share one: `a` at `1-2` and `a-1` at `2`. */
export function bridgeSocketOwners(servers: Iterable<ServerDocument>): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const { name, versions } of servers) {
    for (const { stdio, version } of versions) {
      const socket = bridgeSocket(name, version);
      if (stdio !== undefined && !owners.has(socket)) owners.set(socket, name);
    }
  }
  return owners;
}

export function socketProblems(server: ServerDocument, owners: ReadonlyMap<string, string>, runDir: string): Problem[] {
  const problems: Problem[] = [];
  for (const [index, version] of server.versions.entries()) {
    const path = ['versions', index];
    for (const [place, { url }] of (version.endpoints ?? []).entries()) {
      const address = parseEndpoint(url);
      if (address?.kind !== 'unix') continue;
      const message = endpointProblem(address.host, runDir);
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
    const owner = owners.get(socket) ?? server.name;
    if (owner !== server.name) {
      problems.push({
        path: [...path, 'version'],
        message: `the name and version give the same socket ${socket} as server "${owner}"; choose another name or version`,
      });
    }
  }
  return problems;
}

const WANTED_LENGTH = `is longer than ${LIMITS.socketPathBytesMax} bytes: choose shorter names or another run directory`;

function tooLong(path: string): boolean {
  return Buffer.byteLength(path) > LIMITS.socketPathBytesMax;
}

function endpointProblem(host: string, runDir: string): string | null {
  // Any of these names, wherever it lies: a link or a second spelling of the run directory would pass a comparison.
  const name = host.slice(host.lastIndexOf('/') + 1);
  if (OWN_SOCKETS.has(name)) return `"${name}" is the name of a socket of Chancery's own`;
  if (host.includes('/') && !isAbsolute(host)) return `the socket "${host}" is neither a name nor an absolute path`;
  const path = endpointSocket(host, runDir);
  return tooLong(path) ? `the socket ${path} ${WANTED_LENGTH}` : null;
}
