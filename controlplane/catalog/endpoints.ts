// Decides at which addresses a server version is reached.
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ServerVersionDocument } from '../../core/catalog/document.ts';
import { type EndpointAddress, parseEndpoint } from '../../core/catalog/endpoint.ts';
import { bridgeSocket } from '../../core/contract.ts';
import { endpointSocket } from '../registry/sockets.ts';

/** A replica. */
export interface BackendEndpoint extends EndpointAddress {
  /** Its share beside the others; absent: 1. */
  readonly weight?: number;
  readonly zone?: string;
}

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
): readonly BackendEndpoint[] {
  if (version.stdio !== undefined) {
    return [{ kind: 'unix', host: bridgeSocketPath(server, version.version, runDir), ...BRIDGE }];
  }
  return (version.endpoints ?? []).flatMap(({ url, weight, zone }): BackendEndpoint[] => {
    const address = parseEndpoint(url);
    if (address === null) return [];
    return [
      {
        ...address,
        ...(address.kind === 'tcp' ? {} : { host: endpointSocket(address.host, runDir) }),
        ...(weight === undefined ? {} : { weight }),
        ...(zone === undefined ? {} : { zone }),
      },
    ];
  });
}

/** Whether Envoy has to resolve a name; the others are addresses and sockets. */
export function isNamed({ kind, host }: EndpointAddress): boolean {
  return kind === 'tcp' && isIP(host) === 0;
}
