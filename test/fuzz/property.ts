// Decides what a property is: inputs, what must hold for each of them, and its share of all cases.
import fc, { type Arbitrary } from 'fast-check';

export interface Property {
  /** A sentence that is true of every input. */
  readonly name: string;
  /** Of all cases; the shares need not add up to anything. */
  readonly share: number;
  /** @throws Error of fast-check's, with the seed and the smallest failing input. */
  readonly run: (settings: Settings) => void | Promise<void>;
}

export interface Settings {
  /** Beside the corpus, which is tried every time. */
  readonly cases: number;
  readonly seed: number;
  /** Called before every case: who watches sees that it goes on. */
  readonly beat: () => void;
}

export function property<T>(
  name: string,
  share: number,
  { inputs, corpus = [] }: { readonly inputs: Arbitrary<T>; readonly corpus?: readonly T[] },
  holds: (input: T) => void,
): Property {
  const run = ({ cases, seed, beat }: Settings): void => {
    const tried = fc.property(inputs, (input) => {
      beat();
      holds(input);
    });
    fc.assert(tried, { numRuns: cases + corpus.length, seed, examples: corpus.map((each): [T] => [each]) });
  };
  return { name, share, run };
}

/** As `property`, of what takes more than one turn. */
export function asyncProperty<T>(
  name: string,
  share: number,
  { inputs, corpus = [] }: { readonly inputs: Arbitrary<T>; readonly corpus?: readonly T[] },
  holds: (input: T) => Promise<void>,
): Property {
  const run = ({ cases, seed, beat }: Settings): Promise<void> => {
    const tried = fc.asyncProperty(inputs, async (input) => {
      beat();
      await holds(input);
    });
    return fc.assert(tried, { numRuns: cases + corpus.length, seed, examples: corpus.map((each): [T] => [each]) });
  };
  return { name, share, run };
}

/** @throws Error with both values. */
export function same(found: unknown, wanted: unknown, what: string): void {
  const [left, right] = [shown(found), shown(wanted)];
  if (left !== right) throw new Error(`${what}: found ${left}, wanted ${right}`);
}

/** @throws Error with that sentence. */
export function holds(truth: boolean, what: string): asserts truth {
  if (!truth) throw new Error(what);
}

function shown(value: unknown): string {
  const plain = (_key: string, each: unknown): unknown => (each instanceof Map ? [...each] : each);
  return JSON.stringify(value, plain) ?? 'undefined';
}
