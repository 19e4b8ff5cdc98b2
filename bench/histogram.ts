// Decides how latencies are counted: buckets that are exact to a fiftieth or better, from a microsecond to a minute.

const SUB_BITS = 6;
const SUBS = 1 << SUB_BITS;
/** Values up to 2^26 us, which is a minute. */
const BUCKETS = (26 - SUB_BITS + 1) * SUBS;

/** Bucket and count, for the buckets that are not empty. */
export type Counts = readonly (readonly [number, number])[];

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);

  /** `us` in microseconds. */
  record(us: number): void {
    const bucket = bucketOf(us);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
  }

  clear(): void {
    this.#counts.fill(0);
  }

  counts(): Counts {
    const found: [number, number][] = [];
    for (const [bucket, count] of this.#counts.entries()) if (count > 0) found.push([bucket, count]);
    return found;
  }
}

/** The value in microseconds below which the part `quantile` (0 to 1) of all lies; null when nothing was counted. */
export function quantileUs(all: readonly Counts[], quantile: number): number | null {
  const sums = new Map<number, number>();
  let total = 0;
  for (const [bucket, count] of all.flat()) {
    sums.set(bucket, (sums.get(bucket) ?? 0) + count);
    total += count;
  }
  if (total === 0) return null;
  let seen = 0;
  for (const [bucket, count] of [...sums].sort(([one], [other]) => one - other)) {
    seen += count;
    if (seen >= quantile * total) return middleOf(bucket);
  }
  return null;
}

/** Whole microseconds below 2^SUB_BITS, then SUBS buckets for each doubling. */
function bucketOf(us: number): number {
  const value = Math.max(0, Math.floor(us));
  if (value < SUBS) return value;
  const exponent = 31 - Math.clz32(Math.min(value, 0x7fffffff));
  const bucket = (exponent - SUB_BITS + 1) * SUBS + ((value >>> (exponent - SUB_BITS)) & (SUBS - 1));
  return Math.min(bucket, BUCKETS - 1);
}

function middleOf(bucket: number): number {
  if (bucket < SUBS) return bucket;
  const exponent = Math.floor(bucket / SUBS) - 1;
  return ((bucket % SUBS) + SUBS + 0.5) * 2 ** exponent;
}
