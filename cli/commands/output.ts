// Decides in which form a list is shown.
import { LIMITS } from '../../core/limits.ts';
import { safeJson, safeYaml } from '../terminal.ts';
import type { View } from './view.ts';

export type Output = 'table' | 'wide' | 'json' | 'yaml';

export interface OutputFlags {
  readonly output: string | undefined;
  readonly limit?: string | undefined;
}

export interface Wanted {
  readonly output: Output;
  /** Items; undefined: it is not said. */
  readonly limit: number | undefined;
}

/** Total. */
export function readOutput({ output: given, limit }: OutputFlags): Wanted | { readonly problem: string } {
  const output = given === undefined ? 'table' : (['json', 'yaml', 'wide'] as const).find((form) => form === given);
  if (output === undefined) return { problem: `found -o ${given}, wanted json, yaml or wide` };
  if (limit === undefined) return { output, limit: undefined };
  if (!/^\d{1,7}$/.test(limit) || Number(limit) === 0 || Number(limit) > ITEMS_MAX)
    return { problem: `--limit is a whole number from 1 to ${ITEMS_MAX}, found "${limit}"` };
  return { output, limit: Number(limit) };
}

export const ITEMS_MAX = LIMITS.cliPagesMax * LIMITS.apiPageItemsMax;

export interface Shown {
  readonly items: readonly unknown[];
  /** The items are one that was named. */
  readonly single: boolean;
  readonly revision?: number | undefined;
  readonly view: View;
  readonly nowMs: number;
}

/** null: the items have another shape than this version knows. */
export function textOf(output: Output, { items, single, revision, view, nowMs }: Shown): string | null {
  if (output === 'json') return safeJson(single ? items[0] : { revision, items });
  // As `apply` reads it.
  if (output === 'yaml') return items.map((item) => safeYaml(item)).join('---\n');
  return view(items, { wide: output === 'wide', only: single, nowMs });
}
