// Decides how the control plane hears that a server's lists changed: by one stream, of the era that the server offers.
import { ERRORS } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { EgressStream, EgressStreams, StreamEnd } from '../../core/mcp/egress-stream.ts';
import type { Clock } from './clock.ts';
import { MODERN_VERSION, modernBody, modernHeaders } from './modern.ts';
import type { ReadTarget, Session } from './session.ts';

/** Capabilities that can announce `listChanged`: what the server then says, and how it is asked for in the modern era. */
const ANNOUNCED = [
  { capability: 'tools', method: 'notifications/tools/list_changed', filter: 'toolsListChanged' },
  { capability: 'prompts', method: 'notifications/prompts/list_changed', filter: 'promptsListChanged' },
  { capability: 'resources', method: 'notifications/resources/list_changed', filter: 'resourcesListChanged' },
] as const;

export interface ChangeStream {
  /** Only of the legacy era: the stream lives in this session, and ends it. */
  readonly session: Session | null;
  readonly ended: Promise<StreamEnd>;
  /** Also ends the session. */
  close(): Promise<void>;
}

export interface ChangeStreamOptions {
  readonly streams: EgressStreams;
  readonly clock: Clock;
  readonly target: ReadTarget;
  readonly session: Session;
  /** Whether it was seen to speak the modern era. */
  readonly modern: boolean;
  /** A list changed. May be called as often as the server likes. */
  readonly onChange: () => void;
}

/** What a server says that it will announce. */
export function announced(session: Session): readonly (typeof ANNOUNCED)[number][] {
  const { capabilities } = session.initialized;
  if (!isObject(capabilities)) return [];
  return ANNOUNCED.filter(({ capability }) => {
    const found = capabilities[capability];
    return isObject(found) && found.listChanged === true;
  });
}

/** null: the server has no stream for us. One that takes its time to begin is waited for while the reading goes on. Total. */
export async function openChangeStream(options: ChangeStreamOptions): Promise<ChangeStream | null> {
  const { session, modern } = options;
  const legacy = await begun(options.clock, openLegacy(options));
  if (legacy !== null) return streamIn(legacy, session);
  if (!modern) return null;
  const listening = await begun(options.clock, openModern(options));
  return listening === null ? null : streamIn(listening, null);
}

/** "The client MAY issue an HTTP GET to the MCP endpoint" (MCP 2025-11-25, transports); 405 where there is no stream. */
function openLegacy({ streams, target, session, onChange }: ChangeStreamOptions): EgressStream {
  let answering = false;
  const answer = async (id: unknown, outcome: JsonObject): Promise<void> => {
    // One at a time: a server that asks faster than it listens is not answered more often.
    if (answering) return;
    answering = true;
    await session.respond(id, outcome);
    answering = false;
  };
  return streams.open({
    cluster: target.cluster,
    path: target.path,
    sessionId: session.sessionId,
    protocolVersion: session.protocolVersion,
    deadlineMs: LIMITS.discoveryStreamDeadlineMs,
    onMessage: (message) => {
      if (isChange(message)) onChange();
      // "The receiver MUST respond promptly with an empty response" (MCP 2025-11-25, ping). Nothing else may be asked.
      else if (message.method === 'ping' && 'id' in message) void answer(message.id, { result: {} });
      else if ('method' in message && 'id' in message)
        void answer(message.id, { error: { code: ERRORS.method_not_found.rpc, message: 'Method not found' } });
    },
  });
}

/** `subscriptions/listen` is answered by a stream (MCP 2026-07-28, subscriptions). */
function openModern({ streams, target, session, onChange }: ChangeStreamOptions): EgressStream {
  const notifications = Object.fromEntries(announced(session).map(({ filter }) => [filter, true]));
  const request = { method: 'subscriptions/listen', params: { notifications } };
  return streams.open({
    cluster: target.cluster,
    path: target.path,
    protocolVersion: MODERN_VERSION,
    headers: modernHeaders(request),
    body: modernBody(1, request),
    deadlineMs: LIMITS.discoveryStreamDeadlineMs,
    onMessage: (message) => {
      if (isChange(message)) onChange();
    },
  });
}

function isChange({ method }: JsonObject): boolean {
  return ANNOUNCED.some((row) => row.method === method);
}

/** null: it ended before it began. */
async function begun(clock: Clock, stream: EgressStream): Promise<EgressStream | null> {
  let cancel = (): void => {};
  const waited = new Promise<'waited'>((resolve) => {
    cancel = clock.after(LIMITS.discoveryStreamWaitMs, () => resolve('waited'));
  });
  const found = await Promise.race([stream.opened, waited]);
  cancel();
  return found === false ? null : stream;
}

function streamIn(stream: EgressStream, session: Session | null): ChangeStream {
  let closing: Promise<void> | undefined;
  return {
    session,
    ended: stream.ended,
    close() {
      stream.close();
      closing ??= session?.close() ?? Promise.resolve();
      return closing;
    },
  };
}
