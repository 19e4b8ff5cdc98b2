// Decides what a client holds of a server's task: its id, sealed for this caller with the server that has it and the tool that it came from.
import { LRUCache } from 'lru-cache';
import { LIMITS } from '../../core/limits.ts';
import type { Era } from '../../core/mcp/era.ts';
import type { HandleOwner } from '../../core/session/handles.ts';
import type { Gateway } from '../gateway.ts';

/** A task as its server knows it. */
export interface TaskRef {
  /** In which it was made: the methods of the other era mean nothing to it. */
  readonly era: Era;
  readonly server: string;
  readonly version: string;
  /** The server's own name of the tool that it came from. */
  readonly tool: string;
  /** Raw JSON of the server's id, byte for byte. */
  readonly idText: string;
}

/** What is remembered of a task that a caller was given. */
export interface KnownTask {
  readonly handle: string;
  readonly tool: string;
}

/**
 * Whose the tasks are that servers speak of: a server lists, and tells of, what it has, and knows nothing of our callers.
 * Bounded, the longest unused out first; one that is forgotten is not listed or told of until its caller asks for it.
 */
export interface KnownTasks {
  find(owner: HandleOwner, at: Omit<TaskRef, 'tool'>): KnownTask | undefined;
  add(owner: HandleOwner, ref: TaskRef, handle: string): void;
  readonly size: number;
}

export function createKnownTasks(): KnownTasks {
  const entries = new LRUCache<string, KnownTask>({ max: LIMITS.tasksKnownMax });
  return {
    find: (owner, at) => entries.get(keyOf(owner, at)),
    add: (owner, ref, handle) => void entries.set(keyOf(owner, ref), { handle, tool: ref.tool }),
    get size() {
      return entries.size;
    },
  };
}

/** The same for the same task as long as it is remembered. Null: the server's id is too long. */
export function sealTask(gateway: Gateway, owner: HandleOwner, ref: TaskRef): string | null {
  if (ref.idText.length > LIMITS.taskIdCharsMax) return null;
  const known = gateway.tasks.find(owner, ref);
  if (known !== undefined && known.tool === ref.tool) return known.handle;
  const payload = [ref.era, ref.server, ref.version, ref.tool, ref.idText];
  const handle = gateway.handles().seal('task', owner, payload, gateway.now() + LIMITS.taskTtlMs);
  gateway.tasks.add(owner, ref, handle);
  return handle;
}

export type OpenedTask =
  | { readonly ok: true; readonly ref: TaskRef }
  /** For the log only. */
  | { readonly ok: false; readonly reason: string };

/** Total. One that was sealed by another process is remembered here from now on. */
export function openTask(gateway: Gateway, owner: HandleOwner, era: Era, handle: string): OpenedTask {
  const opened = gateway.handles().open('task', owner, handle);
  if (!opened.ok) return opened;
  const [of, server = '', version = '', tool = '', idText = ''] = opened.payload.map(String);
  if (of !== era) return { ok: false, reason: 'of another use' };
  const ref = { era, server, version, tool, idText };
  if (gateway.tasks.find(owner, ref)?.handle !== handle) gateway.tasks.add(owner, ref, handle);
  return { ok: true, ref };
}

/** A server may write the same id with other escapes. */
function keyOf({ surface, issuer, subject }: HandleOwner, at: Omit<TaskRef, 'tool'>): string {
  return JSON.stringify([surface, issuer, subject, at.era, at.server, at.version, JSON.parse(at.idText)]);
}
