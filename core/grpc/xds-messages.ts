// Decides which fields of which messages of the xDS protocol we read and write, by their numbers.
import protobuf from 'protobufjs/light.js';

/**
 * The few fields that we read or write, with their numbers in envoy.service.discovery.v3, envoy.config.core.v3,
 * envoy.type.v3, google.rpc and google.protobuf (Envoy 1.40); others are skipped. Built in code, so that a service
 * needs no descriptors from an Envoy binary.
 */
const SHAPES: Readonly<Record<string, readonly (readonly [number, string, string, ('repeated' | 'map')?])[]>> = {
  Value: [[3, 'text', 'string']],
  Struct: [[1, 'fields', 'Value', 'map']],
  Locality: [[2, 'zone', 'string']],
  SemanticVersion: [
    [1, 'major', 'uint32'],
    [2, 'minor', 'uint32'],
    [3, 'patch', 'uint32'],
  ],
  BuildVersion: [[1, 'version', 'SemanticVersion']],
  Node: [
    [1, 'id', 'string'],
    [2, 'cluster', 'string'],
    [3, 'metadata', 'Struct'],
    [4, 'locality', 'Locality'],
    [6, 'userAgentName', 'string'],
    [7, 'userAgentVersion', 'string'],
    [8, 'userAgentBuildVersion', 'BuildVersion'],
    [10, 'features', 'string', 'repeated'],
  ],
  Status: [
    [1, 'code', 'int32'],
    [2, 'message', 'string'],
  ],
  Any: [
    [1, 'typeUrl', 'string'],
    [2, 'value', 'bytes'],
  ],
  Duration: [
    [1, 'seconds', 'uint32'],
    [2, 'nanos', 'uint32'],
  ],
  Resource: [
    [1, 'version', 'string'],
    [2, 'resource', 'Any'],
    [3, 'name', 'string'],
    [6, 'ttl', 'Duration'],
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
  DiscoveryRequest: [
    [1, 'versionInfo', 'string'],
    [2, 'node', 'Node'],
    [3, 'names', 'string', 'repeated'],
    [4, 'typeUrl', 'string'],
    [5, 'responseNonce', 'string'],
    [6, 'errorDetail', 'Status'],
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

/** @throws when there is none of that name. */
export function messageType(name: string): protobuf.Type {
  return root.lookupType(name);
}
