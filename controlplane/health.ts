// Decides which endpoints of a server Envoy finds healthy, as its administration tells it.
import http from 'node:http';
import type { JsonObject } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';

/** An endpoint, or an address that a name resolved to. */
export interface EndpointHealth {
  /** `HOST:PORT`, or the path of a Unix socket. */
  readonly address: string;
  readonly healthy: boolean;
}

type ClusterHealth = readonly EndpointHealth[];

export interface Health {
  /** Of those clusters that Envoy has. Total: of an Envoy that is away nothing is known. At most a second old. */
  of(clusters: readonly string[]): Promise<ReadonlyMap<string, ClusterHealth>>;
}

export interface HealthOptions {
  /** Path of the Unix socket of Envoy's administration. */
  readonly adminSocket: string;
  /** Epoch milliseconds; absent: the system's. */
  readonly now?: () => number;
}

/** One question at a time: whoever else asks waits for its answer, and asks for what is missing then. */
export function createHealth({ adminSocket, now = Date.now }: HealthOptions): Health {
  /** null: asked for, and Envoy has no such cluster, or is away. */
  let known = new Map<string, { readonly atMs: number; readonly health: ClusterHealth | null }>();
  let asking: Promise<void> | null = null;

  const isFresh = (cluster: string): boolean => {
    const found = known.get(cluster);
    return found !== undefined && now() - found.atMs < LIMITS.healthFreshMs;
  };

  const ask = async (clusters: readonly string[]): Promise<void> => {
    const found = (await clusterHealth(adminSocket, clusters)) ?? new Map<string, ClusterHealth>();
    known = new Map([...known].filter(([cluster]) => isFresh(cluster)));
    for (const cluster of clusters) known.set(cluster, { atMs: now(), health: found.get(cluster) ?? null });
  };

  return {
    async of(clusters) {
      const answer = new Map<string, ClusterHealth>();
      for (let start = 0; start < clusters.length; start += LIMITS.healthClustersMax) {
        const batch = clusters.slice(start, start + LIMITS.healthClustersMax);
        while (asking !== null) await asking;
        const missing = batch.filter((cluster) => !isFresh(cluster));
        if (missing.length > 0) {
          asking = ask(missing).finally(() => {
            asking = null;
          });
          await asking;
        }
        for (const cluster of batch) {
          const health = known.get(cluster)?.health;
          if (health != null) answer.set(cluster, health);
        }
      }
      return answer;
    },
  };
}

/** null: Envoy did not answer, or not with what was expected. */
async function clusterHealth(
  socketPath: string,
  clusters: readonly string[],
): Promise<ReadonlyMap<string, ClusterHealth> | null> {
  const filter = `^(${clusters.map((name) => name.replace(/[^A-Za-z0-9]/g, '\\$&')).join('|')})$`;
  const text = await get(socketPath, `/clusters?format=json&filter=${encodeURIComponent(filter)}`);
  if (text === null) return null;
  try {
    const { cluster_statuses: statuses = [] } = JSON.parse(text) as { readonly cluster_statuses?: readonly Status[] };
    return new Map(statuses.map(({ name, host_statuses = [] }) => [name, healthOf(host_statuses)]));
  } catch {
    return null;
  }
}

/** Of Envoy's `admin.v3.Clusters`: what is false or empty is not there. */
interface Status {
  readonly name: string;
  readonly host_statuses?: readonly { readonly address?: Address; readonly health_status?: JsonObject }[];
}

interface Address {
  readonly socket_address?: { readonly address?: string; readonly port_value?: number };
  readonly pipe?: { readonly path?: string };
}

/** Each of these keeps Envoy from sending calls to an endpoint. */
const UNHEALTHY_FLAGS = [
  'failed_active_health_check',
  'failed_outlier_check',
  'pending_active_hc',
  'pending_dynamic_removal',
  'excluded_via_immediate_hc_fail',
] as const;
const UNHEALTHY_STATES: readonly unknown[] = ['UNHEALTHY', 'DRAINING', 'TIMEOUT'];

function healthOf(hosts: NonNullable<Status['host_statuses']>): ClusterHealth {
  return hosts.map(({ address, health_status: found = {} }) => ({
    address: addressText(address),
    healthy:
      UNHEALTHY_FLAGS.every((flag) => found[flag] !== true) && !UNHEALTHY_STATES.includes(found.eds_health_status),
  }));
}

function addressText({ socket_address: socket, pipe }: Address = {}): string {
  return socket === undefined ? (pipe?.path ?? '') : `${socket.address ?? ''}:${socket.port_value ?? 0}`;
}

/** The body of a 200; null for everything else. Total. */
function get(socketPath: string, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const call = http.request({ agent: false, socketPath, path, headers: { host: 'localhost' } });
    const timer = setTimeout(() => finish(null), LIMITS.healthDeadlineMs);
    const finish = (text: string | null): void => {
      clearTimeout(timer);
      call.destroy();
      resolve(text);
    };
    call.on('error', () => finish(null));
    call.on('response', (response) => {
      if (response.statusCode !== 200) return finish(null);
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LIMITS.healthBytesMax) return finish(null);
        chunks.push(chunk);
      });
      response.on('error', () => finish(null));
      response.on('end', () => finish(Buffer.concat(chunks).toString()));
    });
    call.end();
  });
}
