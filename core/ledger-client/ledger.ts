// Decides how a service keeps its replica of what calls leave behind, and how its own writes come to be stored.
import { randomBytes } from 'node:crypto';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { LIMITS } from '../limits.ts';
import type { Approval, Ledger } from '../policy/ledger.ts';
import type { Logger } from '../runtime/log.ts';
import { createCounts } from './counts.ts';
import { createReplica } from './replica.ts';
import { holderKey } from './windows.ts';
import {
  type AnswerMessage,
  connectReports,
  type LedgerRequest,
  type LedgerResponse,
  readApproval,
  type WriteMessage,
} from './wire.ts';

export interface LedgerOptions {
  /** Of the control plane's socket for reports. */
  readonly socketPath: string;
  readonly nodeId: string;
  readonly protoDir: string;
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Unless it is said: LIMITS.ledgerWriteDeadlineMs. */
  readonly writeDeadlineMs?: number;
}

/** A write that somebody waits for. `sequence` is 0 until it was sent. */
interface Waiting {
  sequence: number;
  readonly write: Omit<WriteMessage, 'sequence'>;
  readonly done: (answer: AnswerMessage | null) => void;
}

type Stream = ClientDuplexStream<LedgerRequest, LedgerResponse>;

/** A broken stream is opened again; what was sent and not answered goes first, as it was. */
export function createLedger(options: LedgerOptions): Ledger & { close(): void } {
  const { socketPath, nodeId, protoDir, log, now, writeDeadlineMs = LIMITS.ledgerWriteDeadlineMs } = options;
  const client = connectReports(protoDir, `unix:${socketPath}`);
  const writer = randomBytes(16).toString('base64url');
  const replica = createReplica();
  const counts = createCounts();
  /** In the order in which they are to be sent, and then in that of their sequences. */
  const waiting = new Set<Waiting>();
  let countsUnderWay: WriteMessage | null = null;
  let sequence = 0;
  let stream: Stream | null = null;
  let moment: LedgerResponse[] = [];
  let ready = false;
  let retryMs: number = LIMITS.reconnectMinMs;
  let reconnectTimer: NodeJS.Timeout | null = null;
  let countTimer: NodeJS.Timeout | null = null;
  let closed = false;

  const tellCounts = (): void => {
    countTimer = null;
    if (stream === null || countsUnderWay !== null) return;
    const told = counts.tell();
    if (told.length === 0) return;
    countsUnderWay = { sequence: ++sequence, counts: { counts: told } };
    stream.write({ nodeId, writer, writes: [countsUnderWay] });
  };
  const tellCountsSoon = (): void => {
    if (countTimer !== null || countsUnderWay !== null || stream === null || !counts.waiting) return;
    countTimer = setTimeout(tellCounts, LIMITS.ledgerTellMs).unref();
  };
  const messageOf = (one: Waiting): WriteMessage => {
    if (one.sequence === 0) one.sequence = ++sequence;
    return { sequence: one.sequence, ...one.write };
  };

  const answered = (answers: readonly AnswerMessage[]): void => {
    const bySequence = new Map(answers.map((answer) => [answer.sequence, answer]));
    if (countsUnderWay !== null && bySequence.has(countsUnderWay.sequence)) {
      countsUnderWay = null;
      counts.stored();
      tellCountsSoon();
    }
    for (const one of waiting) {
      const answer = one.sequence === 0 ? undefined : bySequence.get(one.sequence);
      if (answer === undefined) continue;
      waiting.delete(one);
      one.done(answer);
    }
  };
  const take = (response: LedgerResponse): void => {
    // What was begun before the whole state is a part of it.
    if (response.whole) moment = [];
    moment.push(response);
    if (response.more) return;
    const whole = moment[0]?.whole === true;
    const approvals = moment.flatMap(({ approvals: list }) => list.flatMap((json) => readApproval(json) ?? []));
    counts.shared(
      moment.flatMap((part) => part.counts),
      whole,
    );
    counts.full = response.countsFull;
    replica.take(
      moment.flatMap(({ labels }) => labels),
      approvals,
      whole,
    );
    const answers = moment.flatMap((part) => part.answers);
    moment = [];
    if (whole) {
      ready = true;
      retryMs = LIMITS.reconnectMinMs;
    }
    answered(answers);
  };
  const connect = (): void => {
    reconnectTimer = null;
    const opened = client.Ledger();
    stream = opened;
    moment = [];
    opened.on('data', (response: LedgerResponse) => {
      if (stream === opened) take(response);
    });
    const again = (): void => {
      if (stream !== opened) return;
      stream = null;
      if (closed) return;
      reconnectTimer = setTimeout(connect, retryMs).unref();
      retryMs = Math.min(retryMs * 2, LIMITS.reconnectMaxMs);
    };
    opened.on('error', again);
    opened.on('end', again);
    const unanswered = [...waiting].filter((one) => one.sequence > 0).map(messageOf);
    if (countsUnderWay !== null) unanswered.push(countsUnderWay);
    unanswered.sort((a, b) => a.sequence - b.sequence);
    const unsent = [...waiting].filter((one) => one.sequence === 0).map(messageOf);
    const writes = [...unanswered, ...unsent];
    // Even without one: it says who is there.
    for (let at = 0; at === 0 || at < writes.length; at += LIMITS.ledgerWritesPerMessageMax)
      opened.write({ nodeId, writer, writes: writes.slice(at, at + LIMITS.ledgerWritesPerMessageMax) });
    tellCountsSoon();
  };

  /** null: not stored in time, or not allowed to be. */
  const store = (write: Waiting['write']): Promise<AnswerMessage | null> => {
    if (closed || waiting.size >= LIMITS.ledgerWritesMax) {
      if (!closed) log.warn({ waiting: waiting.size }, 'writes of the ledger are refused: too many wait');
      return Promise.resolve(null);
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        // Nobody waits for it any more: were it stored later, it would only be stricter.
        waiting.delete(one);
        resolve(null);
      }, writeDeadlineMs);
      const one: Waiting = {
        sequence: 0,
        write,
        done(answer) {
          clearTimeout(timer);
          resolve(answer);
        },
      };
      waiting.add(one);
      stream?.write({ nodeId, writer, writes: [messageOf(one)] });
    });
  };

  const sweep = setInterval(() => {
    replica.sweep(now());
    counts.sweep(now());
  }, LIMITS.ledgerSweepMs).unref();
  connect();

  return {
    ready: () => ready,
    labels: (holder) => replica.labels(holderKey(holder), now()),
    async leave(holder, labels, untilMs) {
      const hashed = holderKey(holder);
      if (labels.length === 0 || replica.hasLabels(hashed, labels, untilMs)) return true;
      const answer = await store({ labels: { holder: hashed, labels, untilMs } });
      return answer?.done === true;
    },
    take(takes, nowMs) {
      const taken = counts.take(takes, nowMs);
      tellCountsSoon();
      return taken;
    },
    add(takes, nowMs) {
      counts.add(takes, nowMs);
      tellCountsSoon();
    },
    approval: (hash, nowMs) => replica.approval(hash, nowMs),
    approvalById: (id) => replica.approvalById(id),
    async request(approval): Promise<Approval | null> {
      const known = replica.approval(approval.hash, now());
      if (known !== null) return known;
      const answer = await store({ approval: Buffer.from(JSON.stringify(approval)) });
      return answer?.done === true ? readApproval(answer.approval) : null;
    },
    async use(id) {
      const answer = await store({ use: id });
      return answer?.done === true;
    },
    onDecided: (listener) => replica.onDecided(listener),
    close() {
      closed = true;
      clearInterval(sweep);
      for (const timer of [reconnectTimer, countTimer]) if (timer !== null) clearTimeout(timer);
      for (const one of waiting) one.done(null);
      waiting.clear();
      stream?.cancel();
      client.close();
    },
  };
}
