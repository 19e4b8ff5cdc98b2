// Decides what the event ids say that we give a client: of which session's stream an event is, and where each backend was.
import { LIMITS } from '../../core/limits.ts';
import { TARGET_MEMBERS, type TargetKind } from '../../core/policy/types.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Gateway } from '../gateway.ts';

/** The last event that a backend sent, by its own id. */
export interface Place {
  readonly server: string;
  readonly version: string;
  readonly id: string;
}

export type Position =
  /** In the session's merged stream. `lists`: what its client was told of each list, in the order of LIST_CHANGED. */
  | { readonly kind: 'stream'; readonly lists: readonly string[]; readonly places: readonly Place[] }
  /** In the answer to a call, whose id in raw JSON is `idText`, of what its server calls so. */
  | { readonly kind: 'call'; readonly idText: string; readonly called: Called; readonly place: Place };

export interface Called {
  readonly kind: TargetKind;
  readonly name: string;
}

const LISTS = 3;

/** Bound to the session: "event IDs MUST be globally unique across all streams within that session". */
export function sealEventId(gateway: Gateway, session: SessionState, position: Position): string {
  const payload =
    position.kind === 'stream'
      ? [session.tokenId, 'stream', ...position.lists, ...bounded(position.places).flatMap(flat)]
      : [session.tokenId, 'call', position.idText, position.called.kind, position.called.name, ...flat(position.place)];
  return gateway.handles().seal('event', session, payload, session.expiresAtMs);
}

/** Null: it is no event id that this session was given. Total. */
export function openEventId(gateway: Gateway, session: SessionState, text: string): Position | null {
  const opened = gateway.handles().open('event', session, text);
  if (!opened.ok) return null;
  const [tokenId, kind, ...rest] = opened.payload.map(String);
  if (tokenId !== session.tokenId) return null;
  if (kind === 'stream') return { kind, lists: rest.slice(0, LISTS), places: placesOf(rest.slice(LISTS)) };
  const [idText = 'null', target = '', name = '', ...place] = rest;
  const [only] = placesOf(place);
  if (kind !== 'call' || only === undefined || !isTargetKind(target)) return null;
  return { kind, idText, called: { kind: target, name }, place: only };
}

function isTargetKind(text: string): text is TargetKind {
  return Object.hasOwn(TARGET_MEMBERS, text);
}

/** Whether a text has the form of one of ours. */
export function isEventId(text: string): boolean {
  return text.startsWith('che1.');
}

function flat({ server, version, id }: Place): [string, string, string] {
  return [server, version, id];
}

function placesOf(texts: readonly string[]): Place[] {
  const places: Place[] = [];
  for (let at = 0; at + 2 < texts.length; at += 3) {
    places.push({ server: texts[at]!, version: texts[at + 1]!, id: texts[at + 2]! });
  }
  return places;
}

/** It comes back in a header: the newest that fit. A backend that is left out is listened to from now on. */
function bounded(places: readonly Place[]): readonly Place[] {
  let chars = 0;
  const kept: Place[] = [];
  for (const place of places.toReversed()) {
    chars += place.server.length + place.version.length + place.id.length;
    if (place.id.length > LIMITS.eventIdCharsMax) continue;
    if (chars > LIMITS.eventIdsCharsMax) break;
    kept.unshift(place);
  }
  return kept;
}
