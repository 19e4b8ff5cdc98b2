// Decides how a legacy session's GET stream hears of a modern server: by one listen stream for what the session subscribed to.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { HEADERS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { CallEvent, EgressCall } from '../../core/mcp/egress-call.ts';
import { META } from '../../core/mcp/inbound.ts';
import { MODERN_VERSION } from '../../core/mcp/versions.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';
import { membersOf, memberText, withMember, withoutMembers } from './json-text.ts';
import { serverMessage } from './server-message.ts';

export interface ModernListening {
  readonly gateway: Gateway;
  readonly session: SessionState;
  readonly version: ServerVersion;
  /** As a server of the legacy era would have said it. */
  readonly onEvent: (event: CallEvent) => void;
}

const UPDATED = 'notifications/resources/updated';
const SUBSCRIPTION: ReadonlySet<string> = new Set([META.subscriptionId]);
const META_MEMBER: ReadonlySet<string> = new Set(['_meta']);

/** As `Upstream` is to a legacy server. While nothing is subscribed to, no stream is open: changed lists are the catalog's to tell. */
export class ModernUpstream {
  readonly version: ServerVersion;
  /** There is none in this era. */
  readonly sessionId = '';
  readonly #listening: ModernListening;
  readonly #unwatch: () => void;
  #call: EgressCall | null = null;
  #timer: NodeJS.Timeout | null = null;
  #pauseMs: number = LIMITS.upstreamRetryMinMs;
  #held = false;

  constructor(listening: ModernListening) {
    const { gateway, session, version } = listening;
    this.version = version;
    this.#listening = listening;
    this.#unwatch = gateway.bridges.subscriptions.watch(session.tokenId, version.cluster, () => this.#open());
    this.#open();
  }

  close(): void {
    this.#unwatch();
    this.#stop();
  }

  pause(): void {
    this.#held = true;
    this.#call?.pause();
  }

  resume(): void {
    this.#held = false;
    this.#call?.resume();
  }

  #stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#call?.close();
    this.#call = null;
  }

  /** A filter cannot change: another one is another stream. */
  #open(): void {
    this.#stop();
    const { gateway, session, version, onEvent } = this.#listening;
    const uris = gateway.bridges.subscriptions.of(session.tokenId, version.cluster);
    if (uris.length === 0) return;
    const call = gateway.calls.open({
      cluster: version.cluster,
      path: version.path,
      method: 'POST',
      protocolVersion: MODERN_VERSION,
      headers: { [HEADERS.method]: 'subscriptions/listen' },
      body: listenBody(session, uris),
      deadlineMs: LIMITS.upstreamHeadDeadlineMs,
      onOpen: () => {},
      onEvent: ({ data }) => {
        const text = data === '' ? null : legacyUpdate(data);
        if (text === null) return;
        this.#pauseMs = LIMITS.upstreamRetryMinMs;
        onEvent({ data: text });
      },
      onEnd: () => {
        this.#call = null;
        this.#timer = setTimeout(() => this.#open(), this.#pauseMs).unref();
        this.#pauseMs = Math.min(2 * this.#pauseMs, LIMITS.upstreamRetryMaxMs);
      },
    });
    this.#call = call;
    if (this.#held) call.pause();
  }
}

function listenBody({ clientInfo }: SessionState, resourceSubscriptions: readonly string[]): string {
  const _meta = {
    [META.protocolVersion]: MODERN_VERSION,
    [META.clientCapabilities]: {},
    [META.clientInfo]: clientInfo,
  };
  const params = { notifications: { resourceSubscriptions }, _meta };
  return JSON.stringify({ jsonrpc: '2.0', id: 'listen', method: 'subscriptions/listen', params });
}

/** Without the id of a subscription that its client did not make; null: it is not for it. */
export function legacyUpdate(data: string): string | null {
  const found = serverMessage(data);
  if (found?.method !== UPDATED || found.params === null) return null;
  const meta = memberText(found.params, '_meta');
  if (meta === null) return found.text;
  const rest = withoutMembers(meta, SUBSCRIPTION);
  const params =
    membersOf(rest).size === 0 ? withoutMembers(found.params, META_MEMBER) : withMember(found.params, '_meta', rest);
  return withMember(found.text, 'params', params);
}
