// Decides what is sent on one delta stream: requests and snapshots in, responses out; it knows nothing of gRPC.
import type { AdsResource, DeltaRequest, DeltaResponse } from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import { type Nack, Nacks } from './nacks.ts';
import { CDS, EDS, type ResourceType } from './resource-types.ts';
import { EMPTY_TYPE, type Snapshot, type TypeSnapshot } from './snapshot.ts';
import { Subscription } from './subscription.ts';

export interface StreamOptions {
  /** Begins every nonce, so that one from an earlier stream is never mistaken for one of this. */
  readonly streamId: string;
  /** What may be subscribed to, in push order. */
  readonly types: readonly ResourceType[];
}

/** Why a stream is ended: the gRPC code's name, and the words that the client is told. */
export interface Refusal {
  readonly code: 'INVALID_ARGUMENT' | 'PERMISSION_DENIED' | 'RESOURCE_EXHAUSTED';
  readonly message: string;
}

export interface Step {
  readonly responses: readonly DeltaResponse[];
  readonly nack: (Nack & { readonly type: ResourceType }) | null;
  readonly refusal: Refusal | null;
}

/** Where a client stands with one type. */
export interface TypeStatus {
  readonly typeUrl: string;
  readonly label: string;
  /** Versions of the type as a whole; null: none yet. */
  readonly sent: string | null;
  readonly acked: string | null;
  readonly nacked: Nack | null;
}

/** A resource somebody waits for; without a name all of the type that the client subscribes to. */
export interface Wanted {
  readonly typeUrl: string;
  readonly name?: string;
}

/** none: the client subscribes to nothing of it. */
export type Standing = 'acked' | 'nacked' | 'pending' | 'none';

interface InFlight {
  readonly version: string;
  readonly names: readonly string[];
}

interface TypeState {
  readonly subscription: Subscription;
  readonly inFlight: Map<string, InFlight>;
  readonly nacks: Nacks;
  sent: string | null;
  acked: string | null;
}

export class DeltaStream {
  readonly #options: StreamOptions;
  readonly #states = new Map<string, TypeState>();
  #snapshot: Snapshot | null;
  #nonce = 0;

  constructor(options: StreamOptions, snapshot: Snapshot | null) {
    this.#options = options;
    this.#snapshot = snapshot;
  }

  request(request: DeltaRequest, nowMs: number): Step {
    const type = this.#options.types.find(({ typeUrl }) => typeUrl === request.typeUrl);
    if (type === undefined) {
      const wanted = this.#options.types.map(({ typeUrl }) => typeUrl).join(', ');
      return refuse(
        'INVALID_ARGUMENT',
        `the type ${JSON.stringify(request.typeUrl)} is not served to you; wanted one of ${wanted}`,
      );
    }
    let state = this.#states.get(type.typeUrl);
    let nack: Nack | null = null;
    if (state === undefined) {
      state = {
        subscription: new Subscription(type, request),
        inFlight: new Map(),
        nacks: new Nacks(),
        sent: null,
        acked: null,
      };
      this.#states.set(type.typeUrl, state);
    } else {
      nack = settle(state, request, nowMs);
      state.subscription.update(request);
      state.nacks.accept(request.unsubscribe);
    }
    // What it was sent is no bound of its own: a client may hold all there is, and what is gone since it was away.
    const there = this.#snapshot === null ? 0 : typeOf(this.#snapshot, state).resources.size;
    const { names, held } = state.subscription;
    if (Math.max(names.size, held.size - there) > LIMITS.xdsNamesMax) {
      return refuse('RESOURCE_EXHAUSTED', `more than ${LIMITS.xdsNamesMax} resources of the type ${type.label}`);
    }
    return { responses: this.#flush(), nack: nack && { ...nack, type }, refusal: null };
  }

  /** The group has a new snapshot. What is not sent yet of the one before is not sent any more. */
  replace(snapshot: Snapshot): Step {
    this.#snapshot = snapshot;
    return { responses: this.#flush(), nack: null, refusal: null };
  }

  status(): readonly TypeStatus[] {
    return this.#inOrder().map(({ subscription: { type }, sent, acked, nacks }) => {
      return { typeUrl: type.typeUrl, label: type.label, sent, acked, nacked: nacks.latest() };
    });
  }

  /** Whether the client acknowledged what the snapshot has of these. A cluster counts only with its endpoints. */
  standing(wanted: readonly Wanted[]): Standing {
    const snapshot = this.#snapshot;
    if (snapshot === null) return 'pending';
    const found = [...namesByType(wanted)].flatMap(([typeUrl, names]) => {
      const state = this.#states.get(typeUrl);
      if (state === undefined) return [];
      const own = standingOf(state, snapshot, names);
      return typeUrl === CDS.typeUrl && own === 'acked' ? [this.#endpointsStanding(snapshot, names)] : [own];
    });
    if (found.length === 0) return 'none';
    return (['nacked', 'pending'] as const).find((standing) => found.includes(standing)) ?? 'acked';
  }

  #endpointsStanding(snapshot: Snapshot, clusters: readonly string[] | undefined): Standing {
    const asked = clusters === undefined ? null : new Set(clusters);
    const names = [...snapshot.endpointsOf].filter(([cluster]) => asked?.has(cluster) ?? true).map(([, name]) => name);
    if (names.length === 0) return 'acked';
    const state = this.#states.get(EDS.typeUrl);
    if (state === undefined || !names.every((name) => state.subscription.has(name))) return 'pending';
    return standingOf(state, snapshot, names);
  }

  #inOrder(): TypeState[] {
    return this.#options.types.flatMap(({ typeUrl }) => this.#states.get(typeUrl) ?? []);
  }

  /**
   * Additions in push order, then removals in the opposite one. A type whose newer state has to wait for an
   * acknowledgement holds back those after it: what they point to would not be there. Removals wait until everything
   * is acknowledged, so that nothing is taken away that is still pointed to (make before break).
   */
  #flush(): DeltaResponse[] {
    const snapshot = this.#snapshot;
    if (snapshot === null) return [];
    const responses: DeltaResponse[] = [];
    const states = this.#inOrder();
    for (const state of states) {
      const type = typeOf(snapshot, state);
      const { changed, absent, owed } = state.subscription.difference(type);
      if (changed.length + absent.length === 0 && !owed) continue;
      if (state.inFlight.size >= LIMITS.xdsInFlightMax) return responses;
      responses.push(this.#send(state, type, changed, absent));
      if (state.subscription.type === CDS) this.#resendEndpoints(snapshot, changed);
    }
    if (states.some(({ inFlight }) => inFlight.size > 0)) return responses;
    for (const state of states.reverse()) {
      const type = typeOf(snapshot, state);
      const { removed } = state.subscription.difference(type);
      if (removed.length === 0) continue;
      responses.push(this.#send(state, type, [], removed));
      break;
    }
    return responses;
  }

  /** A changed cluster stays warming until its endpoints come again, and Envoy does not ask: it holds them. */
  #resendEndpoints(snapshot: Snapshot, clusters: readonly string[]): void {
    const endpoints = this.#states.get(EDS.typeUrl);
    for (const cluster of clusters) {
      const name = snapshot.endpointsOf.get(cluster);
      if (name !== undefined) endpoints?.subscription.resend(name);
    }
  }

  #send(state: TypeState, type: TypeSnapshot, changed: readonly string[], removed: readonly string[]): DeltaResponse {
    this.#nonce += 1;
    const nonce = `${this.#options.streamId}-${this.#nonce}`;
    const resources = changed.map((name): AdsResource => ({ name, ...type.resources.get(name)! }));
    state.subscription.sent(type, changed, removed);
    state.inFlight.set(nonce, { version: type.version, names: [...changed, ...removed] });
    state.sent = type.version;
    return { typeUrl: state.subscription.type.typeUrl, version: type.version, nonce, resources, removed };
  }
}

function refuse(code: Refusal['code'], message: string): Step {
  return { responses: [], nack: null, refusal: { code, message } };
}

function typeOf(snapshot: Snapshot, state: TypeState): TypeSnapshot {
  return snapshot.types.get(state.subscription.type.typeUrl) ?? EMPTY_TYPE;
}

/** Takes an ACK or a NACK; a nonce that is not in flight is stale and says nothing. */
function settle(state: TypeState, request: DeltaRequest, nowMs: number): Nack | null {
  const response = state.inFlight.get(request.responseNonce);
  if (response === undefined) return null;
  state.inFlight.delete(request.responseNonce);
  if (request.error !== null) return state.nacks.refuse(response.version, response.names, request.error, nowMs);
  state.nacks.accept(response.names);
  state.acked = response.version;
  return null;
}

/** Type URL → the names that are waited for; undefined: all. */
function namesByType(wanted: readonly Wanted[]): ReadonlyMap<string, readonly string[] | undefined> {
  const result = new Map<string, string[] | undefined>();
  for (const { typeUrl, name } of wanted) {
    if (name === undefined) result.set(typeUrl, undefined);
    else if (!result.has(typeUrl)) result.set(typeUrl, [name]);
    else result.get(typeUrl)?.push(name);
  }
  return result;
}

function standingOf(state: TypeState, snapshot: Snapshot, names: readonly string[] | undefined): Standing {
  const { changed, absent, removed, owed } = state.subscription.difference(typeOf(snapshot, state));
  const waiting = new Set([
    ...changed,
    ...absent,
    ...removed,
    ...[...state.inFlight.values()].flatMap((sent) => sent.names),
  ]);
  if (names === undefined) {
    if (waiting.size > 0 || owed || state.inFlight.size > 0) return 'pending';
    return state.nacks.latest() === null ? 'acked' : 'nacked';
  }
  if (names.some((name) => waiting.has(name))) return 'pending';
  return names.some((name) => state.nacks.has(name)) ? 'nacked' : 'acked';
}
