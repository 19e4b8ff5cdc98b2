// Decides how a service is told the ledger's state and changes over its stream, and how its writes are read.
import type { ServerDuplexStream } from '@grpc/grpc-js';
import {
  type LedgerRequest,
  type LedgerResponse,
  readNewApproval,
  type WriteMessage,
} from '../../core/ledger-client/wire.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { endStream } from '../end-stream.ts';
import type { LedgerBook } from './ledger.ts';
import type { Answer, Changes, LedgerWrite, StoredApproval } from './types.ts';

export type LedgerStream = ServerDuplexStream<LedgerRequest, LedgerResponse>;

/** A stream that cannot follow is ended: on the next one its service is told the whole state. */
export function serveLedger(stream: LedgerStream, book: LedgerBook, log: Logger): void {
  let writer: string | null = null;
  let node = '';
  let over = false;
  let leave = (): void => {};
  const finish = (): void => {
    over = true;
    leave();
  };
  const end = (why: string): void => {
    if (over) return;
    finish();
    endStream(stream, why);
  };
  const send = (changes: Changes, answers: readonly Answer[], whole: boolean): void => {
    for (const message of messagesOf(changes, answers, whole)) {
      if (stream.writableLength > LIMITS.ledgerMessagesBehindMax) {
        log.warn({ node }, 'a service does not follow the ledger, and is told all of it anew');
        return end('it is told all of it anew');
      }
      stream.write(message);
    }
  };
  stream.on('data', (request: LedgerRequest) => {
    if (over) return;
    if (writer === null) {
      writer = request.writer;
      node = request.nodeId;
      if (!/^[\w-]{16,64}$/.test(writer)) {
        log.error({ node }, 'a service writes to the ledger without a name, and is not heard');
        return end('the writer has no name');
      }
      const joined = book.join({ writer, moment: (changes, answers) => send(changes, answers, false) });
      leave = joined.leave;
      send(joined.whole, [], true);
    }
    if (isTooMuch(request)) {
      log.error({ node }, 'a service writes more to the ledger at once than is allowed, and is not heard');
      return end('too much at once');
    }
    const name = writer;
    const writes = request.writes.map((message) => ({
      writer: name,
      sequence: message.sequence,
      write: writeOf(message),
    }));
    if (writes.length === 0) return;
    book.submit(writes).catch((error: unknown) => {
      log.error({ err: error, node }, 'writes of the ledger could not be stored; the service will send them again');
      end('it could not be stored');
    });
  });
  for (const event of ['error', 'close', 'cancelled']) stream.on(event, finish);
  stream.on('end', () => {
    finish();
    stream.end();
  });
}

function isTooMuch({ writes }: LedgerRequest): boolean {
  const counted = writes.reduce((sum, { counts }) => sum + (counts?.counts.length ?? 0), 0);
  return writes.length > LIMITS.ledgerWritesPerMessageMax || counted > LIMITS.ledgerItemsPerMessageMax;
}

function writeOf({ labels, counts, approval, use }: WriteMessage): LedgerWrite {
  if (labels != null) {
    const { holder, labels: names, untilMs } = labels;
    const fits =
      holder.length <= 64 &&
      names.length <= LIMITS.ledgerLabelsPerHolderMax &&
      names.every((name) => name.length <= LIMITS.echoedCharsMax);
    return fits ? { kind: 'labels', labels: { holder, labels: names, untilMs } } : { kind: 'malformed' };
  }
  if (counts != null) {
    const fitting = counts.counts.filter(
      ({ key, windowMs, amount }) =>
        key.length <= 64 && amount > 0 && windowMs > 0 && windowMs <= LIMITS.quotaWindowMaxMs,
    );
    return { kind: 'counts', counts: fitting };
  }
  if (approval !== undefined && approval.length > 0) {
    const read = readNewApproval(approval);
    return read === null ? { kind: 'malformed' } : { kind: 'approval', approval: read };
  }
  return use === undefined || use === '' ? { kind: 'malformed' } : { kind: 'use', id: use };
}

/** One moment in messages of a bounded size. */
function messagesOf(changes: Changes, answers: readonly Answer[], whole: boolean): LedgerResponse[] {
  const { labels, counts, approvals, countsFull } = changes;
  const small = LIMITS.ledgerItemsPerMessageMax;
  const large = LIMITS.ledgerApprovalsPerMessageMax;
  const pages = Math.max(
    1,
    ...[labels, counts].map(({ length }) => Math.ceil(length / small)),
    ...[answers, approvals].map(({ length }) => Math.ceil(length / large)),
  );
  return Array.from({ length: pages }, (_, page): LedgerResponse => {
    const cut = <Item>(list: readonly Item[], size: number): Item[] => list.slice(page * size, (page + 1) * size);
    return {
      whole: whole && page === 0,
      more: page < pages - 1,
      answers: cut(answers, large).map(answerOf),
      labels: cut(labels, small),
      counts: cut(counts, small),
      approvals: cut(approvals, large).map(approvalJson),
      countsFull,
    };
  });
}

function answerOf({ sequence, done, approval }: Answer): LedgerResponse['answers'][number] {
  return { sequence, done, approval: approval === undefined ? Buffer.alloc(0) : approvalJson(approval) };
}

/** What services are told: not who used it, nor the words of who decided. */
function approvalJson(approval: StoredApproval): Buffer {
  const { usedBy: _, usedAtMs: _at, decidedAtMs: _decided, decidedWhy: _why, ...told } = approval;
  return Buffer.from(JSON.stringify(told));
}
