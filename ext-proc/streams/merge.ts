// Decides what a session's client is sent of what its backends say outside of any call.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { mayUse } from '../../core/catalog/decisions.ts';
import type { Viewer } from '../../core/catalog/govern.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallEvent } from '../../core/mcp/egress-call.ts';
import { isModernOnly } from '../../core/mcp/era.ts';
import { type Message, parseMessage, stringParam } from '../../core/mcp/message.ts';
import type { SessionState } from '../../core/session/types.ts';
import { ModernUpstream } from '../bridging/listen-modern.ts';
import { eventText } from '../compose/event-text.ts';
import { toClient } from '../compose/identifiers.ts';
import { toOnlyClient } from '../compose/task-messages.ts';
import { LIST_CHANGED } from '../federation/lists.ts';
import { mayHear } from '../federation/tasks-heard.ts';
import { sees } from '../federation/visible.ts';
import type { Gateway } from '../gateway.ts';
import { isTransparent } from '../lane.ts';
import { type Place, sealEventId } from './event-ids.ts';
import { Flow } from './flow.ts';
import type { Digests, StreamSink, StreamWriter } from './table.ts';
import { Upstream } from './upstream.ts';

/** In the order in which an event id carries their digests. */
export const LIST_METHODS: readonly string[] = Object.values(LIST_CHANGED).map(({ method }) => method);

export interface MergeOptions {
  readonly gateway: Gateway;
  readonly session: SessionState;
  readonly sink: StreamSink;
  /** What the caller sees now; null: the surface is gone. */
  readonly viewer: () => Viewer | null;
  /** Where the client was. */
  readonly places: readonly Place[];
}

/** One session's GET stream: one stream of each backend that its caller sees anything of. */
export class Merge implements StreamWriter {
  readonly #options: MergeOptions;
  readonly #transparent: boolean;
  readonly #flow: Flow;
  readonly #upstreams = new Map<string, Upstream | ModernUpstream>();
  /** By server, the one that spoke last behind. */
  readonly #places = new Map<string, Place>();
  #lists: readonly string[] = [];

  constructor(options: MergeOptions, viewer: Viewer) {
    this.#options = options;
    this.#transparent = isTransparent(viewer.exposure);
    this.#flow = new Flow(options.sink, () => this.#upstreams.values());
    for (const place of options.places) this.#places.set(place.server, place);
  }

  /** The catalog changed: false when the stream cannot go on as it is. */
  refresh(viewer: Viewer | null): boolean {
    const wanted = viewer === null ? [] : listened(viewer);
    if (viewer !== null && viewer.exposure.backends.length > 0 && isTransparent(viewer.exposure) !== this.#transparent)
      return false;
    for (const [cluster, upstream] of this.#upstreams) {
      if (wanted.some((version) => version.cluster === cluster)) continue;
      upstream.close();
      this.#upstreams.delete(cluster);
    }
    for (const version of wanted) {
      if (!this.#upstreams.has(version.cluster)) this.#upstreams.set(version.cluster, this.#upstream(version));
    }
    return true;
  }

  /** The client was told of these lists. */
  told(digests: Digests): void {
    this.#lists = LIST_METHODS.map((method) => digests[method] ?? '');
  }

  /** "SHOULD immediately send an SSE event consisting of an event ID and an empty data field" (MCP 2025-11-25). */
  prime(): void {
    if (!this.#transparent) this.#flow.write(eventText('', this.#id(), LIMITS.streamRetryMs));
  }

  tell(method: string): void {
    const data = `{"jsonrpc":"2.0","method":"${method}"}`;
    this.#flow.write(eventText(data, this.#transparent ? null : this.#id(), undefined));
  }

  opening(cluster: string): Promise<void> | null {
    const upstream = this.#upstreams.get(cluster);
    return upstream instanceof Upstream ? upstream.opening : null;
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close();
    this.#upstreams.clear();
  }

  #upstream(version: ServerVersion): Upstream | ModernUpstream {
    const { gateway, session } = this.#options;
    if (isModernOnly(version.discovered))
      return new ModernUpstream({ gateway, session, version, onEvent: (event) => this.#event(version, event) });
    const place = this.#places.get(version.name);
    const upstream = new Upstream({
      gateway,
      session,
      version,
      lastEventId: place?.version === version.version ? place.id : '',
      onEvent: (event) => this.#event(version, event),
    });
    if (this.#flow.held) upstream.pause();
    return upstream;
  }

  #event(version: ServerVersion, event: CallEvent): void {
    const { name } = version;
    if (event.id !== undefined && event.id !== '') {
      this.#places.delete(name);
      this.#places.set(name, { server: name, version: version.version, id: event.id });
    }
    const data = event.data === '' ? null : this.#data(version, event.data);
    if (data !== null) this.#flow.write(eventText(data, this.#idOf(event), event.retry));
    // What is not for the client moves it on all the same; one before 2025-11-25 does not expect an event without data.
    else if (event.id !== undefined && this.#options.session.protocolVersion >= PRIMED)
      this.#flow.write(eventText('', this.#idOf(event), event.retry));
  }

  /** Null: it is not for this client. */
  #data(version: ServerVersion, data: string): string | null {
    const { gateway, session, viewer } = this.#options;
    const parsed = parseMessage(Buffer.from(data));
    if (!parsed.ok) {
      gateway.log.warn({ server: version.name, code: parsed.code }, 'a backend sent something that is no message');
      return null;
    }
    const now = viewer();
    if (now === null || !isFor(now, version, parsed.message)) return null;
    const backendSession = this.#upstreams.get(version.cluster)?.sessionId ?? '';
    const hop = { gateway, session, version, backendSession };
    if (!mayHear(now, hop, parsed.message)) return null;
    const parts = this.#transparent ? toOnlyClient(hop, parsed.message) : toClient(hop, parsed.message);
    return parts === null ? null : Buffer.concat(parts).toString();
  }

  #idOf({ id }: CallEvent): string | null {
    return this.#transparent ? (id ?? null) : this.#id();
  }

  #id(): string {
    const { gateway, session } = this.#options;
    return sealEventId(gateway, session, { kind: 'stream', lists: this.#lists, places: [...this.#places.values()] });
  }
}

/** The first version whose clients know events without data. */
export const PRIMED = '2025-11-25';

function listened(viewer: Viewer): readonly ServerVersion[] {
  return viewer.exposure.served.filter((version) => sees(viewer, version));
}

/**
 * Changed lists are the catalog's to tell: it hears of them itself, and what it does not show did not change for this
 * client. "The server MUST NOT send a JSON-RPC response on the stream unless resuming": it would answer another backend's
 * call. Of a resource is told who may read it.
 */
function isFor(viewer: Viewer, { name }: ServerVersion, message: Message): boolean {
  if (message.kind === 'response' || LIST_METHODS.includes(message.method)) return false;
  if (message.method !== 'notifications/resources/updated') return true;
  const uri = stringParam(message, 'uri');
  return uri !== null && mayUse(viewer, 'resource', name, uri);
}
