// Decides how a condition's outcome is explained: each sub-expression with its value.
import { LIMITS } from '../../limits.ts';
import { compileTree, frameOf } from './compile.ts';
import { textOf as momentText } from './moments.ts';
import { type CelValue, Failure, Moment, type Result } from './results.ts';
import { textOf } from './text.ts';
import type { Node } from './tree.ts';
import { type Condition, ROOTS, type Scope, type TraceLine, UNKNOWN } from './types.ts';
import { childrenOf } from './walk.ts';

/**
 * In the order of evaluation, the whole condition last. Literals are left out, and roots; what a macro asks of each item
 * has no one value. Quotes values: for those who may see them. Total.
 */
export function traceOf({ tree }: Condition, scope: Scope): readonly TraceLine[] {
  const lines = new Map<string, string>();
  const visit = (node: Node): void => {
    for (const child of childrenOf(node)) visit(child);
    if (node.kind === 'literal' || node.kind === 'name' || lines.size >= LIMITS.traceLinesMax) return;
    const text = textOf(node);
    if (!lines.has(text)) lines.set(text, shown(valueOfNode(node, scope)));
  };
  visit(tree);
  return [...lines].map(([text, value]) => ({ text, value }));
}

function valueOfNode(node: Node, scope: Scope): Result {
  try {
    return compileTree(node, new Set(ROOTS))(frameOf(scope));
  } catch {
    return new Failure('the evaluation failed', node.at);
  }
}

function shown(result: Result): string {
  if (result === UNKNOWN) return 'unknown';
  if (result instanceof Failure) return `error: ${result.why}`;
  const text = written(result);
  return text.length > LIMITS.echoedCharsMax ? `${text.slice(0, LIMITS.echoedCharsMax)}…` : text;
}

function written(value: CelValue): string {
  if (value instanceof Moment) return momentText(value);
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Map) return Object.fromEntries(part);
    if (part instanceof Moment) return momentText(part);
    if (typeof part !== 'bigint') return part;
    const number = Number(part);
    return Number.isSafeInteger(number) ? number : `${part}`;
  });
}
