// Decides whether the items of a list all differ.
import type { Value } from '../mcp/value.ts';

/** In time that grows with the size of the items. "Two instances are equal if …" (JSON Schema 2020-12 core, §4.2.2). */
export function areUnique(items: readonly Value[]): boolean {
  const seen = new Set<string>();
  for (const item of items) {
    const text = canonical(item);
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}

/** The same text for equal values: members in order of their names, one spelling of a number. */
function canonical(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
    return `{${members.sort().join()}}`;
  }
  // -0 and 0 are one number; a bigint has no spelling in JSON.stringify.
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return JSON.stringify(value);
}
