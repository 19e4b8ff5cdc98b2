// Decides how the messages of the xDS protocol are spelled on the wire, in both variants and for both sides.
import type { MethodDefinition } from '@grpc/grpc-js';
import type protobuf from 'protobufjs/light.js';
import { LIMITS } from '../limits.ts';
import { encodeDeltaResponse, encodeSotwResponse } from './responses.ts';
import { messageType } from './xds-messages.ts';

/** Who calls: `cluster` says what kind of client it is. What is not decoded is left out. */
export interface AdsNode {
  readonly id: string;
  readonly cluster: string;
  /** Top-level members of `metadata` that are strings. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** `locality.zone` */
  readonly zone?: string;
  /** Name and version, e.g. `envoy 1.40.0`. */
  readonly userAgent?: string;
  /** `client_features` */
  readonly features?: readonly string[];
}

/** What both variants' requests have. */
export interface XdsRequest {
  /** On the first request of a stream; later ones may leave it out. */
  readonly node: AdsNode | null;
  readonly typeUrl: string;
  /** Which response this acknowledges; '' when none. */
  readonly responseNonce: string;
  /** Present: that response is refused (NACK), in these words. */
  readonly error: string | null;
}

export { encodeDeltaResponse, encodeSotwResponse };

export interface DeltaRequest extends XdsRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name → version of what the client still holds, on the first request for a type on a stream. */
  readonly initialVersions: ReadonlyMap<string, string>;
}

export interface SotwRequest extends XdsRequest {
  /** The last version that the client accepted, also of an earlier stream; '' when none. */
  readonly versionInfo: string;
  /** All that it subscribes to. */
  readonly names: readonly string[];
}

export interface AdsResource {
  readonly name: string;
  readonly version: string;
  /** The serialised message; its type URL is the response's. null: a heartbeat, which only renews the TTL. */
  readonly bytes: Uint8Array | null;
  /** Sent to clients that know of it. */
  readonly ttlMs?: number;
}

export interface DeltaResponse {
  readonly typeUrl: string;
  /** Of the type as a whole; for people, the protocol does not use it. */
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly AdsResource[];
  readonly removed: readonly string[];
}

export interface SotwResponse {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  /** Those with a TTL are wrapped in a `Resource`. */
  readonly resources: readonly AdsResource[];
}

/** google.rpc.Code */
const INVALID_ARGUMENT = 3;

const deltaRequestType = messageType('DeltaDiscoveryRequest');
const deltaResponseType = messageType('DeltaDiscoveryResponse');
const sotwRequestType = messageType('DiscoveryRequest');
const documentType = messageType('Document');

function write(type: protobuf.Type, value: Record<string, unknown>): Buffer {
  const bytes = type.encode(value).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** protobufjs leaves unset fields at their defaults on the prototype; what is read here is always there. */
function read<Fields>(type: protobuf.Type, bytes: Uint8Array): Fields {
  return type.decode(bytes) as unknown as Fields;
}

/** protobufjs' default for bytes is an empty array. */
function bytesOf(value: Uint8Array | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

interface RawNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: { readonly fields: Readonly<Record<string, { readonly text?: string }>> } | null;
  readonly locality: { readonly zone: string } | null;
  readonly userAgentName: string;
  readonly userAgentVersion: string;
  readonly userAgentBuildVersion: {
    readonly version: { readonly major: number; readonly minor: number; readonly patch: number } | null;
  } | null;
  readonly features: readonly string[];
}

interface RawRequest {
  readonly node: RawNode | null;
  readonly typeUrl: string;
  readonly responseNonce: string;
  readonly errorDetail: { readonly code: number; readonly message: string } | null;
}

interface RawResource {
  readonly name: string;
  readonly version: string;
  readonly resource: { readonly value: Uint8Array } | null;
  readonly ttl: { readonly seconds: number; readonly nanos: number } | null;
}

/** What it says is kept for as long as it is connected: so each part has a bound, and what is beyond says nothing. */
function readNode(raw: RawNode | null): AdsNode | null {
  if (raw === null) return null;
  const short = (text: string): boolean => text.length <= LIMITS.xdsNodeIdCharsMax;
  const metadata = Object.entries(raw.metadata?.fields ?? {})
    .flatMap(([key, value]) => (Object.hasOwn(value, 'text') ? [[key, value.text ?? ''] as const] : []))
    .filter(([key, text]) => short(key) && short(text));
  const built = raw.userAgentBuildVersion?.version ?? null;
  const version = built === null ? raw.userAgentVersion : `${built.major}.${built.minor}.${built.patch}`;
  const zone = raw.locality?.zone ?? '';
  return {
    id: raw.id,
    cluster: raw.cluster,
    metadata: Object.fromEntries(metadata.slice(0, LIMITS.xdsNodeMetadataMax)),
    zone: short(zone) ? zone : '',
    userAgent: `${raw.userAgentName} ${version}`.trim().slice(0, LIMITS.xdsNodeIdCharsMax),
    features: raw.features.filter(short).slice(0, LIMITS.xdsNodeMetadataMax),
  };
}

function rawNode({ id, cluster, metadata, zone, userAgent, features }: AdsNode): Record<string, unknown> {
  const [name = '', version] = (userAgent ?? '').split(' ');
  const fields = Object.entries(metadata ?? {}).map(([key, text]) => [key, { text }] as const);
  return {
    id,
    cluster,
    ...(fields.length === 0 ? {} : { metadata: { fields: Object.fromEntries(fields) } }),
    ...(zone === undefined || zone === '' ? {} : { locality: { zone } }),
    ...(name === '' ? {} : { userAgentName: name }),
    ...(version === undefined ? {} : { userAgentVersion: version }),
    features: features ?? [],
  };
}

function rawRequest<Request extends XdsRequest>({ error, node, ...rest }: Request): Record<string, unknown> {
  return {
    ...rest,
    ...(node === null ? {} : { node: rawNode(node) }),
    ...(error === null ? {} : { errorDetail: { code: INVALID_ARGUMENT, message: error } }),
  };
}

function readRequest({ node, typeUrl, responseNonce, errorDetail }: RawRequest): XdsRequest {
  const error = errorDetail === null ? null : errorDetail.message || `status code ${errorDetail.code}`;
  return { node: readNode(node), typeUrl, responseNonce, error };
}

function readResource({ name, version, resource, ttl }: RawResource): AdsResource {
  return {
    name,
    version,
    bytes: resource === null ? null : bytesOf(resource.value),
    ...(ttl === null ? {} : { ttlMs: ttl.seconds * 1000 + ttl.nanos / 1_000_000 }),
  };
}

export function encodeDeltaRequest(request: DeltaRequest): Buffer {
  return write(deltaRequestType, {
    ...rawRequest(request),
    initialVersions: Object.fromEntries(request.initialVersions),
  });
}

export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const raw = read<
    RawRequest &
      Pick<DeltaRequest, 'subscribe' | 'unsubscribe'> & { readonly initialVersions: Readonly<Record<string, string>> }
  >(deltaRequestType, bytes);
  return {
    ...readRequest(raw),
    subscribe: raw.subscribe,
    unsubscribe: raw.unsubscribe,
    initialVersions: new Map(Object.entries(raw.initialVersions)),
  };
}

export function decodeDeltaResponse(bytes: Uint8Array): DeltaResponse {
  const { typeUrl, version, nonce, resources, removed } = read<
    Omit<DeltaResponse, 'resources'> & { readonly resources: readonly RawResource[] }
  >(deltaResponseType, bytes);
  return { typeUrl, version, nonce, resources: resources.map(readResource), removed };
}

export function encodeSotwRequest(request: SotwRequest): Buffer {
  return write(sotwRequestType, rawRequest(request));
}

export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const raw = read<RawRequest & Pick<SotwRequest, 'versionInfo' | 'names'>>(sotwRequestType, bytes);
  return { ...readRequest(raw), versionInfo: raw.versionInfo, names: raw.names };
}

/** A request that asks for nothing, on a stream that has said who it is. */
export function emptyDeltaRequest(typeUrl: string): DeltaRequest {
  return {
    ...{ node: null, typeUrl, responseNonce: '', error: null },
    ...{ subscribe: [], unsubscribe: [], initialVersions: new Map() },
  };
}

/** One resource of our own types: `chancery.v1.Document { bytes json = 1 }`. */
export function encodeDocument(json: string): Uint8Array {
  return write(documentType, { json: Buffer.from(json, 'utf8') });
}

/** The JSON text of a `chancery.v1.Document`. @throws when the bytes are none. */
export function decodeDocument(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(
    bytesOf(read<{ readonly json: Uint8Array }>(documentType, bytes).json),
  );
}

/** The one method that our own services call. */
export const DELTA_ADS: MethodDefinition<DeltaRequest, DeltaResponse> = {
  path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  requestStream: true,
  responseStream: true,
  requestSerialize: encodeDeltaRequest,
  requestDeserialize: decodeDeltaRequest,
  responseSerialize: encodeDeltaResponse,
  responseDeserialize: decodeDeltaResponse,
};
