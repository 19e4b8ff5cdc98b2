// Decides how Envoy resources, given as JSON, become a snapshot.
import { hash } from 'node:crypto';
import { type EnvoyApi, EnvoyConfigError } from '../../proto/envoy-api.ts';
import type { VisitField } from '../../proto/json-walk.ts';
import { type KeepField, ResourceEncoder } from '../../proto/resource-encoder.ts';
import { kept, mapped } from '../catalog/kept.ts';
import { CDS, envoyType, type ResourceType } from './resource-types.ts';
import {
  EMPTY_TYPE,
  type Reference,
  type ReferenceKind,
  type Snapshot,
  type SnapshotResource,
  type TypeSnapshot,
  typeSnapshot,
} from './snapshot.ts';

/**
 * A resource as Envoy's documentation writes it (snake_case); the strict encoder rejects what Envoy does not know.
 * Immutable: one that was encoded is not looked at again.
 */
export type EnvoyJson = { readonly [member: string]: unknown };

/** type URL → name → resource. */
export type EnvoyResources = {
  readonly [typeUrl: string]: ReadonlyMap<string, EnvoyJson> | { readonly [name: string]: EnvoyJson };
};

export type EnvoySnapshot = { readonly snapshot: Snapshot } | { readonly problems: readonly string[] };

export interface EnvoySnapshotOptions {
  /** The snapshot that this one will replace: what did not change is the same object in both. */
  readonly previous?: Snapshot | undefined;
  /** Secret → its version; without one it is a hash of the content, by which a short secret could be guessed. */
  readonly secretVersions?: ReadonlyMap<string, string>;
}

/** Fields that name another resource, by message and field. A name that a request header gives cannot be checked. */
const REFERENCE_FIELDS: Readonly<Record<string, ReferenceKind>> = {
  'envoy.config.route.v3.RouteAction.cluster': 'cluster',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy.cluster': 'cluster',
  'envoy.config.route.v3.WeightedCluster.ClusterWeight.name': 'cluster',
  'envoy.config.core.v3.GrpcService.EnvoyGrpc.cluster_name': 'cluster',
  'envoy.config.core.v3.HttpUri.cluster': 'cluster',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.cluster': 'cluster',
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds.route_config_name': 'route',
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig.name': 'secret',
};
/** A filter whose configuration comes by itself is asked for by the filter's own name. */
const FILTER_NAME = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.name';
const FILTER_DISCOVERY = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.config_discovery';

interface Encoded extends SnapshotResource {
  readonly references: readonly Reference[];
  /** Of a cluster whose endpoints come by EDS: their name. */
  readonly endpoints: string | null;
}

type Field = Parameters<KeepField>[0];

interface Encoder {
  readonly encoder: ResourceEncoder;
  readonly known: WeakMap<EnvoyJson, Encoded>;
}

const ENCODERS = new WeakMap<EnvoyApi, Encoder>();

/** Serialises every resource strictly; all problems at once. Total. */
export function buildEnvoySnapshot(
  api: EnvoyApi,
  input: EnvoyResources,
  { previous, secretVersions = new Map() }: EnvoySnapshotOptions = {},
): EnvoySnapshot {
  const encoder = ENCODERS.get(api) ?? { encoder: new ResourceEncoder(api, isReference), known: new WeakMap() };
  ENCODERS.set(api, encoder);
  const types = new Map<string, TypeSnapshot>();
  const problems: string[] = [];
  for (const [typeUrl, given] of Object.entries(input)) {
    const type = envoyType(typeUrl);
    if (type === undefined) {
      problems.push(`the type ${JSON.stringify(typeUrl)} is not served`);
      continue;
    }
    const before = previous?.types.get(typeUrl);
    const from = before === undefined ? undefined : MADE_OF.get(before);
    const resources: ReadonlyMap<string, EnvoyJson> = given instanceof Map ? given : new Map(Object.entries(given));
    const held = mapped(
      resources,
      before && from && { from, to: before.resources },
      (json, name, earlier): SnapshotResource => {
        const version = type.secret ? secretVersions.get(name) : undefined;
        const result = encode(encoder, type, name, json, version);
        if (typeof result !== 'string') return earlier?.version === result.version ? earlier : result;
        problems.push(`${type.label} ${JSON.stringify(name)} ${result}`);
        return REFUSED;
      },
    );
    if (problems.length > 0) continue;
    const made = typeSnapshot(held, before);
    MADE_OF.set(made, resources);
    types.set(typeUrl, made);
  }
  if (problems.length > 0) return { problems };
  return { snapshot: snapshotOf(types, previous) };
}

/** The resources of which a type's snapshot was made last. */
const MADE_OF = new WeakMap<TypeSnapshot, ReadonlyMap<string, EnvoyJson>>();

/** In place of one that has a problem; a snapshot that has a problem is never made. */
const REFUSED: SnapshotResource = { version: '', bytes: new Uint8Array() };

/** `previous` itself when nothing is another. */
function snapshotOf(types: ReadonlyMap<string, TypeSnapshot>, previous: Snapshot | undefined): Snapshot {
  if (previous !== undefined && kept(previous.types, types) === previous.types) return previous;
  const clusters = types.get(CDS.typeUrl);
  return {
    types,
    endpointsOf:
      previous !== undefined && clusters === previous.types.get(CDS.typeUrl)
        ? previous.endpointsOf
        : kept(previous?.endpointsOf, endpointsOf(clusters ?? EMPTY_TYPE)),
    get references() {
      return [...types.values()].flatMap(({ resources }) => [...resources.values()].flatMap(referencesOf));
    },
  };
}

function endpointsOf({ resources }: TypeSnapshot): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, resource] of resources) {
    const { endpoints } = resource as Encoded;
    if (endpoints !== null) found.set(name, endpoints);
  }
  return found;
}

/** Of a resource in a snapshot that was made here. */
export function referencesOf(resource: SnapshotResource): readonly Reference[] {
  return (resource as Encoded).references;
}

function encode(
  { encoder, known }: Encoder,
  type: ResourceType,
  name: string,
  json: EnvoyJson,
  version: string | undefined,
): Encoded | string {
  const before = known.get(json);
  if (before !== undefined && (version === undefined || version === before.version)) return before;
  if (type.nameField !== null && json[type.nameField] !== name) {
    return `${type.nameField}: wanted the resource's name, found ${JSON.stringify(json[type.nameField]) ?? 'nothing'}`;
  }
  const references: Reference[] = [];
  const filters = new Map<string, string>();
  const visit: VisitField = (field, value, path) => {
    const from = `${type.label} ${JSON.stringify(name)} ${path}`;
    const key = keyOf(field);
    const filter = path.slice(0, path.lastIndexOf('.'));
    if (key === FILTER_NAME) filters.set(filter, String(value));
    if (key === FILTER_DISCOVERY) references.push({ to: 'extension', name: filters.get(filter) ?? '', from });
    const to = REFERENCE_FIELDS[key];
    if (to !== undefined && typeof value === 'string' && value !== '') references.push({ to, name: value, from });
  };
  try {
    const bytes = encoder.encode(type.typeUrl, json, visit);
    const endpoints = type === CDS && json.type === 'EDS' ? (serviceName(json.eds_cluster_config) ?? name) : null;
    const encoded = { version: version ?? hash('sha256', bytes, 'hex'), bytes, references, endpoints };
    known.set(json, encoded);
    return encoded;
  } catch (error) {
    if (!(error instanceof EnvoyConfigError)) throw error;
    // The decoder quotes the value that it refuses.
    return type.secret ? 'is no secret that Envoy can read' : error.message;
  }
}

function isReference(field: Field): boolean {
  const key = keyOf(field);
  return key === FILTER_NAME || key === FILTER_DISCOVERY || Object.hasOwn(REFERENCE_FIELDS, key);
}

function keyOf(field: Field): string {
  return `${field.parent.typeName}.${field.name}`;
}

function serviceName(config: unknown): string | null {
  const name =
    typeof config === 'object' && config !== null && 'service_name' in config ? config.service_name : undefined;
  return typeof name === 'string' && name !== '' ? name : null;
}
