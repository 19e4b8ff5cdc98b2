// Decides how a tool looks to one caller: with the limits that the rules would hold its arguments to.
import { advertised } from '../arguments/advertised.ts';
import { residualOf } from '../policy/cel/residual.ts';
import type { Visibility } from '../policy/decide.ts';
import type { ExposedItem } from './exposure.ts';

/**
 * As lists show it. Limits are written into its inputSchema where one rule alone may allow the call: of several each allows
 * something else, and a schema that said only one would hide the others.
 */
export function shownText(item: ExposedItem, { allowing, scope }: Visibility): string {
  const [only] = allowing;
  if (item.inputSchema === null || only === undefined || allowing.length > 1) return item.json();
  const residuals = only.rule.conditions.flatMap(({ condition }) =>
    condition?.reads.has('args') === true ? (residualOf(condition, scope) ?? []) : [],
  );
  return residuals.length === 0 ? item.json() : item.jsonWith(advertised(item.schemaText(), residuals));
}
