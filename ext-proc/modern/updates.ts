// Decides what a caller hears of the resources that he listens to: what their servers say, each on one stream of its own.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { Viewer } from '../../core/catalog/govern.ts';
import { HEADERS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressCall } from '../../core/mcp/egress-call.ts';
import { speaks } from '../../core/mcp/era.ts';
import { META, membersAt } from '../../core/mcp/inbound.ts';
import { parseMessage, stringParam, withEdits } from '../../core/mcp/message.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import { ownerText } from '../bridging/bridged-state.ts';
import { listenLegacy } from '../bridging/listen-legacy.ts';
import type { Gateway } from '../gateway.ts';
import { ownerOf } from './reading.ts';

export interface UpdatesOptions {
  readonly gateway: Gateway;
  readonly uris: readonly string[];
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

interface Upstream {
  readonly key: string;
  close(): void;
}

export function openUpdates(options: UpdatesOptions): Updates {
  if (options.uris.length === 0) return NOTHING;
  let upstreams = new Map<string, Upstream>();
  let closed = false;
  const changed = (): void => {
    if (closed) return;
    const wanted = owners(options);
    const next = new Map<string, Upstream>();
    for (const { version, uris } of wanted) {
      const key = `${version.cluster}\n${version.path}\n${uris.join('\n')}`;
      next.set(key, upstreams.get(key) ?? openUpstream(options, version, uris, key));
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

/** Servers that own one of the resources, as far as the caller may read them. */
function owners({ uris, viewer }: UpdatesOptions): readonly { version: ServerVersion; uris: string[] }[] {
  const now = viewer();
  const found = new Map<ServerVersion, string[]>();
  for (const uri of now ? uris : []) {
    const version = ownerOf(now!, uri);
    if (version === null) continue;
    const of = found.get(version);
    if (of === undefined) found.set(version, [uri]);
    else of.push(uri);
  }
  return [...found].map(([version, of]) => ({ version, uris: of }));
}

function openUpstream(options: UpdatesOptions, version: ServerVersion, uris: readonly string[], key: string): Upstream {
  const { gateway } = options;
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
      body: listenBody(uris),
      deadlineMs: LIMITS.fanoutDeadlineMs,
      eventBytesMax: LIMITS.streamEventBytesMax,
      onOpen: () => undefined,
      onEvent: ({ data }) => {
        const text = updateFor(options, version, data);
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
      const text = updateFor(options, version, data);
      if (text !== null) options.write(text);
    },
  });
  return { key, close: () => listening.close() };
}

function listenBody(resourceSubscriptions: readonly string[]): string {
  const _meta = {
    [META.protocolVersion]: MODERN_VERSION,
    [META.clientCapabilities]: {},
    [META.clientInfo]: { name: 'chancery', version: '0.1.0' },
  };
  const params = { notifications: { resourceSubscriptions }, _meta };
  return JSON.stringify({ jsonrpc: '2.0', id: 'listen', method: 'subscriptions/listen', params });
}

/** The server's message under the caller's own subscription id, every other byte as it was; null: it is not for him. */
function updateFor({ viewer, idText }: UpdatesOptions, version: ServerVersion, data: string): string | null {
  if (data === '') return null;
  const parsed = parseMessage(Buffer.from(data));
  if (!parsed.ok || parsed.message.kind !== 'notification' || parsed.message.method !== UPDATED) return null;
  const { message } = parsed;
  const uri = stringParam(message, 'uri');
  const now = viewer();
  // Also of a part of what he asked for: "this might be a sub-resource". What he may not read he does not hear of.
  if (uri === null || !now || ownerOf(now, uri) !== version) return null;
  const meta = message.params?.get('_meta');
  const id = meta === undefined ? undefined : membersAt(message, meta)?.get(META.subscriptionId);
  const member = `"${META.subscriptionId}":${idText}`;
  if (id !== undefined) return text(withEdits(message, [{ span: id, text: idText }]));
  if (meta !== undefined) return null;
  const behind = message.params!.get('uri')!.end;
  return text(withEdits(message, [{ span: { start: behind, end: behind }, text: `,"_meta":{${member}}` }]));
}

function text(parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString();
}
