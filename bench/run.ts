// Decides the course of one run of the generator: warm-up, measured time or number of calls, result.
import { BOUNDS } from './bounds.ts';
import { createCheck, type Failure, ID_MIN } from './call.ts';
import { Histogram } from './histogram.ts';
import type { LoadOrder, LoadReport, LoadResult } from './load-order.ts';
import { startSession } from './session-loop.ts';

/** Resolves when every session has made its last call. `report` is told of the stages; `nowMs` must be monotonic. */
export function run(order: LoadOrder, report: (report: LoadReport) => void, nowMs: () => number): Promise<LoadResult> {
  const { until, warmUpMs } = order;
  const latencies = new Histogram();
  const failures: Record<string, number> = {};
  const samples: string[] = [];
  const callsMax = 'calls' in until ? until.calls : Number.POSITIVE_INFINITY;
  let measuring = false;
  let over = false;
  let startedMs = nowMs();
  let endedMs = startedMs;
  let nextId = ID_MIN;
  let begun = 0;
  let calls = 0;
  let failed = 0;

  const onFailure = ({ kind, words }: Failure): void => {
    failed += 1;
    failures[kind] = (failures[kind] ?? 0) + 1;
    if (samples.length < BOUNDS.failuresKept) samples.push(`${kind}: ${words}`.slice(0, BOUNDS.failureCharsMax));
  };
  return new Promise((resolve) => {
    let left = order.sessions.length;
    const finish = (): void => {
      clearInterval(watch);
      clearInterval(progress);
      clearTimeout(warmUp);
      clearTimeout(stop);
      // A run by time ends when its time is over; calls that were still out then are not counted.
      const elapsedMs = ('ms' in until && over ? endedMs : nowMs()) - startedMs;
      resolve({ calls, elapsedMs, latencies: latencies.counts(), failures, samples });
    };
    const check = createCheck(order.textBytes);
    const events = {
      nextId: (): number | null => {
        if (over || begun >= callsMax) return null;
        if (measuring) begun += 1;
        nextId += 1;
        return nextId;
      },
      onAnswer: (latencyMs: number): void => {
        if (!measuring || over) return;
        calls += 1;
        latencies.record(latencyMs * 1000);
      },
      onFailure,
      onEnd: (): void => {
        left -= 1;
        if (left === 0) finish();
      },
      nowMs,
    };
    const loops = order.sessions.map((session) => startSession(order, session, check, events));
    const watch = setInterval(() => {
      for (const loop of loops) loop.watch();
    }, BOUNDS.callWatchMs);
    const progress = setInterval(() => report({ kind: 'progress', calls, failed }), BOUNDS.progressMs);
    let stop: NodeJS.Timeout | undefined;
    const begin = (): void => {
      measuring = true;
      startedMs = nowMs();
      report({ kind: 'measuring' });
      const ms = 'ms' in until ? until.ms : until.calls * BOUNDS.soakCallMs + BOUNDS.runGraceMs;
      stop = setTimeout(() => {
        over = true;
        endedMs = nowMs();
        if ('calls' in until)
          onFailure({ kind: 'deadline', words: `${begun} of ${until.calls} calls within ${ms} ms` });
        for (const loop of loops) loop.finish();
      }, ms);
    };
    let warmUp: NodeJS.Timeout | undefined;
    if (warmUpMs > 0) warmUp = setTimeout(begin, warmUpMs);
    // At once: a run of a number of calls makes no other ones.
    else begin();
  });
}
