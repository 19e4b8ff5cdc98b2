// Decides how what is sent on a stream is spelled in the delta variant, and how its requests are read.
import type { AdsResource, DeltaRequest, DeltaResponse } from '../../core/grpc/ads.ts';
import type { ResourceType } from './resource-types.ts';
import type { Snapshot, SnapshotResource, TypeSnapshot } from './snapshot.ts';
import { type Outgoing, type StreamOptions, TTL_FEATURE, XdsStream } from './stream.ts';
import { Subscription, type SubscriptionChange } from './subscription.ts';
import type { TypeState } from './type-state.ts';

export class DeltaStream extends XdsStream<DeltaRequest, DeltaResponse> {
  constructor(options: StreamOptions, snapshot: Snapshot | null) {
    super(options, snapshot, [TTL_FEATURE]);
  }

  protected override open(type: ResourceType, request: DeltaRequest): Subscription {
    return new Subscription(type, request);
  }

  /** "The server must honor changes to the subscription state even if the nonce is stale." */
  protected override change(_state: TypeState, request: DeltaRequest): SubscriptionChange {
    return request;
  }

  protected override returns({ initialVersions }: DeltaRequest): boolean {
    return initialVersions.size > 0;
  }

  protected override begin(): void {}

  protected override skip(): void {}

  protected override whole(): boolean {
    return false;
  }

  protected override compose(
    { subscription }: TypeState,
    type: TypeSnapshot,
    { nonce, changed, removed }: Outgoing,
  ): DeltaResponse {
    const resources = changed.map((name) => resourceOf(name, type.resources.get(name)!, this.ttl));
    return { typeUrl: subscription.type.typeUrl, version: type.version, nonce, resources, removed };
  }

  /** "A Resource with the resource unset and version matching the most recently sent version." */
  protected override heartbeat(
    { subscription }: TypeState,
    type: TypeSnapshot,
    names: readonly string[],
    nonce: string,
  ): DeltaResponse {
    const resources = names.map((name) => ({
      ...resourceOf(name, type.resources.get(name)!, this.ttl),
      bytes: null,
    }));
    return { typeUrl: subscription.type.typeUrl, version: type.version, nonce, resources, removed: [] };
  }
}

/** @param ttl whether the client knows of TTLs. */
export function resourceOf(name: string, { version, bytes, ttlMs }: SnapshotResource, ttl: boolean): AdsResource {
  return ttl && ttlMs !== undefined ? { name, version, bytes, ttlMs } : { name, version, bytes };
}
