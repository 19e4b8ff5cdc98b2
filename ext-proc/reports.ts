// Decides how ext-proc tells the control plane what must outlive it: one stream, a bounded buffer, never a call that waits.
import { join } from 'node:path';
import { type ClientDuplexStream, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/runtime/log.ts';
import { createKeyUses, type KeyUse } from './key-uses.ts';

interface Tombstone {
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

interface ReportRequest {
  readonly sequence: number;
  readonly nodeId: string;
  readonly tombstones: readonly Tombstone[];
  readonly keyUses: readonly KeyUse[];
  readonly unknownKeys?: readonly { readonly issuer: string; readonly kid: string }[];
  readonly lost: number;
}

type ReportStream = ClientDuplexStream<ReportRequest, { readonly sequence: number }>;
type ReportsClient = new (
  address: string,
  channel: ReturnType<typeof credentials.createInsecure>,
) => { Report(): ReportStream; close(): void };

export interface Reporter {
  tombstone(tombstone: Tombstone): void;
  /** An API key, by its id, was used now. Reported once in LIMITS.keyUseIntervalMs. */
  keyUsed(id: string): void;
  /** A token names a key of an issuer that we do not know. Told at once, and not again for a moment; lost when nobody listens. */
  unknownKey(issuer: string, kid: string): void;
  close(): void;
}

export interface ReporterOptions {
  readonly socketPath: string;
  readonly nodeId: string;
  readonly protoDir: string;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** How long the use of a key waits for others. */
  readonly keyUseDelayMs?: number;
}

/**
 * While the control plane is away reports wait here, at most LIMITS.reportsWaitingMax tombstones; beyond that the oldest go
 * and are counted. What it has not acknowledged when a stream breaks is sent again on the next one.
 */
export function createReporter({
  socketPath,
  nodeId,
  protoDir,
  log,
  now,
  keyUseDelayMs = LIMITS.keyUseDelayMs,
}: ReporterOptions): Reporter {
  const definition = loadSync(join(protoDir, 'chancery/v1/chancery.proto'), { longs: Number });
  const loaded = loadPackageDefinition(definition) as unknown as { chancery: { v1: { Reports: ReportsClient } } };
  const client = new loaded.chancery.v1.Reports(`unix:${socketPath}`, credentials.createInsecure());
  const keyUses = createKeyUses();
  let waiting: Tombstone[] = [];
  const sent = new Map<number, Pick<ReportRequest, 'tombstones' | 'keyUses'>>();
  let lost = 0;
  let sequence = 0;
  let stream: ReportStream | null = null;
  let retryMs: number = LIMITS.reconnectMinMs;
  let timer: NodeJS.Timeout | null = null;
  let keyTimer: NodeJS.Timeout | null = null;
  const unknownAtMs = new Map<string, number>();
  let closed = false;

  const flush = (): void => {
    if (stream === null || (waiting.length === 0 && keyUses.size === 0)) return;
    sequence++;
    const report = { tombstones: waiting, keyUses: keyUses.take() };
    sent.set(sequence, report);
    stream.write({ sequence, nodeId, ...report, lost });
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
      waiting = [...[...sent.values()].flatMap(({ tombstones }) => tombstones), ...waiting];
      keyUses.putBack([...sent.values()].flatMap((report) => report.keyUses));
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
    keyUsed(id) {
      if (!keyUses.used(id, now()) || keyTimer !== null) return;
      keyTimer = setTimeout(() => {
        keyTimer = null;
        flush();
      }, keyUseDelayMs).unref();
    },
    unknownKey(issuer, kid) {
      const atMs = now();
      if (stream === null || atMs - (unknownAtMs.get(issuer) ?? Number.NEGATIVE_INFINITY) < LIMITS.unknownKeyIntervalMs)
        return;
      unknownAtMs.set(issuer, atMs);
      sequence++;
      const report = { tombstones: [], keyUses: [] };
      stream.write({ sequence, nodeId, ...report, unknownKeys: [{ issuer, kid }], lost: 0 });
    },
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      if (keyTimer !== null) clearTimeout(keyTimer);
      stream?.cancel();
      client.close();
    },
  };
}
