// Decides what discovery is told of a server version that it shall read.
import type { ReadTarget } from './session.ts';

export interface DiscoveryTarget extends ReadTarget {
  /** Of the server's document: when it changes, the server is read at once. */
  readonly documentHash: string;
  /** Names in its endpoints, which are resolved; absent: there are none. */
  readonly hosts?: readonly string[];
}

/** Targets are made anew with each revision that changes their server, so most are the very object of before. */
export function isSameTarget(a: DiscoveryTarget, b: DiscoveryTarget): boolean {
  if (a === b) return true;
  const [hosts, others] = [a.hosts ?? [], b.hosts ?? []];
  return (
    a.cluster === b.cluster &&
    a.path === b.path &&
    a.documentHash === b.documentHash &&
    hosts.length === others.length &&
    hosts.every((host, index) => host === others[index])
  );
}
