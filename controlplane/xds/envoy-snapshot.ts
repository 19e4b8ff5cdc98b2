// Decides how Envoy resources, given as JSON, become a snapshot.
import type { JsonObject } from '@bufbuild/protobuf';
import { contentHash } from '../../core/runtime/canonical.ts';
import { type EnvoyApi, EnvoyConfigError } from '../../proto/envoy-api.ts';
import type { VisitField } from '../../proto/json-walk.ts';
import { CDS, envoyType, type ResourceType } from './resource-types.ts';
import { type Reference, type Snapshot, type SnapshotResource, type TypeSnapshot, typeSnapshot } from './snapshot.ts';

/** A resource as Envoy's documentation writes it (snake_case). */
export type EnvoyJson = { readonly [member: string]: unknown };

/** type URL → name → resource. */
export type EnvoyResources = { readonly [typeUrl: string]: { readonly [name: string]: EnvoyJson } };

export type EnvoySnapshot = { readonly snapshot: Snapshot } | { readonly problems: readonly string[] };

/** Fields that name another resource, by message and field. A name that a request header gives cannot be checked. */
const REFERENCE_FIELDS: Readonly<Record<string, Reference['to']>> = {
  'envoy.config.route.v3.RouteAction.cluster': 'cluster',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy.cluster': 'cluster',
  'envoy.config.route.v3.WeightedCluster.ClusterWeight.name': 'cluster',
  'envoy.config.core.v3.GrpcService.EnvoyGrpc.cluster_name': 'cluster',
  'envoy.config.core.v3.HttpUri.cluster': 'cluster',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.cluster': 'cluster',
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds.route_config_name': 'route',
};

interface Encoded extends SnapshotResource {
  readonly references: readonly Reference[];
}

/** What was encoded before, so that an unchanged resource is not encoded again. */
const encodedBefore = new WeakMap<Snapshot, ReadonlyMap<string, Encoded>>();

/**
 * Serialises every resource strictly; all problems at once. Total.
 * @param previous the snapshot that this one will replace: what did not change is taken from it.
 */
export function buildEnvoySnapshot(api: EnvoyApi, input: EnvoyResources, previous?: Snapshot): EnvoySnapshot {
  const before = (previous === undefined ? undefined : encodedBefore.get(previous)) ?? new Map<string, Encoded>();
  const encoded = new Map<string, Encoded>();
  const types = new Map<string, TypeSnapshot>();
  const problems: string[] = [];
  for (const [typeUrl, resources] of Object.entries(input)) {
    const type = envoyType(typeUrl);
    if (type === undefined) {
      problems.push(`the type ${JSON.stringify(typeUrl)} is not served`);
      continue;
    }
    const held = new Map<string, SnapshotResource>();
    for (const [name, json] of Object.entries(resources)) {
      const version = contentHash(json);
      const key = `${type.label}/${name}/${version}`;
      const result = before.get(key) ?? encode(api, type, name, json, version);
      if (typeof result === 'string') {
        problems.push(`${type.label} ${JSON.stringify(name)} ${result}`);
        continue;
      }
      encoded.set(key, result);
      held.set(name, result);
    }
    types.set(typeUrl, typeSnapshot(held));
  }
  if (problems.length > 0) return { problems };
  const references = [...encoded.values()].flatMap((resource) => resource.references);
  const snapshot: Snapshot = { types, references, endpointsOf: endpointsOf(input) };
  encodedBefore.set(snapshot, encoded);
  return { snapshot };
}

function encode(api: EnvoyApi, type: ResourceType, name: string, json: EnvoyJson, version: string): Encoded | string {
  if (type.nameField !== null && json[type.nameField] !== name) {
    return `${type.nameField}: wanted the resource's name, found ${JSON.stringify(json[type.nameField]) ?? 'nothing'}`;
  }
  const references: Reference[] = [];
  const visit: VisitField = (field, value, path) => {
    const to = REFERENCE_FIELDS[`${field.parent.typeName}.${field.name}`];
    if (to === undefined || typeof value !== 'string' || value === '') return;
    references.push({ to, name: value, from: `${type.label} ${JSON.stringify(name)} ${path}` });
  };
  try {
    return { version, bytes: api.encodeResource(type.typeUrl, json as JsonObject, visit), references };
  } catch (error) {
    if (!(error instanceof EnvoyConfigError)) throw error;
    // The decoder quotes the value that it refuses.
    return type.secret ? 'is no secret that Envoy can read' : error.message;
  }
}

function endpointsOf(input: EnvoyResources): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const [name, cluster] of Object.entries(input[CDS.typeUrl] ?? {})) {
    if (cluster.type === 'EDS') result.set(name, serviceName(cluster.eds_cluster_config) ?? name);
  }
  return result;
}

function serviceName(config: unknown): string | null {
  const name =
    typeof config === 'object' && config !== null && 'service_name' in config ? config.service_name : undefined;
  return typeof name === 'string' && name !== '' ? name : null;
}
