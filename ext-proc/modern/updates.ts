// Decides what a caller hears of the resources and tasks that he listens to: what their servers say, each on one stream of its own.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { Viewer } from '../../core/catalog/govern.ts';
import { HEADERS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressCall } from '../../core/mcp/egress-call.ts';
import { speaks } from '../../core/mcp/era.ts';
import { META, membersAt } from '../../core/mcp/inbound.ts';
import { type Edit, type Message, parseMessage, stringParam, withEdits } from '../../core/mcp/message.ts';
import { redact } from '../../core/mcp/redact.ts';
import type { Span } from '../../core/mcp/scan.ts';
import { TASK_CHANGED, TASKS_EXTENSION } from '../../core/mcp/tasks.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { parseRedactPath } from '../../core/policy/redact-path.ts';
import { ownerText } from '../bridging/bridged-state.ts';
import { listenLegacy } from '../bridging/listen-legacy.ts';
import { toolVerdict } from '../federation/tasks-allowed.ts';
import type { Gateway } from '../gateway.ts';
import { ownerOf } from './reading.ts';
import { type ListenedTask, listenedTask } from './tasks-listened.ts';

export interface UpdatesOptions {
  readonly gateway: Gateway;
  readonly uris: readonly string[];
  readonly tasks: readonly ListenedTask[];
  /** By the newest catalog; null or undefined: there is nobody to tell. */
  readonly viewer: () => Viewer | null | undefined;
  /** Raw JSON of the caller's subscription id. */
  readonly idText: string;
  /** One message, as raw JSON. */
  readonly write: (text: string) => void;
}

export interface Updates {
  /** The catalog changed: a resource may be another server's now, or not the caller's any more. */
  changed(): void;
  close(): void;
}

const UPDATED = 'notifications/resources/updated';
const NOTHING: Updates = { changed() {}, close() {} };

/** What is heard of one server. */
interface Heard {
  readonly version: ServerVersion;
  readonly uris: string[];
  readonly tasks: ListenedTask[];
}

interface Upstream {
  readonly key: string;
  close(): void;
}

export function openUpdates(options: UpdatesOptions): Updates {
  if (options.uris.length === 0 && options.tasks.length === 0) return NOTHING;
  let upstreams = new Map<string, Upstream>();
  let closed = false;
  const changed = (): void => {
    if (closed) return;
    const wanted = owners(options);
    const next = new Map<string, Upstream>();
    for (const heard of wanted) {
      const { version, uris, tasks } = heard;
      const key = JSON.stringify([version.cluster, version.path, uris, tasks.map(({ handle }) => handle)]);
      next.set(key, upstreams.get(key) ?? openUpstream(options, heard, key));
    }
    for (const [key, upstream] of upstreams) if (!next.has(key)) upstream.close();
    upstreams = next;
  };
  changed();
  return {
    changed,
    close() {
      closed = true;
      for (const upstream of upstreams.values()) upstream.close();
      upstreams = new Map();
    },
  };
}

/** Servers that own one of the resources or tasks, as far as the caller may read them and call their tools. */
function owners({ uris, tasks, viewer }: UpdatesOptions): readonly Heard[] {
  const now = viewer();
  if (!now) return [];
  const found = new Map<ServerVersion, Heard>();
  const of = (version: ServerVersion): Heard => {
    const heard = found.get(version) ?? { version, uris: [], tasks: [] };
    found.set(version, heard);
    return heard;
  };
  for (const uri of uris) {
    const version = ownerOf(now, uri);
    if (version !== null) of(version).uris.push(uri);
  }
  for (const task of tasks) {
    const verdict = toolVerdict(now, task.ref);
    if (verdict.allowed) of(verdict.exposed.version).tasks.push(task);
  }
  return [...found.values()];
}

function openUpstream(options: UpdatesOptions, heard: Heard, key: string): Upstream {
  const { gateway } = options;
  const { version, uris } = heard;
  if (!speaks(version.discovered, 'modern')) return openBridged(options, version, uris, key);
  let call: EgressCall | null = null;
  let timer: NodeJS.Timeout | null = null;
  let pauseMs: number = LIMITS.listenRetryMinMs;
  let closed = false;
  const open = (): void => {
    timer = null;
    call = gateway.calls.open({
      cluster: version.cluster,
      path: version.path,
      method: 'POST',
      protocolVersion: MODERN_VERSION,
      headers: { [HEADERS.method]: 'subscriptions/listen' },
      body: listenBody(heard),
      deadlineMs: LIMITS.fanoutDeadlineMs,
      eventBytesMax: LIMITS.streamEventBytesMax,
      onOpen: () => undefined,
      onEvent: ({ data }) => {
        const text = updateFor(options, heard, data);
        if (text === null) return;
        pauseMs = LIMITS.listenRetryMinMs;
        options.write(text);
      },
      onEnd: (why) => {
        if (closed) return;
        gateway.log.debug(
          { server: version.name, version: version.version, why },
          'a server’s stream of changes ended',
        );
        timer = setTimeout(open, pauseMs).unref();
        pauseMs = Math.min(2 * pauseMs, LIMITS.listenRetryMaxMs);
      },
    });
  };
  open();
  return {
    key,
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      call?.close();
    },
  };
}

/** A server of the legacy era says the same on a GET stream. */
function openBridged(options: UpdatesOptions, version: ServerVersion, uris: readonly string[], key: string): Upstream {
  const now = options.viewer();
  if (!now) return { key, close: () => undefined };
  const { gateway } = options;
  const listening = listenLegacy({
    gateway,
    version,
    uris,
    declared: {
      owner: ownerText(now),
      capabilities: {},
      clientInfo: { name: 'chancery', version: '0.1.0' },
      logLevel: null,
    },
    onUpdated: (data) => {
      const text = updateFor(options, { version, uris: [], tasks: [] }, data);
      if (text !== null) options.write(text);
    },
  });
  return { key, close: () => listening.close() };
}

function listenBody({ uris, tasks }: Heard): string {
  const _meta = {
    [META.protocolVersion]: MODERN_VERSION,
    [META.clientCapabilities]: tasks.length === 0 ? {} : { extensions: { [TASKS_EXTENSION]: {} } },
    [META.clientInfo]: { name: 'chancery', version: '0.1.0' },
  };
  const notifications = {
    ...((uris.length > 0 || tasks.length === 0) && { resourceSubscriptions: uris }),
    ...(tasks.length > 0 && { taskIds: tasks.map(({ ref }) => JSON.parse(ref.idText)) }),
  };
  const params = { notifications, _meta };
  return JSON.stringify({ jsonrpc: '2.0', id: 'listen', method: 'subscriptions/listen', params });
}

/** The server's message under the caller's own subscription id, every other byte as it was; null: it is not for him. */
function updateFor({ viewer, idText }: UpdatesOptions, heard: Heard, data: string): string | null {
  if (data === '') return null;
  const parsed = parseMessage(Buffer.from(data));
  if (!parsed.ok || parsed.message.kind !== 'notification') return null;
  const { message } = parsed;
  const now = viewer();
  if (!now) return null;
  if (message.method === UPDATED) {
    const uri = stringParam(message, 'uri');
    // Also of a part of what he asked for: "this might be a sub-resource". What he may not read he does not hear of.
    if (uri === null || ownerOf(now, uri) !== heard.version) return null;
    return subscribed(message, idText, message.params!.get('uri')!, []);
  }
  const task = message.method === TASK_CHANGED ? listenedTask(message, heard.tasks) : undefined;
  const verdict = task === undefined ? null : toolVerdict(now, task.ref);
  if (task === undefined || verdict?.allowed !== true) return null;
  const span = message.params!.get('taskId')!;
  const told = subscribed(message, idText, span, [{ span, text: JSON.stringify(task.handle) }]);
  // A task that is over brings its result with it, of which a rule may withhold parts.
  const withheld = verdict.decision.obligations?.redact ?? [];
  return told === null || withheld.length === 0
    ? told
    : redact(
        told,
        withheld.map((path) => parseRedactPath(path) ?? []),
      );
}

/** `named`: a member of `params`, behind which others can come in. */
function subscribed(message: Message, idText: string, named: Span, edits: readonly Edit[]): string | null {
  const meta = message.params?.get('_meta');
  const id = meta === undefined ? undefined : membersAt(message, meta)?.get(META.subscriptionId);
  const member = `"${META.subscriptionId}":${idText}`;
  if (id !== undefined) return text(withEdits(message, [...edits, { span: id, text: idText }]));
  if (meta !== undefined) return null;
  const at = { start: named.end, end: named.end };
  return text(withEdits(message, [...edits, { span: at, text: `,"_meta":{${member}}` }]));
}

function text(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString();
}
