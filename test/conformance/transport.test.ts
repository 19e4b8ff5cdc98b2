import { describe, expect, test } from 'vitest';
import { TTL_FEATURE, WRAPPED_FEATURE } from '../../controlplane/xds/stream.ts';
import { XDS_METHODS } from '../../core/grpc/xds-methods.ts';
import { LIMITS } from '../../core/limits.ts';
import { until } from '../support/until.ts';
import { NODE, type Variant } from './client.ts';
import { scenarios } from './scenario.ts';
import { TYPES } from './world.ts';

// Names are sentences of "xDS REST and gRPC protocol" (docs/root/api-docs/xds_protocol.rst of Envoy), shortened.
const ONE = { CDS: { a: '1' }, EDS: { a: '1' }, LDS: { a: '1' }, RDS: { a: '1' }, SDS: { a: '1' }, ECDS: { a: '1' } };

const SEPARATE = [
  ['LDS', 'listener.v3.ListenerDiscoveryService', 'StreamListeners', 'DeltaListeners'],
  ['RDS', 'route.v3.RouteDiscoveryService', 'StreamRoutes', 'DeltaRoutes'],
  ['CDS', 'cluster.v3.ClusterDiscoveryService', 'StreamClusters', 'DeltaClusters'],
  ['EDS', 'endpoint.v3.EndpointDiscoveryService', 'StreamEndpoints', 'DeltaEndpoints'],
  ['SDS', 'secret.v3.SecretDiscoveryService', 'StreamSecrets', 'DeltaSecrets'],
  ['ECDS', 'extension.v3.ExtensionConfigDiscoveryService', 'StreamExtensionConfigs', 'DeltaExtensionConfigs'],
  ['RTDS', 'runtime.v3.RuntimeDiscoveryService', 'StreamRuntime', 'DeltaRuntime'],
] as const;

describe.each(['delta', 'sotw'] as const)('%s', (variant: Variant) => {
  const start = scenarios(variant);
  const index = variant === 'sotw' ? 2 : 3;

  test.each(SEPARATE)('there is a separate RPC service for each resource type: %s of %s', async (...row) => {
    const [label, service] = row;
    const method = `envoy.service.${service}/${row[index]}`;
    const { open, world } = await start({ ...ONE, RTDS: { a: '1' } });
    const wire = open({ method });
    wire.ask(label, ['a']);
    expect((await wire.take()).resources).toHaveLength(1);
    expect(world.server.nodes()).toMatchObject([{ variant, types: [{ label }] }]);
  });

  test('every method that is named is one of the Envoy whose descriptors we read', async () => {
    const { world } = await start(ONE);
    for (const { path, variant: of } of XDS_METHODS) {
      const [, service = '', name = ''] = path.split('/');
      const method = world.api.registry.getService(service)?.methods.find((found) => found.name === name);
      expect(method?.methodKind, path).toBe('bidi_streaming');
      expect(method?.input.typeName).toContain(of === 'delta' ? '.DeltaDiscoveryRequest' : '.DiscoveryRequest');
    }
  });

  test('type_url is implicit in requests made via singleton xDS APIs', async () => {
    const { open } = await start(ONE);
    const wire = open({
      method: `envoy.service.cluster.v3.ClusterDiscoveryService/${variant === 'sotw' ? 'Stream' : 'Delta'}Clusters`,
    });
    wire.ask('CDS', undefined, { type_url: '' });
    expect((await wire.take()).resources).toEqual(['a@1']);
  });

  test('a separate stream is for its one type', async () => {
    const { open } = await start(ONE);
    const wire = open({
      method: `envoy.service.cluster.v3.ClusterDiscoveryService/${variant === 'sotw' ? 'Stream' : 'Delta'}Clusters`,
    });
    wire.ask('LDS');
    expect(await wire.ended).toMatchObject({ code: 'INVALID_ARGUMENT', details: expect.stringContaining('Listener') });
  });

  test.each([
    ['a type that nobody knows', 'type.googleapis.com/envoy.Nothing'],
    ['no type on an aggregated stream', ''],
    ['a type of our own services, to an Envoy', 'type.googleapis.com/chancery.v1.Server'],
  ])('%s ends the stream with the reason', async (_name, typeUrl) => {
    const { open } = await start(ONE);
    const wire = open();
    wire.send({ type_url: typeUrl });
    const { code, details } = await wire.ended;
    expect([code, details]).toEqual(['INVALID_ARGUMENT', expect.stringContaining(JSON.stringify(typeUrl))]);
  });

  test('only the first request on a stream is guaranteed to carry the node identifier', async () => {
    const { world, holding } = await start(ONE);
    await holding(['CDS'], ['LDS']);
    expect(world.server.nodes()).toMatchObject([{ id: NODE.id, types: [{ label: 'CDS' }, { label: 'LDS' }] }]);
  });

  test('it is sufficient to only check the first message for the node identifier', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    wire.ask('LDS', undefined, { node: { id: 'another', cluster: 'bridge' } });
    await wire.take();
    expect(world.server.nodes().map(({ id }) => id)).toEqual([NODE.id]);
  });

  test.each([
    ['a stream whose first request has no node', {}, 'INVALID_ARGUMENT', 'node.id'],
    ['a node without an id', { cluster: 'envoy' }, 'INVALID_ARGUMENT', 'node.id'],
  ])('%s is ended with the reason', async (_name, node, code, words) => {
    const { open } = await start(ONE);
    const wire = open({ node });
    wire.ask('CDS');
    expect(await wire.ended).toEqual({ code, details: expect.stringContaining(words) });
  });

  test('on an aggregated stream each type is a separate logical stream, with nonces and versions of its own', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    const clusters = await wire.next();
    wire.ask('LDS');
    const listeners = await wire.next();
    // Nothing waits for the answer of another type.
    wire.ack(listeners);
    wire.nack(clusters, 'a: no');
    await wire.silence();
    const [cds, lds] = world.server.nodes()[0]!.types;
    expect([cds!.acked, cds!.nacked?.resources, lds!.acked === lds!.sent, lds!.nacked]).toEqual([
      null,
      ['a'],
      true,
      null,
    ]);
  });

  test('the nonce is valid only in the context of an individual stream; it does not survive stream restarts', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    const { nonce } = await wire.next();
    wire.close();
    const again = open();
    again.ask('CDS');
    const response = await again.next();
    expect(response.nonce).not.toBe(nonce);
    again.send({ type_url: TYPES.CDS!.typeUrl, response_nonce: nonce, error_detail: { code: 3, message: 'no' } });
    again.ack(response);
    await again.silence();
    expect(world.server.nodes().find(({ connected }) => connected)!.types[0]).toMatchObject({ nacked: null });
  });

  test('several streams of one node are given the same, each for itself', async () => {
    const { open, world } = await start(ONE);
    const wires = [open(), open()];
    for (const wire of wires) {
      wire.ask('CDS');
      expect((await wire.take()).resources).toEqual(['a@1']);
    }
    world.set({ ...ONE, CDS: { a: '2' } });
    for (const wire of wires) expect((await wire.take()).resources).toEqual(['a@2']);
    expect(world.server.nodes()).toMatchObject([{ id: NODE.id, streams: 2 }]);
  });

  test('the management server may reply when the requested resources are available', async () => {
    const { open, world } = await start();
    const wire = open();
    wire.ask('CDS');
    await until(
      'the request',
      () => world.server.nodes().length,
      (count) => count === 1,
    );
    world.set(ONE);
    expect((await wire.take()).resources).toEqual(['a@1']);
  });

  test('a stream that its client ends is ended, and its node is gone', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    wire.close();
    await until(
      'the end',
      () => world.server.nodes()[0]?.connected,
      (connected) => connected === false,
    );
  });

  test('at the end of the server what is being written goes out, and streams end with UNAVAILABLE', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    await wire.silence();
    world.set({ ...ONE, CDS: { a: 'last' } });
    const closed = world.server.close();
    expect((await wire.next()).resources).toEqual(['a@last']);
    expect(await wire.ended).toEqual({ code: 'UNAVAILABLE', details: 'the control plane is closing' });
    await closed;
  });

  test('a resource that does not fit into one response comes with the next', async () => {
    const names = Array.from({ length: 3 }, (_, at) => `r${at}`);
    const version = 'v'.repeat(LIMITS.xdsResponseBytesMax * 0.6);
    const { open } = await start({ RDS: Object.fromEntries(names.map((name) => [name, version])) });
    const wire = open();
    wire.ask('RDS', names);
    expect((await wire.take()).resources.map((text) => text.slice(0, 2))).toEqual(['r0']);
    expect((await wire.take()).resources.map((text) => text.slice(0, 2))).toEqual(['r1']);
    expect((await wire.take()).resources.map((text) => text.slice(0, 2))).toEqual(['r2']);
    await wire.silence();
  });

  describe('TTL', () => {
    const ttlMs = 30_000;
    const ttls = (json: { readonly resources?: unknown }) =>
      (json.resources as readonly { readonly ttl?: string }[]).map(({ ttl }) => ttl);

    test('for clients that support the client feature a TTL field is specified on each Resource', async () => {
      const { open } = await start({ RDS: { a: '1' } }, { ttlMs });
      const wire = open({ node: { ...NODE, client_features: [TTL_FEATURE, WRAPPED_FEATURE] } });
      wire.ask('RDS', ['a']);
      const { resources, json } = await wire.take();
      expect([resources, ttls(json)]).toEqual([['a@1'], ['30s']]);
    });

    test.each([
      ['nothing', []],
      ['only that it unwraps', [WRAPPED_FEATURE]],
    ])('for those that say %s none is', async (_name, features) => {
      const { open } = await start({ RDS: { a: '1' } }, { ttlMs });
      const wire = open({ node: { ...NODE, client_features: features } });
      wire.ask('RDS', ['a']);
      const { resources, json } = await wire.take();
      expect([resources, ttls(json)]).toEqual([['a@1'], [undefined]]);
    });

    test('to remove the TTL, the management server resends the resource with the TTL field unset', async () => {
      const { open, world } = await start({ RDS: { a: '1' } }, { ttlMs });
      const wire = open({ node: { ...NODE, client_features: [TTL_FEATURE, WRAPPED_FEATURE] } });
      wire.ask('RDS', ['a']);
      await wire.take();
      world.set({ RDS: { a: '1' } });
      const { resources, json } = await wire.take();
      expect([resources, ttls(json)]).toEqual([['a@1'], [undefined]]);
    });
  });
});
