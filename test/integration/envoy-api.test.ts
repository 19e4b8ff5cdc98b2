import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonValue } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkSnapshot } from '../../controlplane/xds/check-snapshot.ts';
import { buildEnvoySnapshot, type EnvoyResources } from '../../controlplane/xds/envoy-snapshot.ts';
import { CDS, EDS, LDS, RDS, SDS } from '../../controlplane/xds/resource-types.ts';
import { type EnvoyApi, openEnvoyApi } from '../../proto/envoy-api.ts';
import { envoyForTests } from '../support/envoy.ts';

let cacheDir = '';
let api: EnvoyApi;
beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'chancery-api-'));
  api = openEnvoyApi(envoyForTests(), join(cacheDir, 'made'));
});
afterAll(() => rmSync(cacheDir, { recursive: true }));

const HTTP = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const EXT_PROC = 'type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor';

test('the descriptors are extracted once, and again when the cache is broken', () => {
  const folder = join(cacheDir, 'made');
  const [name] = readdirSync(folder);
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^envoy-descriptors-\d+-\d+\.binpb$/)]);
  const made = readFileSync(join(folder, name!));
  openEnvoyApi(envoyForTests(), folder);
  expect(readFileSync(join(folder, name!))).toEqual(made);
  truncateSync(join(folder, name!), 1000);
  openEnvoyApi(envoyForTests(), folder);
  expect(readFileSync(join(folder, name!))).toEqual(made);
});

test.each<[string, () => string, RegExp]>([
  ['a binary that is not there', () => join(cacheDir, 'absent'), /absent cannot be read/],
  [
    'a file that is no Envoy',
    () => {
      writeFileSync(join(cacheDir, 'text'), 'a.proto');
      return join(cacheDir, 'text');
    },
    /no protobuf descriptor found/,
  ],
])('%s is refused', (_name, path, message) => {
  expect(() => openEnvoyApi(path(), cacheDir)).toThrow(message);
});

test('what is encoded is decoded to the same, extensions included', () => {
  const cluster: JsonValue = {
    name: 'c',
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      http: { '@type': HTTP, explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 5 } } },
    },
  };
  expect(api.decode(CDS.typeUrl, api.encodeResource(CDS.typeUrl, cluster))).toEqual(cluster);
  const any = api.toAny({ '@type': EXT_PROC, processing_mode: { request_body_mode: 'FULL_DUPLEX_STREAMED' } });
  expect(api.decode(any.typeUrl, any.value)).toEqual({
    processing_mode: { request_body_mode: 'FULL_DUPLEX_STREAMED' },
  });
});

test.each<[string, JsonValue, string]>([
  [
    'an unknown field',
    { name: 'c', load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { adress: {} } }] }] } },
    'load_assignment.endpoints[0].lb_endpoints[0].endpoint.adress: envoy.config.endpoint.v3.Endpoint has no field "adress"',
  ],
  [
    'an unknown field in an extension',
    { typed_extension_protocol_options: { 'a.b': { '@type': HTTP, x: 1 } } },
    'typed_extension_protocol_options["a.b"].x: envoy.extensions.upstreams.http.v3.HttpProtocolOptions has no field "x"',
  ],
  [
    'a wrong duration',
    { connect_timeout: '1' },
    'connect_timeout: cannot decode message google.protobuf.Duration from JSON: "1"',
  ],
  [
    'a wrong number deep inside',
    { circuit_breakers: { thresholds: [{ max_requests: 'a' }] } },
    'circuit_breakers.thresholds[0].max_requests: cannot decode field',
  ],
  [
    'a wrong enum',
    { type: 'EDDS' },
    'type: cannot decode enum envoy.config.cluster.v3.Cluster.DiscoveryType from JSON: "EDDS"',
  ],
  ['two members of a oneof', { type: 'EDS', cluster_type: { name: 'x' } }, 'oneof set multiple times'],
])('%s is refused with its path', (_name, json, message) => {
  expect(() => api.encodeResource(CDS.typeUrl, json)).toThrow(message);
});

test('an unknown type is refused', () => {
  expect(() => api.encodeResource('type.googleapis.com/envoy.Nope', {})).toThrow(
    /"type.googleapis.com\/envoy.Nope" is not known/,
  );
});

const listener = (routes: string, cluster: string) => ({
  name: 'l',
  filter_chains: [
    {
      filters: [
        {
          name: 'hcm',
          typed_config: {
            '@type': HCM,
            stat_prefix: 'l',
            rds: { route_config_name: routes, config_source: { ads: {} } },
            http_filters: [
              {
                name: 'p',
                typed_config: { '@type': EXT_PROC, grpc_service: { envoy_grpc: { cluster_name: cluster } } },
              },
            ],
          },
        },
      ],
    },
  ],
});
const RESOURCES: EnvoyResources = {
  [CDS.typeUrl]: { c: { name: 'c', type: 'EDS', eds_cluster_config: { service_name: 'e', eds_config: { ads: {} } } } },
  [EDS.typeUrl]: { e: { cluster_name: 'e' } },
  [LDS.typeUrl]: { l: listener('r', 'boot') },
  [RDS.typeUrl]: {
    r: {
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { weighted_clusters: { clusters: [{ name: 'c', weight: 1 }] } } }],
        },
      ],
    },
  },
};

function snapshotOf(resources: EnvoyResources) {
  const built = buildEnvoySnapshot(api, resources);
  if ('problems' in built) throw new Error(built.problems.join('; '));
  return built.snapshot;
}

test('a snapshot knows what its resources point to', () => {
  const snapshot = snapshotOf(RESOURCES);
  expect(snapshot.endpointsOf).toEqual(new Map([['c', 'e']]));
  const hcm = 'LDS "l" filter_chains[0].filters[0].typed_config';
  expect(snapshot.references).toEqual([
    { to: 'route', name: 'r', from: `${hcm}.rds.route_config_name` },
    { to: 'cluster', name: 'boot', from: `${hcm}.http_filters[0].typed_config.grpc_service.envoy_grpc.cluster_name` },
    { to: 'cluster', name: 'c', from: 'RDS "r" virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0].name' },
  ]);
  expect(checkSnapshot(snapshot, ['boot'])).toEqual([]);
  expect(checkSnapshot(snapshot, [])).toEqual([expect.stringMatching(/there is no cluster "boot"$/)]);
});

test('what did not change is not encoded again', () => {
  const before = snapshotOf(RESOURCES);
  const built = buildEnvoySnapshot(
    api,
    { ...RESOURCES, [EDS.typeUrl]: { e: { cluster_name: 'e', policy: {} } } },
    { previous: before },
  );
  const after = 'snapshot' in built ? built.snapshot : null;
  const bytes = (snapshot: typeof before, typeUrl: string, name: string) =>
    snapshot.types.get(typeUrl)!.resources.get(name)!.bytes;
  expect(bytes(after!, LDS.typeUrl, 'l')).toBe(bytes(before, LDS.typeUrl, 'l'));
  expect(after!.references).toEqual(before.references);
  expect(after!.types.get(LDS.typeUrl)!.version).toBe(before.types.get(LDS.typeUrl)!.version);
  expect(after!.types.get(EDS.typeUrl)!.version).not.toBe(before.types.get(EDS.typeUrl)!.version);
});

test('all problems of a snapshot are told at once, and none quotes a secret', () => {
  const built = buildEnvoySnapshot(api, {
    [CDS.typeUrl]: { c: { name: 'd' }, e: { name: 'e', x: 1 } },
    [SDS.typeUrl]: { s: { name: 's', generic_secret: { secret: { inline_string: ['hush'] } } } },
    'type.googleapis.com/envoy.Nope': {},
  });
  expect(built).toEqual({
    problems: [
      'CDS "c" name: wanted the resource\'s name, found "d"',
      'CDS "e" x: envoy.config.cluster.v3.Cluster has no field "x"',
      'SDS "s" is no secret that Envoy can read',
      'the type "type.googleapis.com/envoy.Nope" is not served',
    ],
  });
});
