// Decides what becomes of a service's report: stored in the registry, then acknowledged.
import { chmodSync, rmSync } from 'node:fs';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Tombstone } from '../core/catalog/catalog.ts';
import { type DecisionRecord, readRecord } from '../core/ledger-client/decision-record.ts';
import { reportsService } from '../core/ledger-client/wire.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/runtime/log.ts';
import { endStream } from './end-stream.ts';
import type { LedgerBook } from './ledger/ledger.ts';
import { type LedgerStream, serveLedger } from './ledger/serve.ts';

interface ReportRequest {
  readonly sequence: number;
  readonly nodeId: string;
  readonly tombstones?: readonly Tombstone[];
  readonly keyUses?: readonly { readonly id: string; readonly atMs: number }[];
  readonly unknownKeys?: readonly { readonly issuer: string; readonly kid: string }[];
  readonly decisions?: readonly Buffer[];
  readonly decisionsLost?: number;
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
  /** A token of an issuer named a key that the services do not know. */
  readonly onUnknownKey?: (issuer: string, kid: string) => void;
  /** Must have stored them when it resolves. */
  readonly onDecisions?: (records: readonly DecisionRecord[], lost: number) => Promise<void>;
  /** What calls leave behind for later ones. Absent: nothing is kept of it. */
  readonly ledger?: LedgerBook;
}

/** A Unix socket of mode 0600 in the run directory of mode 0700. */
export async function serveReports({
  socketPath,
  protoDir,
  log,
  onTombstones,
  onKeyUses,
  onUnknownKey,
  onDecisions,
  ledger,
}: ReportsOptions): Promise<{ close(): void }> {
  const server = new Server({ 'grpc.max_receive_message_length': LIMITS.xdsMessageBytesMax });
  const storeRecords = async ({ nodeId, decisions = [], decisionsLost = 0 }: ReportRequest): Promise<void> => {
    if (decisions.length === 0 && decisionsLost === 0) return;
    const records = decisions.flatMap((json) => readRecord(json) ?? []);
    const unread = decisions.length - records.length;
    if (unread > 0) log.error({ node: nodeId, unread }, 'records of decisions have another shape, and are lost');
    await onDecisions?.(records, decisionsLost + unread);
  };
  server.addService(reportsService(protoDir), {
    Ledger: (stream: LedgerStream) => {
      if (ledger === undefined) endStream(stream, 'there is no ledger');
      else serveLedger(stream, ledger, log);
    },
    Report: (stream: ServerDuplexStream<ReportRequest, { sequence: number }>) => {
      // One after the other, so that an acknowledged sequence covers all before it.
      let last = Promise.resolve();
      let over = false;
      stream.on('data', (request: ReportRequest) => {
        if (request.lost > 0) log.warn({ node: request.nodeId, lost: request.lost }, 'a service had to drop reports');
        for (const { issuer, kid } of request.unknownKeys ?? []) onUnknownKey?.(issuer, kid);
        last = last
          .then(async () => {
            // What comes after one that failed must not acknowledge it.
            if (over) return;
            await onTombstones(request.tombstones ?? []);
            await storeRecords(request);
            await onKeyUses(new Map((request.keyUses ?? []).map(({ id, atMs }) => [id, atMs])));
            stream.write({ sequence: request.sequence });
          })
          .catch((error: unknown) => {
            over = true;
            log.error({ err: error }, 'a report could not be stored; the service will send it again');
            endStream(stream, 'it could not be stored');
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
