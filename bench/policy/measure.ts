// Decides how the policy bench takes its times and its memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { compileSchema } from '../../core/arguments/schema.ts';
import { parseMessage } from '../../core/mcp/message.ts';
import { readValue } from '../../core/mcp/value.ts';
import { type CompiledPolicies, compilePolicies, decide, visible } from '../../core/policy/decide.ts';
import type { Policy } from '../../core/policy/types.ts';
import { distinctPolicies, MESSAGE, policiesOf, questionOf, SCHEMA, type Shape, targetOf } from './cases.ts';

/** Of so many batches the median counts, so that a collection of garbage or another program does not. */
const BATCHES = { full: 201, quick: 21 } as const;
const WARM_BATCHES = 30;
const CALLS_IN_BATCH = 2000;

export interface Effort {
  readonly batches: number;
}
export function effortOf(isQuick: boolean): Effort {
  return { batches: isQuick ? BATCHES.quick : BATCHES.full };
}

/** Nanoseconds of one call, in the median of the batches. */
export function medianNs({ batches }: Effort, run: () => unknown, calls = CALLS_IN_BATCH): number {
  const found: number[] = [];
  let kept: unknown;
  for (let batch = -WARM_BATCHES; batch < batches; batch++) {
    const from = process.hrtime.bigint();
    for (let call = 0; call < calls; call++) kept = run();
    if (batch >= 0) found.push(Number(process.hrtime.bigint() - from) / calls);
  }
  // What nobody reads need not be computed.
  if (kept === undefined) throw new Error('nothing was measured');
  return found.sort((a, b) => a - b)[batches >> 1]!;
}

/** One decision among `count` rules, of which one speaks of the call and allows it. */
export function decisionNs(effort: Effort, shape: Shape, count: number): number {
  const compiled = compilePolicies(policiesOf(shape, count));
  const question = questionOf(shape, count);
  const { allowed, ruleIds } = decide(compiled, question);
  if (!allowed || ruleIds.length !== 1) throw new Error(`${shape}, ${count} rules: ${ruleIds.join(' ')} decided`);
  return medianNs(effort, () => decide(compiled, { ...question }));
}

/** What comes before it: the message read once, its arguments as values, and against the tool's schema. */
export function beforeNs(effort: Effort): { readonly parse: number; readonly args: number; readonly schema: number } {
  const schema = compileSchema(SCHEMA);
  const parsed = parseMessage(MESSAGE);
  if (!schema.ok || !parsed.ok) throw new Error('the case is broken');
  const text = JSON.stringify(JSON.parse(MESSAGE.toString()).params.arguments);
  const start = MESSAGE.indexOf(text);
  const span = { start, end: start + Buffer.byteLength(text) };
  const read = readValue(MESSAGE, span);
  if (!read.ok) throw new Error(read.problem);
  return {
    parse: medianNs(effort, () => parseMessage(MESSAGE)),
    args: medianNs(effort, () => readValue(MESSAGE, span)),
    schema: medianNs(effort, () => schema.check(read.value)),
  };
}

export interface ListTimes {
  readonly firstMs: number;
  readonly againMs: number;
}

/** A list of `tools` on 20 servers, filtered for one principal by `count` rules. */
export function listMs(effort: Effort, tools: number, count: number): ListTimes {
  const { args: _, ...question } = questionOf('by group', count);
  const targets = Array.from({ length: tools }, (_unused, index) =>
    targetOf(index % 2 === 0 ? 'pay' : `s${index % 20}`, `t${index}`),
  );
  const list = (compiled: CompiledPolicies): number =>
    targets.filter((target) => visible(compiled, { ...question, target }).shown).length;
  const policies = policiesOf('by group', count);
  const again = compilePolicies(policies);
  if (list(again) !== tools / 2) throw new Error('the list is not what was wanted');
  const batches = { batches: Math.ceil(effort.batches / 2) };
  return {
    firstMs: medianNs(batches, () => list(compilePolicies(policies)), 1) / 1e6,
    againMs: medianNs(batches, () => list(again), 1) / 1e6,
  };
}

/** Rules, their conditions and patterns, none of which was seen before. */
export function compileMs(count: number): number {
  const policies = distinctPolicies(count);
  const from = performance.now();
  compilePolicies(policies);
  return performance.now() - from;
}

export interface RuleBytes {
  readonly document: number;
  readonly compiled: number;
}

/** Heap per rule: of its document, and of what is compiled. `offset` makes conditions that were not seen before. */
export function bytesPerRule(count: number): RuleBytes {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = (): number => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const empty = heap();
  const policies: readonly Policy[] = distinctPolicies(count);
  const written = heap();
  const compiled = compilePolicies(policies);
  // So that the index of one target is counted too.
  compiled.candidates('default', targetOf('srv-1', 'put'));
  const all = heap();
  if (compiled.rules.length !== count) throw new Error('not all rules were compiled');
  return { document: (written - empty) / count, compiled: (all - written) / count };
}
