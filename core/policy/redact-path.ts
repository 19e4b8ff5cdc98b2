// Decides which parts of a result a path of `redact` means.

import type { PathStep } from '../mcp/redact.ts';

/** `customer.ssn`, `items[*].secret`, `["a.b"].c`; a leading name is looked for at every depth. null when it is no path. */
export function parseRedactPath(text: string): readonly PathStep[] | null {
  const steps: PathStep[] = [];
  const pattern = /(?:^|\.)([A-Za-z0-9_$-]+)|(\[\*\])|\["((?:[^"\\]|\\["\\])+)"\]/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return null;
    steps.push(match[2] !== undefined ? null : (match[1] ?? match[3]!.replace(/\\(.)/g, '$1')));
  }
  return steps.length === 0 || steps[0] === null ? null : steps;
}

/** One sentence; null: it is one. */
export function redactPathProblem(text: string): string | null {
  return parseRedactPath(text) === null
    ? `found "${text}", wanted a path as card_number, customer.ssn or items[*].id`
    : null;
}
