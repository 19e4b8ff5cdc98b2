// Decides how what is sent on a stream is spelled in the state-of-the-world variant, and how its requests are read.
import type { AdsResource, SotwRequest, SotwResponse } from '../../core/grpc/ads.ts';
import { resourceOf } from './delta-stream.ts';
import { EDS, type ResourceType } from './resource-types.ts';
import type { Snapshot, SnapshotResource, TypeSnapshot } from './snapshot.ts';
import { type Outgoing, type StreamOptions, TTL_FEATURE, WRAPPED_FEATURE, XdsStream } from './stream.ts';
import { Subscription, type SubscriptionChange, WILDCARD } from './subscription.ts';
import type { TypeState } from './type-state.ts';

/** What only this variant needs to know of a type on a stream. */
interface Asked {
  /** It named a resource once: an empty list no longer means all. */
  named: boolean;
  /** The version that the client came with, until the first response. */
  claimed: string;
  /** It named a further resource, and the next response shows whether there is one. */
  waiting: boolean;
}

/** Ends the version of a response that is not exactly what the snapshot has: a client that comes back with it is behind. */
const PARTIAL = '.partial';

export class SotwStream extends XdsStream<SotwRequest, SotwResponse> {
  readonly #asked = new Map<string, Asked>();

  constructor(options: StreamOptions, snapshot: Snapshot | null) {
    super(options, snapshot, [TTL_FEATURE, WRAPPED_FEATURE]);
  }

  protected override open(type: ResourceType, { names, versionInfo }: SotwRequest): Subscription {
    const named = names.length > 0;
    this.#asked.set(type.typeUrl, { named, claimed: versionInfo, waiting: named && type.whole });
    return new Subscription(type, { subscribe: names, unsubscribe: [], initialVersions: new Map() }, false);
  }

  /** "The management server should not send a DiscoveryResponse for any DiscoveryRequest that has a stale nonce." */
  protected override change(state: TypeState, { responseNonce, names }: SotwRequest): SubscriptionChange | null {
    if (responseNonce !== '' && responseNonce !== state.nonce) return null;
    const { subscription } = state;
    const asked = this.#asked.get(subscription.type.typeUrl)!;
    asked.named ||= names.length > 0;
    if (!asked.named) return { subscribe: [], unsubscribe: [] };
    const wanted = new Set(names);
    const had = subscription.wildcard ? [WILDCARD, ...subscription.names] : [...subscription.names];
    const subscribe = [...wanted].filter((name) =>
      name === WILDCARD ? !subscription.wildcard : !subscription.names.has(name),
    );
    asked.waiting ||= subscribe.length > 0 && subscription.type.whole;
    return { subscribe, unsubscribe: had.filter((name) => !wanted.has(name)) };
  }

  /** On the first request for a type on a stream. */
  protected override returns({ versionInfo, responseNonce }: SotwRequest): boolean {
    return versionInfo !== '' && responseNonce === '';
  }

  /**
   * "Servers may decide to optimize by not resending resources that the client had already seen on the previous stream,
   * but only if they know that the client is not subscribing to a new resource": so of a wildcard only.
   */
  protected override begin({ subscription }: TypeState, type: TypeSnapshot): void {
    const { claimed } = this.#asked.get(subscription.type.typeUrl)!;
    const all = subscription.type.whole && subscription.wildcard && subscription.names.size === 0;
    if (all && claimed === type.version) subscription.holdsAll(type);
  }

  /** "For other resource types, the API provides no mechanism for the server to tell the client that resources have been deleted." */
  protected override skip({ subscription, nacks }: TypeState, type: TypeSnapshot): void {
    const asked = this.#asked.get(subscription.type.typeUrl)!;
    if (asked.waiting) subscription.owe();
    asked.waiting = false;
    if (subscription.type.whole) return;
    const { absent, removed } = subscription.difference(type);
    subscription.told([...absent, ...removed]);
    nacks.accept(removed);
  }

  protected override whole(type: ResourceType): boolean {
    return type.whole;
  }

  protected override compose(state: TypeState, type: TypeSnapshot, { nonce, changed, final }: Outgoing): SotwResponse {
    const { subscription } = state;
    const { typeUrl, whole } = subscription.type;
    if (!whole) {
      const resources = changed.map((name) => resourceOf(name, type.resources.get(name)!, this.#ttlOf(state)));
      return { typeUrl, version: type.version, nonce, resources };
    }
    const { resources, exact } = this.#all(state, type, final);
    return { typeUrl, version: exact ? type.version : `${type.version}${PARTIAL}`, nonce, resources };
  }

  /** The whole resources: "to update the TTL, the management server resends the resource with a new TTL". */
  protected override heartbeat(
    state: TypeState,
    type: TypeSnapshot,
    names: readonly string[],
    nonce: string,
  ): SotwResponse | null {
    if (!this.#ttlOf(state)) return null;
    return this.compose(state, type, { nonce, changed: names, removed: [], final: false });
  }

  /** Envoy 1.40.0 ends with a segmentation fault when endpoints expire that came in the state of the world. */
  #ttlOf({ subscription }: TypeState): boolean {
    return this.ttl && subscription.type !== EDS;
  }

  /**
   * "The server must include the complete state of the world": also what is still to be taken away, until it is; and
   * in the place of what the client refused what it goes on with.
   */
  #all(
    state: TypeState,
    type: TypeSnapshot,
    final: boolean,
  ): { readonly resources: readonly AdsResource[]; readonly exact: boolean } {
    const { held, names, wildcard, refused } = state.subscription;
    const last = (name: string): SnapshotResource | undefined =>
      refused.has(name) ? (state.good.get(name) ?? undefined) : kept(held.get(name));
    const resources: AdsResource[] = [];
    let exact = true;
    for (const name of wildcard ? new Set([...type.resources.keys(), ...held.keys()]) : names) {
      const resource = type.resources.get(name);
      const gone = resource === undefined && !final ? last(name) : resource;
      const shown = state.refuses(type, name) ? last(name) : gone;
      exact &&= shown === resource;
      if (shown !== undefined) resources.push(resourceOf(name, shown, this.#ttlOf(state)));
    }
    return { resources, exact };
  }
}

function kept(held: Partial<SnapshotResource> | null | undefined): SnapshotResource | undefined {
  return held?.bytes === undefined || held.version === undefined
    ? undefined
    : { ...held, version: held.version, bytes: held.bytes };
}
