// Decides to whom the labels of a call stick, and for how long.
import { hash } from 'node:crypto';
import { LIMITS } from '../limits.ts';
import type { Ledger } from './ledger.ts';
import type { Principal } from './types.ts';

/** A session of the legacy era: it is one conversation. */
export function sessionHolders(tokenId: string): readonly string[] {
  return [`session ${tokenId}`];
}

/**
 * The modern era has no sessions: a principal and what he is about. Of more tasks than one each gets the labels, and has
 * those of all, so that nobody sheds them by a token with another list of the same tasks.
 */
export function principalHolders({ issuer, subject, tasks }: Principal): readonly string[] {
  const about = tasks.length === 0 ? [''] : tasks;
  return about.map((task) => `principal ${hash('sha256', JSON.stringify([issuer, subject, task]), 'base64url')}`);
}

/** What earlier calls left with any of them; null while nobody knows: a rule that asks then denies. */
export function labelsOf(ledger: Ledger, holders: readonly string[]): () => readonly string[] | null {
  return () => (ledger.ready() ? [...new Set(holders.flatMap((holder) => ledger.labels(holder)))] : null);
}

/** True when all have them, in every service. A later call renews them: in whole steps, so that not each has to be stored. */
export async function leaveLabels(
  ledger: Ledger,
  holders: readonly string[],
  labels: readonly string[],
  nowMs: number,
): Promise<boolean> {
  if (labels.length === 0) return true;
  const step = LIMITS.labelStepMs;
  const untilMs = Math.ceil((nowMs + LIMITS.sessionTtlMs) / step) * step;
  for (const holder of holders) if (!(await ledger.leave(holder, labels, untilMs))) return false;
  return true;
}
