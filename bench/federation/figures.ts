// Decides what the federation bench says of its times, and against which bounds.

export interface Series {
  readonly what: string;
  /** Milliseconds. */
  readonly times: readonly number[];
}

export interface Figure {
  readonly what: string;
  /** What a tenth of them stayed below: closer than the median to what it costs where nothing else runs. */
  readonly p10Ms: number;
  readonly medianMs: number;
  readonly p95Ms: number;
}

export interface Verdict {
  readonly met: boolean;
  readonly sentence: string;
}

/** `initialize` may take this much longer than its slowest backend, and `tools/list` this long (docs/performance.md). */
export const OVERHEAD_MS_MAX = 5;
export const LIST_MS_MAX = 5;

export function figureOf({ what, times }: Series): Figure {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { what, p10Ms: at(0.1), medianMs: at(0.5), p95Ms: at(0.95) };
}

export function markdown(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, p10Ms, medianMs, p95Ms }) => {
    const times = [p10Ms, medianMs, p95Ms].map((each) => each.toFixed(2));
    return `| ${what} | ${times.join(' | ')} |`;
  });
  return ['| what | p10 ms | median ms | p95 ms |', '|---|---:|---:|---:|', ...rows].join('\n');
}

/** `direct` and `through` were measured in turns. */
export function overhead(what: string, direct: Figure, through: Figure): Verdict {
  const more = through.medianMs - direct.medianMs;
  const sentence = `${what}: ${more.toFixed(2)} ms more than the slowest backend, wanted at most ${OVERHEAD_MS_MAX}`;
  return { met: more <= OVERHEAD_MS_MAX, sentence };
}

export function listing(figure: Figure, backendRequests: number): Verdict {
  const sentence = `${figure.what}: ${figure.medianMs.toFixed(2)} ms and ${backendRequests} requests to backends, wanted less than ${LIST_MS_MAX} and none`;
  return { met: figure.medianMs < LIST_MS_MAX && backendRequests === 0, sentence };
}
