// Decides what is left of an expression for one method: true, false, or a condition.
import type { Expression, Untranslatable } from './expression.ts';
import type { Method } from './keys.ts';
import { type Test, testOf } from './tests.ts';

export type Residue =
  | Test
  | { readonly all: readonly Exclude<Residue, boolean>[] }
  | { readonly any: readonly Exclude<Residue, boolean>[] }
  | { readonly not: Exclude<Residue, boolean> };
type Left = Exclude<Residue, boolean>;

/** Throws `Untranslatable` for what could not be translated for any method. */
export function residueOf(expression: Expression, method: Method): Residue {
  if (expression.kind === 'call') return testOf(expression, method);
  if (expression.kind === 'not') return negated(residueOf(expression.of, method));
  const decides = expression.kind === 'or';
  const parts = expression.of.map((part) => residueOf(part, method));
  if (parts.includes(decides)) return decides;
  const left = parts.filter((part): part is Left => typeof part !== 'boolean');
  const [only] = left;
  if (only === undefined) return !decides;
  if (left.length === 1) return only;
  return decides ? { any: left } : { all: left };
}

export function negated(residue: Residue): Residue {
  if (typeof residue === 'boolean') return !residue;
  return 'not' in residue ? residue.not : { not: residue };
}

/** The first part that cannot be translated; null: there is none. */
export function refusedIn(residue: Residue): Untranslatable | null {
  if (typeof residue === 'boolean' || 'cel' in residue) return null;
  if ('refused' in residue) return residue.refused;
  if ('not' in residue) return refusedIn(residue.not);
  for (const part of 'all' in residue ? residue.all : residue.any) {
    const found = refusedIn(part);
    if (found !== null) return found;
  }
  return null;
}

/** In CEL, to stand beside anything. */
export function celOf(residue: Left): string {
  if ('refused' in residue) throw residue.refused;
  if ('cel' in residue) return /&&|\|\|/.test(residue.cel) ? `(${residue.cel})` : residue.cel;
  if ('not' in residue) return `!(${celOf(residue.not)})`;
  return 'all' in residue ? `(${residue.all.map(celOf).join(' && ')})` : `(${residue.any.map(celOf).join(' || ')})`;
}
