// Decides at which addresses a server version is reached.
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type EndpointAddress, parseEndpoint, type ServerVersionDocument } from '../../core/catalog/document.ts';
import { bridgeSocket } from '../../core/contract.ts';
import { endpointSocket } from '../registry/sockets.ts';

/** What the bridge gives every stdio server. */
const BRIDGE = { tls: false, port: 0, path: '/mcp', authority: 'localhost' } as const;

export function bridgeSocketPath(server: string, version: string, runDir: string): string {
  return join(runDir, bridgeSocket(server, version));
}

/**
 * All replicas, which agree on path and scheme (the schema says so). `host` of a Unix socket is an absolute path here:
 * one without a slash lies in the run directory.
 */
export function resolveEndpoints(
  server: string,
  version: ServerVersionDocument,
  runDir: string,
): readonly EndpointAddress[] {
  if (version.stdio !== undefined) {
    return [{ kind: 'unix', host: bridgeSocketPath(server, version.version, runDir), ...BRIDGE }];
  }
  return (version.endpoints ?? [])
    .map(({ url }) => parseEndpoint(url))
    .filter((address) => address !== null)
    .map((address) => (address.kind === 'tcp' ? address : { ...address, host: endpointSocket(address.host, runDir) }));
}

/**
 * Whether sessions can be pinned to a replica: there are several, and none changes its address. (A strict pin to an
 * address that DNS has rotated away ends the session.)
 */
export function hasAffinity(endpoints: readonly EndpointAddress[]): boolean {
  return endpoints.length > 1 && endpoints.every(({ kind, host }) => kind === 'unix' || isIP(host) !== 0);
}
