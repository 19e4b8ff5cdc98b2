// Decides whether a caller may do something with a task: what he might do with the tool that it came from.
import { isServed } from '../../core/catalog/choose.ts';
import { standingDecision } from '../../core/catalog/decisions.ts';
import { type Exposed, exposureOf } from '../../core/catalog/exposure.ts';
import type { Viewer } from '../../core/catalog/govern.ts';
import { shownTo } from '../../core/catalog/tool-candidates.ts';
import type { Era } from '../../core/mcp/era.ts';
import type { Message } from '../../core/mcp/message.ts';
import type { Decision } from '../../core/policy/types.ts';
import type { HandleOwner } from '../../core/session/handles.ts';
import type { Caller } from '../call.ts';
import { openTask, type TaskRef } from '../compose/task-ids.ts';
import type { Gateway } from '../gateway.ts';
import { type Outcome, refuse } from '../outcome.ts';

export type TaskVerdict =
  | {
      readonly allowed: true;
      readonly ref: TaskRef;
      /** The tool that it came from, in the version of the server that has the task. */
      readonly exposed: Exposed;
      readonly decision: Decision;
    }
  /** For the log only: to the caller there is no such task. */
  | { readonly allowed: false; readonly reason: string; readonly decision?: Decision };

/** Total. */
export function taskVerdict(
  viewer: Viewer & { readonly gateway: Gateway },
  owner: HandleOwner,
  era: Era,
  handle: string,
): TaskVerdict {
  const opened = openTask(viewer.gateway, owner, era, handle);
  if (!opened.ok) return { allowed: false, reason: opened.reason };
  return toolVerdict(viewer, opened.ref);
}

/** "Invalid or nonexistent taskId: -32602", in both eras; why it is, is for the log. */
export function refusedTask(
  { gateway, surface, principal, message }: Caller & { readonly message: Message },
  { reason, decision }: Extract<TaskVerdict, { allowed: false }>,
): Outcome {
  gateway.log.info(
    {
      surface: surface.name,
      subject: principal.subject,
      method: message.method,
      reason,
      decision: decision?.id,
      rules: decision?.ruleIds,
    },
    'a task was refused',
  );
  return refuse({ code: 'unknown_task' }, message.idText);
}

/** What a client is shown goes by what it declares; what it declared when it made the task, it need not when it asks. */
const PROFILES = ['full', 'bare'] as const;

/** Of a task whose owner the caller is. */
export function toolVerdict(viewer: Viewer, ref: TaskRef): TaskVerdict {
  const { catalog, surface, exposure } = viewer;
  const server = catalog.servers.get(ref.server);
  const found = server?.versions.find((each) => each.version === ref.version);
  const version = found && shownTo(found, viewer.principal);
  if (version === undefined || !isServed(version)) return { allowed: false, reason: 'its server version is gone' };
  // The task stays where it is, whichever version its caller would be led to now, and whatever he declares this time.
  const versionOf: Parameters<typeof exposureOf>[2] = (each) =>
    each === server ? version : (exposure.backends.find((backend) => backend.server === each)?.version ?? null);
  const exposed = PROFILES.flatMap((profile) => exposureOf(catalog, surface, versionOf, profile).lists.tools).find(
    (item) => item.version === version && item.name === ref.tool,
  );
  if (exposed === undefined) return { allowed: false, reason: 'its tool is not on this surface' };
  const decision = standingDecision(viewer, 'tool', exposed);
  if (!decision.allowed) return { allowed: false, reason: 'its tool is denied', decision };
  return { allowed: true, ref, exposed, decision };
}
