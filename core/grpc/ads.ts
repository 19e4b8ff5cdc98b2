// Decides how the messages of the delta ADS protocol are spelled on the wire, for both sides.
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';

/** Who calls: `cluster` says which group it belongs to. */
export interface AdsNode {
  readonly id: string;
  readonly cluster: string;
}

export interface DeltaRequest {
  /** On the first request of a stream; later ones may leave it out. */
  readonly node: AdsNode | null;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name → version of what the client still holds, on the first request for a type on a stream. */
  readonly initialVersions: ReadonlyMap<string, string>;
  /** Which response this acknowledges; '' when none. */
  readonly responseNonce: string;
  /** Present: that response is refused (NACK), in these words. */
  readonly error: string | null;
}

export interface AdsResource {
  readonly name: string;
  readonly version: string;
  /** The serialised message; its type URL is the response's. */
  readonly bytes: Uint8Array;
}

export interface DeltaResponse {
  readonly typeUrl: string;
  /** Of the type as a whole; for people, the protocol does not use it. */
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly AdsResource[];
  readonly removed: readonly string[];
}

/** google.rpc.Code */
const INVALID_ARGUMENT = 3;

/**
 * The few fields that we read or write, with their numbers in envoy.service.discovery.v3, envoy.config.core.v3,
 * google.rpc and google.protobuf (Envoy 1.40); others are skipped. Built in code, so that a service needs no
 * descriptors from an Envoy binary.
 */
const SHAPES: Readonly<Record<string, readonly (readonly [number, string, string, ('repeated' | 'map')?])[]>> = {
  Node: [
    [1, 'id', 'string'],
    [2, 'cluster', 'string'],
  ],
  Status: [
    [1, 'code', 'int32'],
    [2, 'message', 'string'],
  ],
  Any: [
    [1, 'typeUrl', 'string'],
    [2, 'value', 'bytes'],
  ],
  Resource: [
    [1, 'version', 'string'],
    [2, 'resource', 'Any'],
    [3, 'name', 'string'],
  ],
  Document: [[1, 'json', 'bytes']],
  DeltaDiscoveryRequest: [
    [1, 'node', 'Node'],
    [2, 'typeUrl', 'string'],
    [3, 'subscribe', 'string', 'repeated'],
    [4, 'unsubscribe', 'string', 'repeated'],
    [5, 'initialVersions', 'string', 'map'],
    [6, 'responseNonce', 'string'],
    [7, 'errorDetail', 'Status'],
  ],
  DeltaDiscoveryResponse: [
    [1, 'version', 'string'],
    [2, 'resources', 'Resource', 'repeated'],
    [4, 'typeUrl', 'string'],
    [5, 'nonce', 'string'],
    [6, 'removed', 'string', 'repeated'],
  ],
};

const root = new protobuf.Root();
for (const [name, fields] of Object.entries(SHAPES)) {
  const type = new protobuf.Type(name);
  for (const [id, field, kind, rule] of fields) {
    type.add(
      rule === 'map' ? new protobuf.MapField(field, id, 'string', kind) : new protobuf.Field(field, id, kind, rule),
    );
  }
  root.add(type);
}
root.resolveAll();
const requestType = root.lookupType('DeltaDiscoveryRequest');
const responseType = root.lookupType('DeltaDiscoveryResponse');
const documentType = root.lookupType('Document');

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

export function encodeRequest(request: DeltaRequest): Buffer {
  const { initialVersions, error, node, ...rest } = request;
  return write(requestType, {
    ...rest,
    ...(node === null ? {} : { node }),
    initialVersions: Object.fromEntries(initialVersions),
    ...(error === null ? {} : { errorDetail: { code: INVALID_ARGUMENT, message: error } }),
  });
}

export function decodeRequest(bytes: Uint8Array): DeltaRequest {
  const raw = read<
    Omit<DeltaRequest, 'initialVersions' | 'error'> & {
      readonly initialVersions: Readonly<Record<string, string>>;
      readonly errorDetail: { readonly code: number; readonly message: string } | null;
    }
  >(requestType, bytes);
  return {
    node: raw.node === null ? null : { id: raw.node.id, cluster: raw.node.cluster },
    typeUrl: raw.typeUrl,
    subscribe: raw.subscribe,
    unsubscribe: raw.unsubscribe,
    initialVersions: new Map(Object.entries(raw.initialVersions)),
    responseNonce: raw.responseNonce,
    error: raw.errorDetail === null ? null : raw.errorDetail.message || `status code ${raw.errorDetail.code}`,
  };
}

export function encodeResponse(response: DeltaResponse): Buffer {
  const { resources, typeUrl, ...rest } = response;
  return write(responseType, {
    ...rest,
    typeUrl,
    resources: resources.map(({ name, version, bytes }) => ({ name, version, resource: { typeUrl, value: bytes } })),
  });
}

export function decodeResponse(bytes: Uint8Array): DeltaResponse {
  const raw = read<
    Omit<DeltaResponse, 'resources'> & {
      readonly resources: readonly {
        readonly name: string;
        readonly version: string;
        readonly resource: { readonly value: Uint8Array } | null;
      }[];
    }
  >(responseType, bytes);
  return {
    typeUrl: raw.typeUrl,
    version: raw.version,
    nonce: raw.nonce,
    resources: raw.resources.map(({ name, version, resource }) => ({
      name,
      version,
      bytes: bytesOf(resource?.value),
    })),
    removed: raw.removed,
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

/** The one method of `envoy.service.discovery.v3.AggregatedDiscoveryService` that we speak. */
export const DELTA_ADS: MethodDefinition<DeltaRequest, DeltaResponse> = {
  path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  requestStream: true,
  responseStream: true,
  requestSerialize: encodeRequest,
  requestDeserialize: decodeRequest,
  responseSerialize: encodeResponse,
  responseDeserialize: decodeResponse,
};
