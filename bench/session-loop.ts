// Decides how one session calls: on a connection of its own, the next call when the last one was answered.
import { connect, type Socket } from 'node:net';
import { BOUNDS } from './bounds.ts';
import { type CallBytes, callBytes, type createCheck, type Failure, writeId } from './call.ts';
import { HttpReader } from './http-reader.ts';
import { LOOPBACK, type LoadOrder } from './load-order.ts';

export interface SessionEvents {
  /** The id of the next call; null when there shall be none. */
  readonly nextId: () => number | null;
  readonly onAnswer: (latencyMs: number) => void;
  readonly onFailure: (failure: Failure) => void;
  /** No call is made any more. */
  readonly onEnd: () => void;
  readonly nowMs: () => number;
}

export interface SessionLoop {
  /** Gives up a call that is over its deadline. */
  watch(): void;
  /** No further call: it ends with the answer to the one that is out, or now. */
  finish(): void;
}

const READ_BYTES = 16 * 1024;

export function startSession(
  order: Pick<LoadOrder, 'target' | 'textBytes'>,
  session: string,
  check: ReturnType<typeof createCheck>,
  events: SessionEvents,
): SessionLoop {
  let call: CallBytes = callBytes(order.target, session, order.textBytes);
  let socket: Socket | undefined;
  let id: number | null = null;
  let startedMs = 0;
  let finishing = false;
  let ended = false;

  const next = (): void => {
    id = finishing ? null : events.nextId();
    if (id === null) {
      close();
      return;
    }
    writeId(call, id);
    startedMs = events.nowMs();
    socket?.write(call.bytes);
  };
  const close = (): void => {
    if (ended) return;
    ended = true;
    socket?.destroy();
    events.onEnd();
  };
  /** The connection is of no use any more; a new one, with bytes that nobody still sends, goes on after a pause. */
  const fail = (failure: Failure): void => {
    if (ended) return;
    socket?.destroy();
    socket = undefined;
    id = null;
    events.onFailure(failure);
    if (finishing) {
      close();
      return;
    }
    call = callBytes(order.target, session, order.textBytes);
    setTimeout(open, BOUNDS.reconnectPauseMs);
  };
  const open = (): void => {
    if (ended) return;
    const reader = new HttpReader('response', (head, body) => {
      if (id === null) return fail({ kind: 'an answer too many', words: head });
      const failure = check(id, head, body);
      if (failure !== null) return fail(failure);
      events.onAnswer(events.nowMs() - startedMs);
      next();
    });
    // One buffer for all reads: the reader copies what it has to keep.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (bytes: number, read: Uint8Array): boolean => {
      const broken = reader.push(bytes === read.length ? buffer : buffer.subarray(0, bytes));
      if (broken !== null) fail({ kind: 'not HTTP', words: broken });
      return true;
    };
    const opened = connect({ host: LOOPBACK, port: order.target.port, noDelay: true, onread: { buffer, callback } });
    socket = opened;
    const lost = (words: string): void => {
      if (socket === opened) fail({ kind: 'connection lost', words });
    };
    opened.on('connect', next);
    opened.on('error', (error) => lost(error.message));
    opened.on('close', () => lost('closed'));
  };
  open();
  return {
    watch() {
      if (id === null || events.nowMs() - startedMs < BOUNDS.callDeadlineMs) return;
      fail({ kind: 'deadline', words: `no answer within ${BOUNDS.callDeadlineMs} ms` });
    },
    finish() {
      finishing = true;
      if (id === null) close();
    },
  };
}
