// Decides to which era a protocol version belongs, and which eras a server speaks.
import { MODERN_VERSION } from './versions.ts';

/** `legacy`: `initialize` and sessions (up to 2025-11-25); `modern`: every request says it all (from 2026-07-28 on). */
export type Era = 'legacy' | 'modern';

/** "The protocol uses string-based version identifiers following the format YYYY-MM-DD" (MCP, "Versioning"). */
const VERSION = /^\d{4}-\d{2}-\d{2}$/;

/** Null: it is no version. Versions are dates, so their texts compare; also ones that we do not speak have an era. */
export function eraOf(version: string): Era | null {
  if (!VERSION.test(version)) return null;
  return version < MODERN_VERSION ? 'legacy' : 'modern';
}

/** What discovery found out. */
export interface Spoken {
  readonly protocolVersion: string;
  readonly protocolVersions?: readonly string[];
}

/** Whether a server speaks a version of the era. Of one that was not read yet nothing is known: it does not. */
export function speaks(discovered: Spoken | null, era: Era): boolean {
  if (discovered === null) return false;
  const { protocolVersion, protocolVersions = [] } = discovered;
  // The modern era must be one that we speak as well; in the legacy era versions are negotiated.
  const fits = (version: string): boolean => (era === 'modern' ? version === MODERN_VERSION : eraOf(version) === era);
  return fits(protocolVersion) || protocolVersions.some(fits);
}

/** It has no version with sessions. Of a server that was not read yet nothing is known: it may have one. */
export function isModernOnly(discovered: Spoken | null): boolean {
  return speaks(discovered, 'modern') && !speaks(discovered, 'legacy');
}
