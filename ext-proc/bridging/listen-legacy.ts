// Decides how a modern listener hears of resources of a legacy server: on a session of its own, with its GET stream and subscriptions.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressCall } from '../../core/mcp/egress-call.ts';
import type { Gateway } from '../gateway.ts';
import { memberString } from './json-text.ts';
import { type Declared, legacyVersion, openLegacy } from './legacy-session.ts';
import { serverMessage } from './server-message.ts';

export interface LegacyListening {
  readonly gateway: Gateway;
  readonly version: ServerVersion;
  readonly uris: readonly string[];
  /** For whom the session is opened. */
  readonly declared: Declared;
  /** `notifications/resources/updated` of one of the resources, raw JSON. */
  readonly onUpdated: (text: string, uri: string) => void;
}

const UPDATED = 'notifications/resources/updated';

/**
 * A session for each listener: a server has one GET stream for a session and refuses a second (409), and what one listener
 * subscribes to is none of another's. Opened again after a pause, which doubles; the result ends it, and the session.
 */
export function listenLegacy(listening: LegacyListening): { close(): void } {
  const { gateway, version } = listening;
  let upstream: EgressCall | null = null;
  let timer: NodeJS.Timeout | null = null;
  let sessionId: string | null = null;
  let pauseMs: number = LIMITS.upstreamRetryMinMs;
  let isClosed = false;
  const at = { cluster: version.cluster, path: version.path, protocolVersion: legacyVersion(version) };
  const send = (method: 'POST' | 'DELETE', to: string, body?: string): void => {
    const request = { ...at, method, sessionId: to, idempotent: true, deadlineMs: LIMITS.fanoutDeadlineMs };
    void gateway.egress.send({ ...request, ...(body !== undefined && { body }) }).then((answer) => {
      if (!answer.ok) gateway.log.debug({ server: version.name, why: answer.why }, 'a listened server was not told');
    });
  };
  const leave = (): void => {
    if (sessionId !== null && sessionId !== '') send('DELETE', sessionId);
    sessionId = null;
  };
  const again = (): void => {
    upstream = null;
    leave();
    if (isClosed) return;
    timer = setTimeout(open, pauseMs).unref();
    pauseMs = Math.min(2 * pauseMs, LIMITS.upstreamRetryMaxMs);
  };
  const listen = (opened: string): void => {
    sessionId = opened;
    if (isClosed) return leave();
    upstream = gateway.calls.open({
      ...at,
      method: 'GET',
      sessionId: opened,
      deadlineMs: LIMITS.upstreamHeadDeadlineMs,
      onOpen: () => {},
      onEvent: ({ data }) => {
        const found = data === '' ? null : serverMessage(data);
        if (found?.method !== UPDATED || found.params === null) return;
        const uri = memberString(found.params, 'uri');
        if (uri === null) return;
        pauseMs = LIMITS.upstreamRetryMinMs;
        listening.onUpdated(found.text, uri);
      },
      onEnd: again,
    });
    for (const [index, uri] of listening.uris.entries()) {
      const body = { jsonrpc: '2.0', id: `subscribe-${index}`, method: 'resources/subscribe', params: { uri } };
      send('POST', opened, JSON.stringify(body));
    }
  };
  const open = (): void => {
    timer = null;
    openLegacy(gateway, version, listening.declared).then(listen, again);
  };
  open();
  return {
    close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      upstream?.close();
      leave();
    },
  };
}
