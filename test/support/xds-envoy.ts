// Decides how tests run a real Envoy that is configured over xDS in any of the protocol's variants.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { CDS, ECDS, EDS, LDS, RDS, type ResourceType, RTDS, SDS } from '../../controlplane/xds/resource-types.ts';
import { createXdsServer, type NodeStatus, type XdsServer } from '../../controlplane/xds/server.ts';
import { type Snapshot, typeSnapshot } from '../../controlplane/xds/snapshot.ts';
import { TTL_FEATURE, WRAPPED_FEATURE } from '../../controlplane/xds/stream.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import { type EnvoyApi, openEnvoyApi } from '../../proto/envoy-api.ts';
import { type Authority, createAuthority } from './certificates.ts';
import { envoyForTests } from './envoy.ts';
import { callHttp } from './http-call.ts';
import { until } from './until.ts';

const TYPE = 'type.googleapis.com/envoy';
const HCM = `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${TYPE}.extensions.filters.http.router.v3.Router`;
const INJECTOR = `${TYPE}.extensions.filters.http.credential_injector.v3.CredentialInjector`;
const GENERIC = `${TYPE}.extensions.http.injected_credentials.generic.v3.Generic`;
const MUTATION = `${TYPE}.extensions.filters.http.header_mutation.v3.HeaderMutation`;
const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const DEADLINE_MS = 20_000;

export interface XdsVariant {
  readonly api: 'GRPC' | 'DELTA_GRPC';
  readonly aggregated: boolean;
  readonly transport: 'unix' | 'mtls';
}

/** What the tests change; everything else stays. */
export interface World {
  readonly clusters?: readonly string[];
  readonly routeTo?: string;
  readonly connectTimeout?: string;
  /** Which of the backends' sockets the endpoints name. */
  readonly backend?: string;
  readonly token?: string;
  readonly header?: string;
  readonly runtime?: string;
  /** A listener that Envoy refuses. */
  readonly bad?: boolean;
  /** Of the runtime values. */
  readonly ttlMs?: number;
}

export interface XdsEnvoy {
  readonly server: XdsServer;
  readonly lines: string[];
  set(world: World): void;
  /** Sets it, and waits until everything is acknowledged. */
  settle(world: World): Promise<void>;
  node(): NodeStatus;
  /** Through the listener `good`. */
  call(path?: string): Promise<{ readonly status: number; readonly body: string; readonly header: string }>;
  admin(path: string): Promise<string>;
  restart(world: World): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

const ALL: readonly ResourceType[] = [CDS, EDS, LDS, RDS, SDS, ECDS, RTDS];

export async function startXdsEnvoy(variant: XdsVariant, first: World): Promise<XdsEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-xv-'));
  mkdirSync(join(folder, 'cache'));
  const api = openEnvoyApi(envoyForTests(), join(folder, 'cache'));
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const backends = await Promise.all(['one', 'two'].map((name) => startBackend(join(folder, `${name}.sock`), name)));
  const authority = await createAuthority();
  const own = await authority.certify([{ type: 'ip', value: '127.0.0.1' }]);
  let port = 0;
  let server: XdsServer;
  let output = '';

  const source = sourceOf(variant);
  const serve = async (world: World): Promise<void> => {
    server = createXdsServer({ log, now: Date.now });
    server.setSnapshot('envoy', snapshotOf(api, resourcesOf(folder, source, world), world.ttlMs));
    if (variant.transport === 'unix') await server.listenUnix(join(folder, 'ads.sock'));
    else port = await server.listenTcp('127.0.0.1', port, { ...own, clientCa: authority.ca });
  };
  await serve(first);
  writeFileSync(
    join(folder, 'bootstrap.json'),
    JSON.stringify(await bootstrapOf(folder, variant, { port, authority })),
  );
  const envoy: ChildProcess = spawn(
    envoyForTests(),
    ['-c', join(folder, 'bootstrap.json'), '--concurrency', '1', '--use-dynamic-base-id', '--drain-time-s', '1'],
    { env: {} },
  );
  for (const stream of [envoy.stdout, envoy.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-20_000);
    });
  }
  const get = (socket: string, path: string) => callHttp({ socketPath: join(folder, socket), path }, DEADLINE_MS);
  const settled = async (): Promise<void> => {
    const labels = (): string =>
      server
        .nodes()
        .flatMap(({ connected, types }) => (connected ? types.map(({ label }) => label) : []))
        .sort()
        .join();
    const wanted = ALL.map(({ label }) => label)
      .sort()
      .join();
    await until(`types of\n${output}`, labels, (found) => found === wanted, DEADLINE_MS);
    const outcome = await server.acked(
      'envoy',
      ALL.map(({ typeUrl }) => ({ typeUrl })),
      DEADLINE_MS,
    );
    if (outcome !== 'acked') throw new Error(`${outcome}: ${JSON.stringify(server.nodes())}\n${output}`);
  };
  const set = (world: World): void => {
    server.setSnapshot('envoy', snapshotOf(api, resourcesOf(folder, source, world), world.ttlMs));
  };
  await settled();
  return {
    get server() {
      return server;
    },
    lines,
    set,
    async settle(world) {
      set(world);
      await settled();
    },
    node: () => server.nodes().find(({ connected }) => connected)!,
    async call(path = '/') {
      const { status, headers, body } = await get('good.sock', path);
      return { status, body, header: String(headers['x-by-ecds'] ?? '') };
    },
    admin: async (path) => (await get('admin.sock', path)).body,
    async restart(world) {
      await serve(world);
      await settled();
    },
    stop: () => server.close(),
    async close() {
      if (envoy.exitCode === null) {
        const ended = new Promise((resolve) => envoy.once('exit', resolve));
        envoy.kill('SIGKILL');
        await ended;
      }
      await server.close();
      await Promise.all(backends.map((close) => close()));
      rmSync(folder, { recursive: true });
    },
  };
}

function startBackend(path: string, name: string): Promise<() => Promise<unknown>> {
  const server = createServer((message, response) => response.end(`${name} ${message.headers.authorization ?? ''}`));
  return new Promise((resolve) =>
    server.listen(path, () => resolve(() => new Promise((closed) => server.close(closed)))),
  );
}

type Json = { readonly [member: string]: unknown };

function sourceOf({ api, aggregated }: XdsVariant): Json {
  if (aggregated) return { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };
  return { api_config_source: apiSource(api), resource_api_version: 'V3', initial_fetch_timeout: '0s' };
}

function apiSource(api: XdsVariant['api']): Json {
  return {
    api_type: api,
    transport_api_version: 'V3',
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: 'ads' } }],
  };
}

async function bootstrapOf(
  folder: string,
  variant: XdsVariant,
  { port, authority }: { readonly port: number; readonly authority: Authority },
): Promise<Json> {
  const source = sourceOf(variant);
  const { cert, key } = await authority.certify([{ type: 'url', value: 'spiffe://test/chancery/envoy/envoy-1' }]);
  const inline = (bytes: Buffer): Json => ({ inline_string: bytes.toString() });
  const tls: Json = {
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
        common_tls_context: {
          tls_certificates: [{ certificate_chain: inline(cert), private_key: inline(key) }],
          validation_context: {
            trusted_ca: inline(authority.ca),
            match_typed_subject_alt_names: [{ san_type: 'IP_ADDRESS', matcher: { exact: '127.0.0.1' } }],
          },
          alpn_protocols: ['h2'],
        },
      },
    },
  };
  const address =
    variant.transport === 'unix'
      ? { pipe: { path: join(folder, 'ads.sock') } }
      : { socket_address: { address: '127.0.0.1', port_value: port } };
  return {
    node: {
      id: 'envoy-1',
      cluster: 'envoy',
      metadata: { stage: 'test' },
      locality: { zone: 'eu-1' },
      client_features: [TTL_FEATURE, WRAPPED_FEATURE],
    },
    admin: { address: { pipe: { path: join(folder, 'admin.sock') } } },
    layered_runtime: { layers: [{ name: 'pushed', rtds_layer: { name: 'pushed', rtds_config: source } }] },
    dynamic_resources: {
      ...(variant.aggregated ? { ads_config: apiSource(variant.api) } : {}),
      cds_config: source,
      lds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: 'ads',
          type: 'STATIC',
          connect_timeout: '1s',
          ...(variant.transport === 'unix' ? {} : tls),
          typed_extension_protocol_options: {
            [HTTP_OPTIONS]: {
              '@type': `type.googleapis.com/${HTTP_OPTIONS}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: 'ads', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
        },
      ],
    },
  };
}

function resourcesOf(folder: string, source: Json, world: World): ReadonlyMap<ResourceType, Record<string, Json>> {
  const { clusters = ['one'], routeTo = 'one', connectTimeout = '1s', token = 'first', header = 'first' } = world;
  const pipe = (name: string): Json => ({ pipe: { path: join(folder, name) } });
  const filters = [
    {
      name: 'credentials',
      typed_config: {
        '@type': INJECTOR,
        overwrite: true,
        credential: {
          name: 'generic',
          typed_config: { '@type': GENERIC, credential: { name: 'token', sds_config: source } },
        },
      },
    },
    { name: 'by-ecds', config_discovery: { config_source: source, type_urls: [MUTATION] } },
    { name: 'router', typed_config: { '@type': ROUTER } },
  ];
  const hcm = {
    '@type': HCM,
    stat_prefix: 'good',
    rds: { route_config_name: 'routes', config_source: source },
    http_filters: filters,
  };
  const listener = (name: string, chains: readonly Json[]): Json => ({
    name,
    address: pipe(`${name}.sock`),
    filter_chains: chains,
  });
  const named = (make: (name: string) => Json): Record<string, Json> =>
    Object.fromEntries(clusters.map((name) => [name, make(name)]));
  return new Map<ResourceType, Record<string, Json>>([
    [
      CDS,
      named((name) => ({
        name,
        type: 'EDS',
        connect_timeout: connectTimeout,
        eds_cluster_config: { eds_config: source },
      })),
    ],
    [
      EDS,
      named((name) => ({
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: pipe(`${world.backend ?? 'one'}.sock`) } }] }],
      })),
    ],
    [
      LDS,
      {
        good: listener('good', [{ filters: [{ name: 'hcm', typed_config: hcm }] }]),
        ...(world.bad === true ? { bad: listener('bad', []) } : {}),
      },
    ],
    [
      RDS,
      {
        routes: {
          name: 'routes',
          virtual_hosts: [
            { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: routeTo } }] },
          ],
        },
      },
    ],
    [SDS, { token: { name: 'token', generic_secret: { secret: { inline_string: token } } } }],
    [
      ECDS,
      {
        'by-ecds': {
          name: 'by-ecds',
          typed_config: {
            '@type': MUTATION,
            mutations: {
              response_mutations: [
                {
                  append: {
                    header: { key: 'x-by-ecds', value: header },
                    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
                  },
                },
              ],
            },
          },
        },
      },
    ],
    [RTDS, { pushed: { name: 'pushed', layer: { 'chancery.test': world.runtime ?? 'first' } } }],
  ]);
}

function snapshotOf(
  api: EnvoyApi,
  resources: ReadonlyMap<ResourceType, Record<string, Json>>,
  ttlMs: number | undefined,
): Snapshot {
  const types = [...resources].map(([type, named]) => {
    const held = Object.entries(named).map(([name, json]) => {
      const bytes = api.encodeResource(type.typeUrl, json as JsonObject);
      const ttl = ttlMs === undefined || type !== RTDS ? {} : { ttlMs };
      return [name, { version: contentHash(json), bytes, ...ttl }] as const;
    });
    return [type.typeUrl, typeSnapshot(new Map(held))] as const;
  });
  const clusters = Object.keys(resources.get(CDS)!);
  return { types: new Map(types), references: [], endpointsOf: new Map(clusters.map((name) => [name, name])) };
}
