// Decides how recorded decisions are read on the command line.
import { LIMITS } from '../../core/limits.ts';
import { misused, readArguments } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { durationMs } from '../duration.ts';
import { DECISION_VIEW } from './decision-view.ts';
import { showList } from './list.ts';

const ROW = { view: DECISION_VIEW, itemsUsual: LIMITS.apiPageItemsUsualMax };

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('decisions', args);
  if ('problem' in read) return misused('decisions', read.problem, context);
  const { surface, sub: subject, target, outcome, since: given, ...flags } = read.flags;
  const since = given === undefined ? undefined : sinceText(given, context.nowMs());
  if (since === null) return misused('decisions', wantedSince(given), context);
  const query = Object.entries({ surface, subject, target, outcome, since }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return await showList('decisions', { path: '/v1/decisions', query, row: ROW }, flags, context);
}

/** `7d` before now, or a time as it is written; null when it is neither. */
export function sinceText(text: string, nowMs: number): string | null {
  const agoMs = durationMs(text, LIMITS.recordRetentionMs);
  if (agoMs !== null) return new Date(nowMs - agoMs).toISOString();
  const atMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : new Date(atMs).toISOString();
}

export function wantedSince(found: string | undefined): string {
  const days = LIMITS.recordRetentionMs / 86_400_000;
  return `--since wants a time such as 12h or 7d, at most ${days}d, or a date, found "${found}"`;
}
