// Decides which version of a server a caller gets.
import { hash } from 'node:crypto';
import { globMatches } from '../policy/glob.ts';
import type { Canary, CatalogServer, ServerVersion } from './catalog.ts';
import { LIFECYCLE, type LifecycleState } from './lifecycle.ts';

/** Whom a version is chosen for. */
export interface Chooser {
  /** What a caller is known again by: the session's token id, or without a session `<issuer> <subject>`. */
  readonly key: string;
  readonly subject: string;
}

/** Hundredths of a percent. */
const BUCKETS = 10_000;

/**
 * The version that the session has (`sealed`) as long as anything is known of it: one that is decommissioned comes back
 * too, so that its caller can be told. Else the canary for those who are led to it, the active version, the one that was
 * deprecated last, and where none is served the last decommissioned one. Null: there is none. Total.
 */
export function choose(server: CatalogServer, chooser: Chooser, sealed?: string): ServerVersion | null {
  const { versions } = server;
  if (sealed !== undefined) {
    const held = versions.find(({ version }) => version === sealed);
    if (held !== undefined && isKnown(held)) return held;
  }
  const canary = versions.find(inState('canary'));
  if (canary !== undefined && leadsTo(canary, server.name, chooser)) return canary;
  return (
    activeVersion(server) ??
    versions.filter(inState('deprecated')).reduce<ServerVersion | null>(later, null) ??
    versions.findLast(inState('decommissioned')) ??
    null
  );
}

export function activeVersion({ versions }: CatalogServer): ServerVersion | null {
  return versions.find(inState('active')) ?? null;
}

/** Whether calls to it may be made. A state that is not in the table is not served. */
export function isServed({ state }: ServerVersion): boolean {
  return LIFECYCLE[state]?.served === true;
}

function isKnown({ state }: ServerVersion): boolean {
  return LIFECYCLE[state]?.known === true;
}

function inState(wanted: LifecycleState): (version: ServerVersion) => boolean {
  return ({ state }) => state === wanted;
}

/** Of two that were deprecated at the same time, the one further down in the document. */
function later(newest: ServerVersion | null, version: ServerVersion): ServerVersion {
  const since = ({ deprecation }: ServerVersion): number => deprecation?.sinceMs ?? 0;
  return newest === null || since(version) >= since(newest) ? version : newest;
}

function leadsTo({ version, canary }: ServerVersion, server: string, chooser: Chooser): boolean {
  return canary !== undefined && isLedTo(canary, chooser, server, version);
}

/** Whether somebody is in the share that a canary of this server version leads. */
export function isLedTo(canary: Canary, { key, subject }: Chooser, server: string, version: string): boolean {
  if (canary.principals.some((pattern) => globMatches(pattern, subject))) return true;
  // A share is given with up to two decimals, which are not exact as they are: 0.07 * 100 is more than 7.
  const share = Math.round(canary.percent * (BUCKETS / 100));
  return share > 0 && bucketOf(key, server, version) < share;
}

/**
 * From 0 to 9999; the same for the same three texts. A share that grows keeps whom it has, and one server's canary says
 * nothing of another's. Neither server nor version contains a line break.
 */
function bucketOf(key: string, server: string, version: string): number {
  const digest = hash('sha256', `${server}\n${version}\n${key}`, 'buffer');
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * BUCKETS);
}
