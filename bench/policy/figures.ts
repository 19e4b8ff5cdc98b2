// Decides which figures the policy bench reports, and what they may be at most.
import type { Figure } from '../xds/figures.ts';

export interface MeasuredPolicies {
  readonly decisions: readonly { readonly shape: string; readonly rules: number; readonly ns: number }[];
  readonly before: { readonly parse: number; readonly args: number; readonly schema: number };
  readonly list: { readonly tools: number; readonly rules: number; readonly firstMs: number; readonly againMs: number };
  readonly compile: { readonly rules: number; readonly ms: number };
  readonly memory: readonly { readonly rules: number; readonly document: number; readonly compiled: number }[];
}

/** Microseconds by the count of rules, of which one speaks of the call. Rules that differ in their conditions only are asked one by one. */
const DECISION_MOST_US: ReadonlyMap<number, number> = new Map([
  [1, 3],
  [20, 5],
  [200, 10],
]);
const LIST_MOST_MS = 3;
const COMPILE_MOST_MS = 1000;
/** A rule among many may cost so much of one among few. */
const GROWTH_MOST = 1.25;

/** Total. */
export function figuresOf({ decisions, before, list, compile, memory }: MeasuredPolicies): readonly Figure[] {
  const figure = (name: string, value: number, unit: string, most: number | null = null): Figure => {
    return { name, value: Math.round(value * 100) / 100, unit, most };
  };
  const bytes = memory.map(({ document, compiled }) => document + compiled);
  return [
    ...decisions.map(({ shape, rules, ns }) =>
      figure(
        `a decision, ${rules} rules ${shape}`,
        ns / 1000,
        'µs',
        shape === 'by condition' ? null : (DECISION_MOST_US.get(rules) ?? null),
      ),
    ),
    figure('before it: the message', before.parse / 1000, 'µs'),
    figure('before it: the arguments as values', before.args / 1000, 'µs'),
    figure('before it: against the schema', before.schema / 1000, 'µs'),
    figure(`a list of ${list.tools} tools, ${list.rules} rules`, list.againMs, 'ms', LIST_MOST_MS),
    figure('the same for the first time, compilation included', list.firstMs, 'ms'),
    figure(`${compile.rules} rules compiled`, compile.ms, 'ms', COMPILE_MOST_MS),
    ...memory.flatMap(({ rules, document, compiled }) => [
      figure(`a rule of ${rules}, its document`, document / 1024, 'KiB'),
      figure(`a rule of ${rules}, compiled`, compiled / 1024, 'KiB'),
    ]),
    figure(
      'a rule of most, to one of fewest',
      (bytes.at(-1) ?? Number.NaN) / (bytes[0] ?? Number.NaN),
      '',
      GROWTH_MOST,
    ),
  ];
}
