import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { openEnvoyApi } from '../../proto/envoy-api.ts';
import { envoyForTests } from '../../test/support/envoy.ts';
import { checkSnapshot } from './check-snapshot.ts';
import {
  buildEnvoySnapshot,
  type EnvoyJson,
  type EnvoyResources,
  type EnvoySnapshotOptions,
} from './envoy-snapshot.ts';
import { CDS, ECDS, EDS, LDS, RDS, SDS } from './resource-types.ts';
import type { Snapshot } from './snapshot.ts';

const api = openEnvoyApi(envoyForTests(), join(ROOT_DIR, '.cache'));
const ADS = { ads: {}, resource_api_version: 'V3' };
const TYPE = 'type.googleapis.com/envoy';

function snapshotOf(resources: EnvoyResources, options: EnvoySnapshotOptions = {}): Snapshot {
  const built = buildEnvoySnapshot(api, resources, options);
  if ('problems' in built) throw new Error(built.problems.join('; '));
  return built.snapshot;
}
const problemsOf = (resources: EnvoyResources): readonly string[] => {
  const built = buildEnvoySnapshot(api, resources);
  return 'problems' in built ? built.problems : checkSnapshot(built.snapshot, []);
};

const filters = (...all: EnvoyJson[]): EnvoyJson => ({
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http_protocol_options: {} },
    http_filters: [
      ...all,
      { name: 'codec', typed_config: { '@type': `${TYPE}.extensions.filters.http.upstream_codec.v3.UpstreamCodec` } },
    ],
  },
});
const injector = (credential: EnvoyJson): EnvoyJson => ({
  name: 'credential',
  typed_config: {
    '@type': `${TYPE}.extensions.filters.http.credential_injector.v3.CredentialInjector`,
    credential: { name: 'c', typed_config: credential },
  },
});
const bearer = injector({
  '@type': `${TYPE}.extensions.http.injected_credentials.generic.v3.Generic`,
  credential: { name: 'secret/a', sds_config: ADS },
});
const oauth = injector({
  '@type': `${TYPE}.extensions.http.injected_credentials.oauth2.v3.OAuth2`,
  token_endpoint: { uri: 'http://t/', cluster: 'oauth.a', timeout: '1s' },
  client_credentials: { client_id: 'c', client_secret: { name: 'secret/a', sds_config: ADS } },
});
const cluster = (name: string, more: EnvoyJson = {}): EnvoyJson => ({ name, connect_timeout: '1s', ...more });
const secret: EnvoyJson = { name: 'secret/a', generic_secret: { secret: { inline_string: 'not-to-be-seen' } } };
const route = (name: string, to = 'a'): EnvoyJson => ({ name, match: { path: `/${name}` }, route: { cluster: to } });
const routes = (...all: EnvoyJson[]): EnvoyJson => ({
  name: 'r',
  virtual_hosts: [{ name: 'v', domains: ['*'], routes: all }],
});
const FILTER = 'filter_chains[0].filters[0].typed_config.http_filters[0]';
const OPTIONS = 'typed_extension_protocol_options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]';
const CREDENTIAL = `${OPTIONS}.http_filters[0].typed_config.credential.typed_config`;
const listener = (filter: EnvoyJson): EnvoyJson => ({
  name: 'l',
  filter_chains: [
    {
      filters: [
        {
          name: 'hcm',
          typed_config: {
            '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
            stat_prefix: 'l',
            http_filters: [filter],
          },
        },
      ],
    },
  ],
});

describe('what a resource points to must be there', () => {
  const withBearer = cluster('a', { typed_extension_protocol_options: filters(bearer) });
  const withOauth = cluster('a', { typed_extension_protocol_options: filters(oauth) });
  const withCertificate = cluster('a', {
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
        common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'secret/a', sds_config: ADS }] },
      },
    },
  });
  const byEcds = { name: 'e', config_discovery: { config_source: ADS, type_urls: ['x'] } };
  const gone = (from: string, what: string): string[] => [`${from}: there is no ${what}`];

  test.each<[string, EnvoyResources, readonly string[]]>([
    [
      'a secret that a credential needs',
      { [CDS.typeUrl]: { a: withBearer } },
      gone(`CDS "a" ${CREDENTIAL}.credential.name`, 'secret "secret/a"'),
    ],
    [
      'a secret that is shown as a certificate',
      { [CDS.typeUrl]: { a: withCertificate } },
      gone(
        'CDS "a" transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name',
        'secret "secret/a"',
      ),
    ],
    [
      'the cluster where a token is fetched',
      { [CDS.typeUrl]: { a: withOauth }, [SDS.typeUrl]: { 'secret/a': secret } },
      gone(`CDS "a" ${CREDENTIAL}.token_endpoint.cluster`, 'cluster "oauth.a"'),
    ],
    [
      'the configuration of a filter',
      { [LDS.typeUrl]: { l: listener(byEcds) } },
      gone(`LDS "l" ${FILTER}.config_discovery`, 'extension "e"'),
    ],
    [
      'the cluster of a route',
      { [RDS.typeUrl]: { r: routes(route('one'), route('two')) } },
      [0, 1].flatMap((at) => gone(`RDS "r" virtual_hosts[0].routes[${at}].route.cluster`, 'cluster "a"')),
    ],
    [
      'and where it is, all is well',
      {
        [CDS.typeUrl]: { a: withOauth, 'oauth.a': cluster('oauth.a') },
        [SDS.typeUrl]: { 'secret/a': secret },
        [LDS.typeUrl]: { l: listener(byEcds) },
        [ECDS.typeUrl]: { e: { name: 'e' } },
        [RDS.typeUrl]: { r: routes(route('one')) },
      },
      [],
    ],
  ])('%s', (_, resources, problems) => {
    expect(problemsOf(resources)).toEqual(problems);
  });
});

describe('a resource that Envoy does not know', () => {
  test.each<[string, EnvoyResources, string]>([
    [
      'by a field',
      { [CDS.typeUrl]: { a: cluster('a', { colour: 'red' }) } },
      'CDS "a" colour: envoy.config.cluster.v3.Cluster has no field "colour"',
    ],
    [
      'by a field in a part',
      { [RDS.typeUrl]: { r: routes(route('one'), { ...route('two'), colour: 'red' }) } },
      'RDS "r" virtual_hosts[0].routes[1].colour: envoy.config.route.v3.Route has no field "colour"',
    ],
    [
      'by a part that is none',
      { [RDS.typeUrl]: { r: routes('x' as unknown as EnvoyJson) } },
      'RDS "r" virtual_hosts[0].routes[0]: wanted an object (envoy.config.route.v3.Route)',
    ],
    ['by its name', { [CDS.typeUrl]: { a: cluster('b') } }, 'CDS "a" name: wanted the resource\'s name, found "b"'],
    ['by its type', { 'type.googleapis.com/x': {} }, 'the type "type.googleapis.com/x" is not served'],
    [
      'is not quoted when it is a secret',
      { [SDS.typeUrl]: { 'secret/a': { ...secret, colour: 'not-to-be-seen' } } },
      'SDS "secret/a" is no secret that Envoy can read',
    ],
  ])('%s', (_, resources, problem) => {
    expect(problemsOf(resources)).toEqual([problem]);
  });
});

describe('large resources are put together of parts', () => {
  test.each<[string, string, EnvoyJson]>([
    [
      'routes',
      RDS.typeUrl,
      routes(route('one'), route('two'), { match: { prefix: '/' }, direct_response: { status: 404 } }),
    ],
    [
      'a cluster',
      CDS.typeUrl,
      cluster('a', { lb_policy: 'RANDOM', typed_extension_protocol_options: filters(bearer) }),
    ],
  ])('%s: Envoy reads the same as from one that was encoded whole', (_, typeUrl, json) => {
    const name = String(json.name);
    const bytes = snapshotOf({ [typeUrl]: { [name]: json } })
      .types.get(typeUrl)!
      .resources.get(name)!.bytes;
    const whole = api.encodeResource(typeUrl, json as Parameters<typeof api.encodeResource>[1]);
    expect(api.decode(typeUrl, bytes)).toEqual(api.decode(typeUrl, whole));
  });
});

describe('the next snapshot', () => {
  const first: EnvoyResources = {
    [CDS.typeUrl]: new Map([
      ['a', cluster('a', { type: 'EDS', eds_cluster_config: { eds_config: ADS } })],
      ['b', cluster('b')],
    ]),
    [EDS.typeUrl]: new Map([['a', { cluster_name: 'a' }]]),
    [SDS.typeUrl]: new Map([['secret/a', secret]]),
  };
  const previous = snapshotOf(first);

  test('of the same resources is the same one', () => {
    expect(snapshotOf(first, { previous })).toBe(previous);
  });

  test('of equal resources has the same versions, and sends nothing', () => {
    const copy = Object.fromEntries(
      Object.entries(first).map(([type, all]) => [type, structuredClone(all as ReadonlyMap<string, EnvoyJson>)]),
    );
    expect(snapshotOf(copy, { previous })).toBe(previous);
  });

  test('with one changed resource has the others as they were', () => {
    const clusters = new Map(first[CDS.typeUrl] as ReadonlyMap<string, EnvoyJson>).set(
      'b',
      cluster('b', { lb_policy: 'RANDOM' }),
    );
    const next = snapshotOf({ ...first, [CDS.typeUrl]: clusters }, { previous });
    const type = (snapshot: Snapshot) => snapshot.types.get(CDS.typeUrl)!;
    expect(type(next).resources.get('a')).toBe(type(previous).resources.get('a'));
    expect(type(next).resources.get('b')).not.toEqual(type(previous).resources.get('b'));
    expect(next.types.get(EDS.typeUrl)).toBe(previous.types.get(EDS.typeUrl));
    expect(type(next).version).toBe(type(snapshotOf({ ...first, [CDS.typeUrl]: clusters })).version);
    expect(next.endpointsOf).toEqual(new Map([['a', 'a']]));
  });

  test('in which a part is gone that another points to is found out, whatever was checked before', () => {
    const clusters = new Map([['a', cluster('a', { typed_extension_protocol_options: filters(bearer) })]]);
    const good = snapshotOf({ [CDS.typeUrl]: clusters, [SDS.typeUrl]: first[SDS.typeUrl]! });
    expect(checkSnapshot(good, [])).toEqual([]);
    const without = snapshotOf({ [CDS.typeUrl]: clusters, [SDS.typeUrl]: new Map() }, { previous: good });
    expect(checkSnapshot(without, [], good)).toHaveLength(1);
    const pointing = new Map([['a', cluster('a', { typed_extension_protocol_options: filters(oauth) })]]);
    const other = snapshotOf({ [CDS.typeUrl]: pointing, [SDS.typeUrl]: first[SDS.typeUrl]! }, { previous: good });
    expect(checkSnapshot(other, [], good)).toEqual([expect.stringContaining('there is no cluster "oauth.a"')]);
  });
});

test('the version of a secret is the one that is given: a hash would let people guess it', () => {
  const versions = ['one', 'two'].map((version) => {
    const secretVersions = new Map([['secret/a', version]]);
    return snapshotOf({ [SDS.typeUrl]: { 'secret/a': secret } }, { secretVersions })
      .types.get(SDS.typeUrl)
      ?.resources.get('secret/a')?.version;
  });
  expect(versions).toEqual(['one', 'two']);
});
