// Decides which quotas a rule's `rate` and `budget` are, and under which key a call is counted.
import { LIMITS } from '../limits.ts';
import { durationMs } from './duration.ts';
import {
  COUNTED,
  type ObligationsDocument,
  type Principal,
  type Quota,
  type QuotaDocument,
  type Target,
} from './types.ts';

/** The quotas of a rule; null when one of them cannot be read. */
export function quotasOf(ruleId: string, { rate = [], budget = [] }: ObligationsDocument): readonly Quota[] | null {
  const quotas: Quota[] = [];
  for (const document of [...rate, ...budget]) {
    const windowMs = durationMs(document.per, LIMITS.quotaWindowMaxMs);
    if (windowMs === null) return null;
    const units = COUNTED.filter((unit) => document[unit] !== undefined);
    if (units.length === 0) return null;
    for (const unit of units) quotas.push(quotaOf(ruleId, quotas.length, unit, document, windowMs));
  }
  return quotas;
}

function quotaOf(ruleId: string, index: number, unit: Quota['unit'], document: QuotaDocument, windowMs: number): Quota {
  return { id: `${ruleId}#${index}`, unit, limit: document[unit]!, windowMs, by: document.by };
}

export interface Counting {
  readonly surface: string;
  readonly principal: Principal;
  readonly target: Pick<Target, 'server' | 'name' | 'kind'>;
  /** The task that the rule allows the call for; '' without one. */
  readonly task: string;
}

const PARTS: Readonly<Record<Quota['by'][number], (counting: Counting) => string>> = {
  principal: ({ principal }) => `${principal.issuer} ${principal.subject}`,
  task: ({ task }) => task,
  tool: ({ target }) => `${target.kind} ${target.server}/${target.name}`,
  server: ({ target }) => target.server,
  surface: ({ surface }) => surface,
  agent: ({ principal }) => principal.agent ?? '',
};

/** Lengths in front: no two callers share a key, whatever their names contain. */
export function quotaKey(quota: Quota, counting: Counting): string {
  const parts = quota.by.map((by) => PARTS[by](counting));
  return `${quota.id} ${parts.map((part) => `${part.length}:${part}`).join(' ')}`;
}
