// Decides which protocol versions a server speaks, by asking it for each.
import type { Discovered } from '../../core/catalog/catalog.ts';
import { isObject } from '../../core/json.ts';
import { TASKS_EXTENSION } from '../../core/mcp/tasks.ts';
import { LATEST_LEGACY_VERSION, LEGACY_VERSIONS } from '../../core/mcp/versions.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import { refusesDisagreement } from './disagreement.ts';
import { askModern, MODERN_VERSION } from './modern.ts';
import { isRefusal, openSession, type SessionOptions } from './session.ts';

/** What is found out of a server beside its lists. */
export type Facts = Required<Pick<Discovered, 'protocolVersions' | 'refusesDisagreement'>> &
  Pick<Discovered, 'tasksExtension'>;

/** null: it could not be seen. */
type Seen = boolean | null;

/**
 * `read`: what was just read. A version that cannot be seen for now stays as it was `earlier`; one that is refused is gone.
 * Each session is ended before the next begins: behind one there may be a program of its own. Total.
 */
export async function probeServer(
  options: SessionOptions,
  read: Pick<Discovered, 'protocolVersion' | 'capabilities'>,
  earlier: Facts | null,
): Promise<Facts> {
  const versions: string[] = [];
  const note = (version: string, seen: Seen): void => {
    if (seen ?? earlier?.protocolVersions.includes(version) ?? false) versions.push(version);
  };
  const known: readonly string[] = [...LEGACY_VERSIONS, MODERN_VERSION];
  if (!known.includes(read.protocolVersion)) versions.push(read.protocolVersion);
  for (const version of LEGACY_VERSIONS) note(version, await speaksLegacy(options, version, read.protocolVersion));
  const modern = await seenModern(options);
  note(MODERN_VERSION, modern === null ? null : modern.speaks);
  if (!versions.includes(MODERN_VERSION)) return { protocolVersions: versions, refusesDisagreement: false };
  // On this a decision may rest: what is not seen is not so.
  const refuses = (await refusesDisagreement(options, read.capabilities)) ?? false;
  const tasks = modern === null ? earlier?.tasksExtension === true : modern.tasks;
  return { protocolVersions: versions, refusesDisagreement: refuses, ...(tasks && { tasksExtension: true }) };
}

/** `negotiated`: what it answered when it was asked for the latest. */
async function speaksLegacy(options: SessionOptions, version: string, negotiated: string): Promise<Seen> {
  if (version === negotiated) return true;
  if (version === LATEST_LEGACY_VERSION) return false;
  const session = await openSession(options, {}, version);
  if ('error' in session) return session.refused ? false : null;
  await session.close();
  return session.protocolVersion === version;
}

/** "A server MUST implement `server/discover`" (MCP 2026-07-28, server/discover). */
async function seenModern(
  options: SessionOptions,
): Promise<{ readonly speaks: boolean; readonly tasks: boolean } | null> {
  const answer = await askModern(options, { method: 'server/discover' });
  if (!answer.ok) return isRefusal(answer) ? { speaks: false, tasks: false } : null;
  const result = answer.message?.result;
  const { supportedVersions: versions, capabilities } = isObject(result) ? result : {};
  const extensions = isObject(capabilities) && isObject(capabilities.extensions) ? capabilities.extensions : {};
  return {
    speaks: Array.isArray(versions) && versions.includes(MODERN_VERSION),
    tasks: Object.hasOwn(extensions, TASKS_EXTENSION),
  };
}

/** What was found out earlier, if it was of the same server in the same release. */
export function factsOf(earlier: Discovered | null | undefined, read: Discovered): Facts | null {
  if (earlier?.protocolVersions === undefined || earlier.protocolVersion !== read.protocolVersion) return null;
  if (canonicalJson(earlier.serverInfo) !== canonicalJson(read.serverInfo)) return null;
  const { protocolVersions, refusesDisagreement: refuses = false, tasksExtension } = earlier;
  return { protocolVersions, refusesDisagreement: refuses, ...(tasksExtension === true && { tasksExtension }) };
}
