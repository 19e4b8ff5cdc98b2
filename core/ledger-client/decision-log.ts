// Decides how a service's records of decisions reach the control plane: together, from a bounded buffer, never holding up a call.
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { LIMITS } from '../limits.ts';
import type { DecisionRecord } from './decision-record.ts';
import type { LedgerOptions } from './ledger.ts';
import { connectReports, type ReportResponse } from './wire.ts';

export interface DecisionLog {
  /** Never waits. What finds no room is lost, and counted. */
  record(record: DecisionRecord): void;
  close(): void;
}

/** One report is under way at a time; what was not acknowledged when a stream broke is sent again (an id is kept once). */
export function createDecisionLog({
  socketPath,
  nodeId,
  protoDir,
  log,
}: Pick<LedgerOptions, 'socketPath' | 'nodeId' | 'protoDir' | 'log'>): DecisionLog {
  const client = connectReports(protoDir, `unix:${socketPath}`);
  let waiting: DecisionRecord[] = [];
  let underWay: readonly DecisionRecord[] = [];
  let lost = 0;
  let lostUnderWay = 0;
  let sequence = 0;
  let stream: ClientDuplexStream<object, ReportResponse> | null = null;
  let retryMs: number = LIMITS.reconnectMinMs;
  let timer: NodeJS.Timeout | null = null;
  let retryTimer: NodeJS.Timeout | null = null;
  let warned = false;
  let closed = false;

  const bytesOf = (record: DecisionRecord): Buffer[] => {
    const json = Buffer.from(JSON.stringify(record));
    if (json.length <= LIMITS.recordBytesMax) return [json];
    // Arguments are all that can be so large; the rest is worth keeping.
    const { args: _, ...rest } = record;
    const short = Buffer.from(JSON.stringify(rest));
    if (short.length <= LIMITS.recordBytesMax) return [short];
    lostUnderWay++;
    return [];
  };
  const tell = (): void => {
    timer = null;
    if (stream === null || underWay.length > 0 || lostUnderWay > 0 || (waiting.length === 0 && lost === 0)) return;
    underWay = waiting.slice(0, LIMITS.recordsPerReportMax);
    waiting = waiting.slice(underWay.length);
    lostUnderWay = lost;
    lost = 0;
    send();
  };
  const send = (): void => {
    sequence++;
    const decisions = underWay.flatMap(bytesOf);
    stream?.write({ sequence, nodeId, decisions, decisionsLost: lostUnderWay });
  };
  const tellSoon = (): void => {
    if (timer !== null || stream === null || underWay.length > 0) return;
    timer = setTimeout(tell, LIMITS.recordsTellMs).unref();
  };
  const connect = (): void => {
    retryTimer = null;
    const opened = client.Report();
    stream = opened;
    opened.on('data', ({ sequence: stored }) => {
      if (stream !== opened || stored !== sequence) return;
      retryMs = LIMITS.reconnectMinMs;
      underWay = [];
      lostUnderWay = 0;
      warned = false;
      // What waits goes at once: it may be more than comes in one go.
      if (waiting.length >= LIMITS.recordsPerReportMax) tell();
      else if (waiting.length > 0 || lost > 0) tellSoon();
    });
    const again = (): void => {
      if (stream !== opened) return;
      stream = null;
      if (closed) return;
      retryTimer = setTimeout(connect, retryMs).unref();
      retryMs = Math.min(retryMs * 2, LIMITS.reconnectMaxMs);
    };
    opened.on('error', again);
    opened.on('end', again);
    if (underWay.length > 0 || lostUnderWay > 0) send();
    else tell();
  };
  connect();

  return {
    record(record) {
      if (waiting.length >= LIMITS.recordsWaitingMax) {
        lost++;
        if (!warned) log.warn('records of decisions are lost: the control plane is away, or does not keep up');
        warned = true;
        return;
      }
      waiting.push(record);
      tellSoon();
    },
    close() {
      closed = true;
      for (const one of [timer, retryTimer]) if (one !== null) clearTimeout(one);
      stream?.cancel();
      client.close();
    },
  };
}
