// Decides how ext-proc tells the control plane what must outlive it: one stream, a bounded buffer, never a call that waits.
import { join } from 'node:path';
import { type ClientDuplexStream, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/runtime/log.ts';

interface Tombstone {
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

interface ReportRequest {
  readonly sequence: number;
  readonly nodeId: string;
  readonly tombstones: readonly Tombstone[];
  readonly lost: number;
}

type ReportStream = ClientDuplexStream<ReportRequest, { readonly sequence: number }>;
type ReportsClient = new (
  address: string,
  channel: ReturnType<typeof credentials.createInsecure>,
) => { Report(): ReportStream; close(): void };

export interface Reporter {
  tombstone(tombstone: Tombstone): void;
  close(): void;
}

export interface ReporterOptions {
  readonly socketPath: string;
  readonly nodeId: string;
  readonly protoDir: string;
  readonly log: Logger;
}

/**
 * While the control plane is away reports wait here, at most LIMITS.reportsWaitingMax; beyond that the oldest go and are
 * counted. What it has not acknowledged when a stream breaks is sent again on the next one.
 */
export function createReporter({ socketPath, nodeId, protoDir, log }: ReporterOptions): Reporter {
  const definition = loadSync(join(protoDir, 'chancery/v1/chancery.proto'), { longs: Number });
  const loaded = loadPackageDefinition(definition) as unknown as { chancery: { v1: { Reports: ReportsClient } } };
  const client = new loaded.chancery.v1.Reports(`unix:${socketPath}`, credentials.createInsecure());
  let waiting: Tombstone[] = [];
  const sent = new Map<number, readonly Tombstone[]>();
  let lost = 0;
  let sequence = 0;
  let stream: ReportStream | null = null;
  let retryMs: number = LIMITS.reconnectMinMs;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  const flush = (): void => {
    if (stream === null || waiting.length === 0) return;
    sequence++;
    sent.set(sequence, waiting);
    stream.write({ sequence, nodeId, tombstones: waiting, lost });
    waiting = [];
    lost = 0;
  };
  const connect = (): void => {
    timer = null;
    const opened = client.Report();
    stream = opened;
    opened.on('data', ({ sequence: stored }) => {
      retryMs = LIMITS.reconnectMinMs;
      for (const number of sent.keys()) if (number <= stored) sent.delete(number);
    });
    const again = (): void => {
      if (stream !== opened) return;
      stream = null;
      waiting = [...[...sent.values()].flat(), ...waiting];
      sent.clear();
      if (closed) return;
      timer = setTimeout(connect, retryMs).unref();
      retryMs = Math.min(retryMs * 2, LIMITS.reconnectMaxMs);
    };
    opened.on('error', again);
    opened.on('end', again);
    flush();
  };
  connect();

  return {
    tombstone(tombstone) {
      waiting.push(tombstone);
      if (waiting.length > LIMITS.reportsWaitingMax) {
        waiting.shift();
        lost++;
        log.warn({ lost }, 'reports were dropped: the control plane has been away for too long');
      }
      flush();
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      stream?.cancel();
      client.close();
    },
  };
}
