// Decides in which order one stream is sent what it subscribes to, and what its answers mean; it knows nothing of gRPC.
import type { XdsRequest } from '../../core/grpc/ads.ts';
import { LIMITS } from '../../core/limits.ts';
import { type Changes, namesWithTtl } from './changes.ts';
import { type NodeRefusals, noRefusals } from './refusals.ts';
import { CDS, EDS, type ResourceType } from './resource-types.ts';
import { EMPTY_TYPE, type Snapshot, type TypeSnapshot } from './snapshot.ts';
import type { Subscription, SubscriptionChange } from './subscription.ts';
import { type Answer, NO_ANSWER, type Standing, TypeState, type TypeStatus } from './type-state.ts';

export type { Standing, TypeStatus };

export interface StreamOptions {
  /** Begins every nonce, so that one from an earlier stream is never mistaken for one of this. */
  readonly streamId: string;
  /** What may be subscribed to, in push order. */
  readonly types: readonly ResourceType[];
  /** `client_features` of the node. */
  readonly features?: readonly string[];
  readonly refusals?: NodeRefusals;
}

/** Why a stream is ended: the gRPC code's name, and the words that the client is told. */
export interface Refusal {
  readonly code: 'INVALID_ARGUMENT' | 'PERMISSION_DENIED' | 'RESOURCE_EXHAUSTED' | 'UNAVAILABLE';
  readonly message: string;
}

export interface Step<Response> extends Answer {
  readonly responses: readonly Response[];
  readonly refusal: Refusal | null;
}

/** One response before it is spelled in the stream's variant. */
export interface Outgoing {
  readonly nonce: string;
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** Whether what the snapshot has no more, and the client still holds, is to be taken from it now. */
  readonly final: boolean;
}

/** "For clients that support the xds.config.supports-resource-ttl client feature, a TTL field may be specified." */
export const TTL_FEATURE = 'xds.config.supports-resource-ttl';
/** "This feature indicates that the xDS client is able to unwrap Resource wrappers within the SotW DiscoveryResponse." */
export const WRAPPED_FEATURE = 'xds.config.resource-in-sotw';

export abstract class XdsStream<Request extends XdsRequest, Response> {
  readonly #options: StreamOptions;
  readonly #refusals: NodeRefusals;
  readonly #states = new Map<string, TypeState>();
  readonly ttl: boolean;
  #snapshot: Snapshot | null;
  #nonce = 0;
  #returning = false;

  /** @param needed the features without which a client is sent no TTL. */
  constructor(options: StreamOptions, snapshot: Snapshot | null, needed: readonly string[]) {
    this.#options = options;
    this.#refusals = options.refusals ?? noRefusals();
    this.ttl = needed.every((feature) => options.features?.includes(feature));
    this.#snapshot = snapshot;
  }

  /** The first request for a type. */
  protected abstract open(type: ResourceType, request: Request): Subscription;
  /** What a later one changes; null: it is stale, and says nothing. */
  protected abstract change(state: TypeState, request: Request): SubscriptionChange | null;
  /** Whether the client shows that it is the process that was connected before: it holds something. */
  protected abstract returns(request: Request): boolean;
  /** The first snapshot for a type that was asked for. */
  protected abstract begin(state: TypeState, type: TypeSnapshot): void;
  /** Marks what the variant has no words for, so that nobody waits for it. */
  protected abstract skip(state: TypeState, type: TypeSnapshot): void;
  /** Whether every response has all that is subscribed to. */
  protected abstract whole(type: ResourceType): boolean;
  protected abstract compose(state: TypeState, type: TypeSnapshot, outgoing: Outgoing): Response;
  protected abstract heartbeat(
    state: TypeState,
    type: TypeSnapshot,
    names: readonly string[],
    nonce: string,
  ): Response | null;

  request(request: Request, nowMs: number): Step<Response> {
    const type = this.#options.types.find(({ typeUrl }) => typeUrl === request.typeUrl);
    if (type === undefined) {
      const wanted = this.#options.types.map(({ typeUrl }) => typeUrl).join(', ');
      return refuse(
        'INVALID_ARGUMENT',
        `the type ${JSON.stringify(request.typeUrl)} is not served to you; wanted one of ${wanted}`,
      );
    }
    this.#returning ||= this.returns(request);
    const state = this.#states.get(type.typeUrl);
    let answer = NO_ANSWER;
    if (state === undefined) {
      this.#open(type, request);
    } else {
      const change = this.change(state, request);
      if (change === null) return { responses: [], ...NO_ANSWER, refusal: null };
      answer = state.settle(request.responseNonce, request.error, nowMs);
      state.subscription.update(change, this.#typeOf(state));
      state.nacks.accept(change.unsubscribe);
    }
    const { names, held } = this.#states.get(type.typeUrl)!.subscription;
    // What it was sent is no bound of its own: a client may hold all there is, and what is gone since it was away.
    const there = this.#snapshot?.types.get(type.typeUrl)?.resources.size ?? 0;
    if (Math.max(names.size, held.size - there) > LIMITS.xdsNamesMax) {
      return refuse('RESOURCE_EXHAUSTED', `more than ${LIMITS.xdsNamesMax} resources of the type ${type.label}`);
    }
    return { responses: this.#flush(), ...answer, refusal: null };
  }

  /**
   * The group has a new snapshot. What is not sent yet of the one before is not sent any more.
   * @param changes against the one before; null: not known.
   */
  replace(snapshot: Snapshot, changes: Changes | null, nowMs: number): Step<Response> {
    const first = this.#snapshot === null;
    this.#snapshot = snapshot;
    for (const [typeUrl, state] of this.#states) {
      const type = this.#typeOf(state);
      const changed = changes?.get(typeUrl);
      if (first) this.begin(state, type);
      if (changes === null) state.subscription.lookAtAll(type);
      const concerned = changes === null || (changed !== undefined && state.subscription.lookAt(changed));
      if (concerned) state.pushedAtMs ??= nowMs;
    }
    return { responses: this.#flush(), ...NO_ANSWER, refusal: null };
  }

  /** Renews what the client would give up. One that has not answered yet is not asked again. */
  beat(): readonly Response[] {
    if (!this.ttl || this.#snapshot === null) return [];
    return this.#inOrder().flatMap((state) => {
      const type = this.#typeOf(state);
      const names = namesWithTtl(type).filter((name) => {
        const held = state.subscription.held.get(name);
        return held?.version === type.resources.get(name)?.version && !state.refuses(type, name);
      });
      if (names.length === 0 || state.waits) return [];
      const nonce = this.#nextNonce();
      const response = this.heartbeat(state, type, names, nonce);
      if (response === null) return [];
      state.sends(nonce, type.version, names, names);
      return [response];
    });
  }

  status(): readonly TypeStatus[] {
    return this.#inOrder().map((state) => state.status());
  }

  subscription(typeUrl: string): Subscription | undefined {
    return this.#states.get(typeUrl)?.subscription;
  }

  /** Whether the client acknowledged what the snapshot has of these; null: of all that it subscribes to. */
  standing(typeUrl: string, names: ReadonlySet<string> | null): Standing {
    const state = this.#states.get(typeUrl);
    if (state === undefined) return 'none';
    return state.standing(this.#snapshot === null ? null : this.#typeOf(state), names);
  }

  #open(type: ResourceType, request: Request): void {
    const state = new TypeState(this.open(type, request), this.#refusals);
    this.#states.set(type.typeUrl, state);
    const resources = this.#typeOf(state);
    // A process that begins anew may accept what the one before it could not, e.g. a port that is free by now.
    if (this.#returning) state.recall(resources);
    if (this.#snapshot === null) return;
    this.begin(state, resources);
    state.subscription.lookAtAll(resources);
  }

  #inOrder(): TypeState[] {
    return this.#options.types.flatMap(({ typeUrl }) => this.#states.get(typeUrl) ?? []);
  }

  #typeOf(state: TypeState): TypeSnapshot {
    return this.#snapshot?.types.get(state.subscription.type.typeUrl) ?? EMPTY_TYPE;
  }

  /**
   * Additions in push order, then removals in the opposite one. A type whose newer state has to wait for an
   * acknowledgement holds back those after it: what they point to would not be there. Removals wait until everything
   * is acknowledged, so that nothing is taken away that is still pointed to (make before break). Of types that are
   * not pointed to by name, removals go with the additions.
   */
  #flush(): Response[] {
    const snapshot = this.#snapshot;
    if (snapshot === null) return [];
    const responses: Response[] = [];
    const states = this.#inOrder();
    for (const state of states) {
      const type = this.#typeOf(state);
      this.skip(state, type);
      const { changed, absent, removed, owed } = state.subscription.difference(type);
      const gone = state.subscription.type.removesLast ? absent : [...absent, ...removed];
      if (changed.length + gone.length === 0 && !owed) continue;
      if (state.waits) return responses;
      const fit = this.whole(state.subscription.type) ? changed : fitting(changed, type);
      const last = fit.length === changed.length;
      responses.push(
        this.#send(state, type, { changed: fit, removed: gone, final: !state.subscription.type.removesLast }),
      );
      if (state.subscription.type === CDS) this.#resendEndpoints(snapshot, fit);
      if (!last) return responses;
      state.pushedAtMs = null;
    }
    if (states.some(({ waits }) => waits)) return responses;
    for (const state of states.reverse()) {
      const type = this.#typeOf(state);
      const { removed } = state.subscription.difference(type);
      if (removed.length === 0) continue;
      responses.push(this.#send(state, type, { changed: [], removed, final: true }));
      state.pushedAtMs = null;
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

  #send(state: TypeState, type: TypeSnapshot, part: Omit<Outgoing, 'nonce'>): Response {
    const { changed, removed } = part;
    const nonce = this.#nextNonce();
    const response = this.compose(state, type, { ...part, nonce });
    state.sends(nonce, type.version, [...changed, ...removed], changed);
    state.subscription.sent(type, changed, removed);
    return response;
  }

  #nextNonce(): string {
    this.#nonce += 1;
    return `${this.#options.streamId}-${this.#nonce}`;
  }
}

function refuse(code: Refusal['code'], message: string): Step<never> {
  return { responses: [], ...NO_ANSWER, refusal: { code, message } };
}

/** As many of them as one response may have; one in any case. */
function fitting(names: readonly string[], type: TypeSnapshot): readonly string[] {
  let bytes = 0;
  const end = names.findIndex((name, index) => {
    bytes += name.length + (type.resources.get(name)?.bytes.length ?? 0);
    return index > 0 && bytes > LIMITS.xdsResponseBytesMax;
  });
  return end < 0 ? names : names.slice(0, end);
}
