// Decides what becomes of a service's report: stored in the registry, then acknowledged.
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Tombstone } from '../core/catalog/catalog.ts';
import type { Logger } from '../core/runtime/log.ts';

interface ReportRequest {
  readonly sequence: number;
  readonly nodeId: string;
  readonly tombstones?: readonly Tombstone[];
  readonly keyUses?: readonly { readonly id: string; readonly atMs: number }[];
  readonly lost: number;
}

export interface ReportsOptions {
  readonly socketPath: string;
  readonly protoDir: string;
  readonly log: Logger;
  /** Must have stored them when it resolves. */
  readonly onTombstones: (tombstones: readonly Tombstone[]) => Promise<void>;
  /** API keys by id, and when each was last used. */
  readonly onKeyUses: (uses: ReadonlyMap<string, number>) => Promise<void>;
}

/** A Unix socket of mode 0600 in the run directory of mode 0700. */
export async function serveReports({
  socketPath,
  protoDir,
  log,
  onTombstones,
  onKeyUses,
}: ReportsOptions): Promise<{ close(): void }> {
  const definition = loadSync(join(protoDir, 'chancery/v1/chancery.proto'), { longs: Number });
  const loaded = loadPackageDefinition(definition) as unknown as {
    chancery: { v1: { Reports: { service: ServiceDefinition } } };
  };
  const server = new Server();
  server.addService(loaded.chancery.v1.Reports.service, {
    Report: (stream: ServerDuplexStream<ReportRequest, { sequence: number }>) => {
      // One after the other, so that an acknowledged sequence covers all before it.
      let last = Promise.resolve();
      stream.on('data', (request: ReportRequest) => {
        if (request.lost > 0) log.warn({ node: request.nodeId, lost: request.lost }, 'a service had to drop reports');
        last = last
          .then(() => onTombstones(request.tombstones ?? []))
          .then(() => onKeyUses(new Map((request.keyUses ?? []).map(({ id, atMs }) => [id, atMs]))))
          .then(() => {
            stream.write({ sequence: request.sequence });
          })
          .catch((error: unknown) => {
            log.error({ err: error }, 'a report could not be stored; the service will send it again');
            stream.destroy();
          });
      });
      stream.on('error', () => {});
      stream.on('end', () => stream.end());
    },
  });
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    const before = process.umask(0o177);
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
    process.umask(before);
  });
  chmodSync(socketPath, 0o600);
  return { close: () => server.forceShutdown() };
}
