// Decides what a rule's `server/name` pattern speaks of.
import { compileGlob, type Glob } from './glob.ts';

/** A compiled `server/name` pattern. */
export interface TargetPattern {
  readonly server: Glob;
  readonly name: Glob;
}

/**
 * The part up to the first slash is a glob over servers (whose names have no slash), the rest one over their own names.
 * `*` alone is everything. null when it is neither.
 */
export function compileTarget(pattern: string): TargetPattern | null {
  if (pattern === '*') return { server: compileGlob('*'), name: compileGlob('*') };
  const cut = pattern.indexOf('/');
  if (cut <= 0 || cut === pattern.length - 1) return null;
  return { server: compileGlob(pattern.slice(0, cut)), name: compileGlob(pattern.slice(cut + 1)) };
}
