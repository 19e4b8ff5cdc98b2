// Decides by which ids a client knows what its backends ask it, and which backend an id of the client's is for.
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { LIMITS } from '../../core/limits.ts';
import { type Edit, type Message, withEdits } from '../../core/mcp/message.ts';
import { type Span, scan } from '../../core/mcp/scan.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';
import { type Asking, askingOf } from './task-client.ts';
import { taskEdits } from './task-messages.ts';

/** One backend session behind one client's session: between these two, ids are mapped. */
export interface Hop {
  readonly gateway: Gateway;
  readonly session: SessionState;
  readonly version: Pick<ServerVersion, 'name' | 'version' | 'cluster'>;
  /** As `initialize` returned it; '' for none. */
  readonly backendSession: string;
  /** The client has one server: tasks of its own keep their ids. */
  readonly transparent?: boolean;
}

/** What a handle of ours stands for: an id or a progress token, raw JSON, byte for byte as the backend wrote it. */
export interface Asked {
  readonly server: string;
  readonly version: string;
  readonly idText: string;
  /** Digest of the backend session that asked: another one has the same ids again. */
  readonly asker: string;
  /** Which tasks of the client's its answer speaks of; absent: none. */
  readonly asking?: Exclude<Asking, ''>;
}

export type OpenedAsked =
  | { readonly ok: true; readonly asked: Asked }
  /** `foreign`: no handle, or another principal's, surface's or session's. For the log only. */
  | { readonly ok: false; readonly reason: string };

type Use = 'id' | 'progress';

/**
 * Requests of backends by which id their clients know them: a handle is sealed anew each time, but a backend that takes a
 * request back must name it as before. Bounded, the oldest out first; of one that is forgotten the client is not told.
 */
export interface AskedTable {
  get(key: string): string | undefined;
  set(key: string, handle: string): void;
}

export function createAskedTable(): AskedTable {
  const entries = new LRUCache<string, string>({ max: LIMITS.askedEntriesMax });
  return { get: (key) => entries.get(key), set: (key, handle) => void entries.set(key, handle) };
}

/** Bound to the principal, the surface and the client's session; JSON text of a string. */
function sealAsked(hop: Hop, use: Use, idText: string, asking: Asking = ''): string {
  const { gateway, session, version } = hop;
  const asked = [use, session.tokenId, version.name, version.version, askerOf(hop.backendSession), idText];
  const payload = asking === '' ? asked : [...asked, asking];
  return JSON.stringify(gateway.handles().seal('request', session, payload, session.expiresAtMs));
}

/** `idText`: raw JSON, as the client sent it. Total. */
export function openAsked(gateway: Gateway, session: SessionState, use: Use, idText: string): OpenedAsked {
  const foreign = (reason: string): OpenedAsked => ({ ok: false, reason });
  // Ours need no escapes; one that is written with some is another text, and no client changes an id.
  if (!idText.startsWith('"') || idText.includes('\\')) return foreign('not one of ours');
  const opened = gateway.handles().open('request', session, idText.slice(1, -1));
  if (!opened.ok) return foreign(opened.reason);
  const [sealedUse, tokenId, server = '', version = '', asker = '', text = '', task] = opened.payload.map(String);
  if (sealedUse !== use) return foreign('of another use');
  if (tokenId !== session.tokenId) return foreign('of another session');
  const asking = task === 'made' || task === 'named' ? { asking: task as Exclude<Asking, ''> } : {};
  return { ok: true, asked: { server, version, asker, idText: text, ...asking } };
}

/** Names a backend session without telling it. */
export function askerOf(backendSession: string): string {
  return hash('sha256', backendSession, 'base64url').slice(0, 16);
}

/**
 * What a client gets of a message of a backend: ids of requests and of tasks, and progress tokens, are ours; every other
 * byte is the backend's. Null: it cannot be passed on. Elicitation ids stay as they are.
 */
export function toClient(hop: Hop, message: Message): readonly Buffer[] | null {
  const tasks = taskEdits(hop, message);
  if (tasks === null) return null;
  if (message.kind === 'request') return request(hop, message, tasks);
  if (message.method === 'notifications/cancelled') return cancelled(hop, message, tasks);
  return tasks.length === 0 ? [message.bytes] : withEdits(message, tasks);
}

function request(hop: Hop, message: Message, tasks: readonly Edit[]): readonly Buffer[] | null {
  const { idText } = message;
  if (Buffer.byteLength(idText) > LIMITS.backendIdBytesMax) return null;
  const handle = sealAsked(hop, 'id', idText, hop.transparent === true ? '' : askingOf(message));
  hop.gateway.asked.set(keyOf(hop, idText), handle);
  const edits: Edit[] = [{ span: message.members.get('id')!, text: handle }, ...tasks];
  const token = progressToken(message);
  if (token !== null) {
    const text = message.bytes.toString('utf8', token.start, token.end);
    if (Buffer.byteLength(text) > LIMITS.backendIdBytesMax) return null;
    edits.push({ span: token, text: sealAsked(hop, 'progress', text) });
  }
  return withEdits(message, edits);
}

function cancelled(hop: Hop, message: Message, tasks: readonly Edit[]): readonly Buffer[] | null {
  const span = message.params?.get('requestId');
  if (span === undefined) return null;
  const handle = hop.gateway.asked.get(keyOf(hop, message.bytes.toString('utf8', span.start, span.end)));
  return handle === undefined ? null : withEdits(message, [{ span, text: handle }, ...tasks]);
}

/** Where `params._meta.progressToken` stands; null when it has none. */
function progressToken({ bytes, params }: Message): Span | null {
  const meta = params?.get('_meta');
  if (meta === undefined) return null;
  const scanned = scan(bytes.subarray(meta.start, meta.end), LIMITS.jsonDepthMax);
  const token = typeof scanned === 'string' ? undefined : scanned.members.get('progressToken');
  return token === undefined ? null : { start: meta.start + token.start, end: meta.start + token.end };
}

/** A token id has no space, nor has a cluster or a digest. */
function keyOf({ session, version, backendSession }: Hop, idText: string): string {
  return `${session.tokenId} ${version.cluster} ${askerOf(backendSession)} ${idText}`;
}
