// Decides that writes of the ledger come one after another, and that services hear of them when they are stored.
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { RegistryError } from '../registry/error.ts';
import type { Beside } from '../registry/tables.ts';
import { commit } from './commit.ts';
import type { LedgerMetrics } from './metrics.ts';
import { approvalOf, findApproval, listApprovals, loadLedger } from './rows.ts';
import { isActive } from './state.ts';
import { sweepRows } from './sweep.ts';
import type { Answer, ApprovalQuery, Changes, Decided, NamedWrite, StoredApproval, Verdict } from './types.ts';

/** Is told of each moment, with the answers to its own writes. */
export interface Listener {
  readonly writer: string;
  moment(changes: Changes, answers: readonly Answer[]): void;
}

export interface LedgerBook {
  /** All that counts now; from then on the listener hears of each change. Returns the way to stop. */
  join(listener: Listener): { readonly whole: Changes; readonly leave: () => void };
  /** Resolves when it is stored or refused, and its listener was told. @throws RegistryError */
  submit(writes: readonly NamedWrite[]): Promise<void>;
  approvals(query: ApprovalQuery): Promise<readonly StoredApproval[]>;
  approval(id: string): Promise<StoredApproval | null>;
  /** The first verdict counts. @throws RegistryError */
  decide(id: string, verdict: Verdict, who: string, why: string): Promise<Decided>;
  /** Forgets what is over. @throws RegistryError */
  sweep(): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface LedgerBookOptions {
  readonly beside: Beside;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly metrics: LedgerMetrics;
  readonly log: Logger;
}

interface Queued {
  readonly writes: readonly NamedWrite[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** @throws RegistryError */
export async function openLedger({ beside, now, newId, metrics, log }: LedgerBookOptions): Promise<LedgerBook> {
  const state = await beside.read((db) => loadLedger(db, now()));
  const listeners = new Set<Listener>();
  const queued: Queued[] = [];
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  /** The next one sees what this one changed. */
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  const isFull = (): boolean => {
    const full = state.counts.size >= LIMITS.ledgerCountsMax;
    if (full) log.warn('the ledger has no room to count under new keys: calls with a quota are refused');
    return full;
  };
  let told = isFull();
  const tell = (changes: Omit<Changes, 'countsFull'>, answers: ReadonlyMap<string, readonly Answer[]>): void => {
    state.apply(changes);
    const countsFull = isFull();
    const silent = changes.labels.length + changes.counts.length + changes.approvals.length === 0;
    const moment = { ...changes, countsFull };
    for (const listener of listeners) {
      const own = answers.get(listener.writer) ?? [];
      if (!silent || own.length > 0 || told !== countsFull) listener.moment(moment, own);
    }
    told = countsFull;
    if (changes.approvals.length > 0) metrics.approvals(state.approvalStates());
  };

  /** All that has gathered while it waited for its turn. */
  const store = async (): Promise<void> => {
    const taken: Queued[] = [];
    let count = 0;
    while (queued.length > 0 && (count === 0 || count + queued[0]!.writes.length <= LIMITS.ledgerGatheredMax)) {
      const one = queued.shift()!;
      taken.push(one);
      count += one.writes.length;
    }
    waiting -= count;
    if (taken.length === 0) return;
    const writes = taken.flatMap((one) => one.writes);
    try {
      const { answers, changes, writers } = await beside.write((trx) =>
        commit(trx, writes, { state, nowMs: now(), newId }),
      );
      for (const [writer, sequence] of writers) state.writers.set(writer, sequence);
      const byWriter = Map.groupBy(
        answers.map((answer, place) => ({ writer: writes[place]!.writer, answer })),
        ({ writer }) => writer,
      );
      tell(changes, new Map([...byWriter].map(([writer, list]) => [writer, list.map(({ answer }) => answer)])));
      for (const { done } of taken) done();
    } catch (error) {
      for (const { failed } of taken) failed(error);
    }
  };
  const none: ReadonlyMap<string, readonly Answer[]> = new Map();

  return {
    join(listener) {
      listeners.add(listener);
      const whole: Changes = {
        labels: [...state.labels].flatMap(([holder, found]) =>
          [...found].map(([label, untilMs]) => ({ holder, labels: [label], untilMs })),
        ),
        counts: [...state.counts.values()],
        approvals: [...state.approvals.values()],
        countsFull: isFull(),
      };
      return { whole, leave: () => listeners.delete(listener) };
    },
    submit: (writes) =>
      new Promise((done, failed) => {
        if (waiting + writes.length > LIMITS.ledgerQueuedMax)
          throw new RegistryError(`${waiting} writes wait for the ledger, which is the most`);
        waiting += writes.length;
        queued.push({ writes, done, failed });
        void inTurn(store);
      }),
    approvals: (query) => beside.read((db) => listApprovals(db, query)),
    approval: (id) => beside.read((db) => findApproval(db, id)),
    decide: (id, verdict, who, why) =>
      inTurn(async (): Promise<Decided> => {
        const nowMs = now();
        const found = await beside.write(async (trx): Promise<Decided> => {
          const before = await findApproval(trx, id);
          if (before === null) return { ok: false, why: 'unknown' };
          if (before.state !== 'pending' || !isActive(before, nowMs))
            return { ok: false, why: 'over', approval: before };
          const row = await trx
            .updateTable('approvals')
            .set({
              state: verdict,
              decided_by: who,
              decided_ms: nowMs,
              decided_why: why,
              // The same time again, to be used in.
              expires_ms: nowMs + before.expiresAtMs - before.requestedAtMs,
            })
            .where('id', '=', id)
            .where('state', '=', 'pending')
            .returningAll()
            .executeTakeFirstOrThrow();
          return { ok: true, approval: approvalOf(row) };
        });
        if (found.ok) tell({ labels: [], counts: [], approvals: [found.approval] }, none);
        return found;
      }),
    sweep: () =>
      inTurn(async () => {
        const nowMs = now();
        const { expired, writers } = await beside.write((trx) => sweepRows(trx, nowMs));
        for (const writer of writers) state.writers.delete(writer);
        tell({ labels: [], counts: [], approvals: expired }, none);
        state.sweep(nowMs);
        metrics.approvals(state.approvalStates());
      }),
    async close() {
      listeners.clear();
      await inTurn(async () => {});
    },
  };
}
