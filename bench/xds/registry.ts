// Decides what the xDS bench registers: servers of one replica each, and surfaces of a few servers.
import { backendCluster } from '../../core/contract.ts';

const VERSION = '1';
const MEMBERS = 5;
const PORT_MIN = 20_000;
const PORTS = 40_000;

export function serverName(index: number): string {
  return `server-${index}`;
}

/** Of the cluster, and of its endpoints. */
export function resourceName(index: number): string {
  return backendCluster(serverName(index), VERSION);
}

/** @param round changes the one endpoint, and nothing else. */
export function serverDocument(index: number, round = 0): object {
  const port = PORT_MIN + ((index + round) % PORTS);
  return {
    kind: 'Server',
    name: serverName(index),
    owner: { team: `team-${index % 50}`, contact: `team-${index % 50}@example.com` },
    description: `The server number ${index} of the bench.`,
    labels: { tier: String(index % 3) },
    versions: [{ version: VERSION, endpoints: [{ url: `http://127.0.0.1:${port}/mcp` }] }],
  };
}

export function surfaceDocument(index: number, servers: number): object {
  const members = new Set(Array.from({ length: MEMBERS }, (_, member) => (index * MEMBERS + member) % servers));
  return {
    kind: 'Surface',
    name: `surface-${index}`,
    servers: [...members].map((server) => ({ server: serverName(server) })),
  };
}

/** The servers of one client, spread over all of them; null: all (a wildcard). */
export function heldBy(
  client: number,
  { wildcards, held, servers }: { readonly wildcards: number; readonly held: number; readonly servers: number },
): readonly number[] | null {
  if (client < wildcards) return null;
  const first = (client * held) % servers;
  const names = Array.from({ length: Math.min(held, servers) }, (_, index) => (first + index) % servers);
  return names;
}
