// Decides what is kept of the decisions that were made on calls.
import { questionOf } from '../catalog/decisions.ts';
import type { Asker, Verdict } from '../catalog/govern.ts';
import { type DecisionRecord, recordOf } from './decision-record.ts';

/** `method` is what was called; `code` that of the error that the caller got, '' where the call went on. Never waits. */
export function recordDecision(
  record: (record: DecisionRecord) => void,
  asker: Asker,
  method: string,
  verdict: Extract<Verdict, { kind: 'call' | 'refused' }>,
  code: string,
): void {
  const { decision } = verdict;
  const asked = verdict.kind === 'call' ? { ...verdict, kind: verdict.target.kind } : verdict.asked;
  if (decision === undefined || asked === undefined) return;
  const question = questionOf(asker, asked.kind, asked.exposed, method);
  const args = asker.surface.record?.arguments === true ? asked.args : null;
  record(recordOf(question, decision, { code, args }));
}
