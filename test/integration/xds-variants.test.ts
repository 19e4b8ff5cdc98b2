import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CDS, LDS } from '../../controlplane/xds/resource-types.ts';
import { until } from '../support/until.ts';
import { startXdsEnvoy, type XdsEnvoy, type XdsVariant } from '../support/xds-envoy.ts';

const DEADLINE_MS = 20_000;

const VARIANTS: readonly (readonly [string, XdsVariant])[] = [
  ['delta ADS', { api: 'DELTA_GRPC', aggregated: true, transport: 'unix' }],
  ['state of the world over ADS', { api: 'GRPC', aggregated: true, transport: 'unix' }],
  ['delta on separate streams', { api: 'DELTA_GRPC', aggregated: false, transport: 'unix' }],
  ['state of the world on separate streams', { api: 'GRPC', aggregated: false, transport: 'unix' }],
  ['delta ADS on TCP with certificates', { api: 'DELTA_GRPC', aggregated: true, transport: 'mtls' }],
];

describe.each(VARIANTS)('Envoy with %s', (_name, variant) => {
  let envoy: XdsEnvoy;
  beforeAll(async () => {
    envoy = await startXdsEnvoy(variant, {});
  });
  afterAll(() => envoy?.close());

  test('is given everything, and says who it is', async () => {
    expect(await envoy.call()).toEqual({ status: 200, body: 'one first', header: 'first' });
    expect(envoy.node()).toMatchObject({
      id: 'envoy-1',
      client: 'envoy',
      group: 'envoy',
      transport: variant.transport,
      variant: variant.api === 'GRPC' ? 'sotw' : 'delta',
      userAgent: expect.stringMatching(/^envoy 1\.\d+\.\d+/),
    });
    expect(envoy.node().types.map(({ label, nacked }) => [label, nacked])).toEqual(
      expect.arrayContaining(['CDS', 'EDS', 'LDS', 'RDS', 'SDS', 'ECDS', 'RTDS'].map((label) => [label, null])),
    );
  });

  test.each([
    ['endpoints', { backend: 'two' }, async () => (await envoy.call()).body, 'two first'],
    ['a secret', { token: 'second' }, async () => (await envoy.call()).body, 'one second'],
    ['the configuration of a filter', { header: 'second' }, async () => (await envoy.call()).header, 'second'],
    [
      'runtime values',
      { runtime: 'second' },
      async () => JSON.parse(await envoy.admin('/runtime')).entries['chancery.test'].final_value,
      'second',
    ],
  ])('takes changed %s', async (_what, world, look, wanted) => {
    await envoy.settle(world);
    expect(await look()).toBe(wanted);
    await envoy.settle({});
  });

  test('does not wait for the endpoints of a changed cluster', async () => {
    await envoy.settle({ connectTimeout: '2s' });
    const dump = () => envoy.admin('/config_dump?resource=dynamic_active_clusters');
    // On separate streams a changed cluster opens another one for its endpoints.
    await until('the changed cluster', dump, (text) => text.includes('"connect_timeout": "2s"'), DEADLINE_MS);
    expect(JSON.parse(await envoy.admin('/config_dump?resource=dynamic_warming_clusters'))).toEqual({});
    await envoy.settle({});
  });

  test('is moved to another cluster without a failed call, and loses the one before', async () => {
    let running = true;
    const calls = (async (): Promise<ReadonlySet<number>> => {
      const found = new Set<number>();
      while (running) found.add((await envoy.call()).status);
      return found;
    })();
    await envoy.settle({ clusters: ['one', 'two'] });
    await envoy.settle({ clusters: ['one', 'two'], routeTo: 'two' });
    await envoy.settle({ clusters: ['two'], routeTo: 'two' });
    running = false;
    expect(await calls).toEqual(new Set([200]));
    const clusters = await envoy.admin('/clusters');
    expect([/^one::/m.test(clusters), /^two::/m.test(clusters)]).toEqual([false, true]);
    await envoy.settle({ clusters: ['one', 'two'], routeTo: 'two' });
    await envoy.settle({});
  });

  test('refuses a bad listener, is not sent it again, and goes on; a mended one is taken', async () => {
    const wanted = (name: string) => envoy.server.acked('envoy', [{ typeUrl: LDS.typeUrl, name }], DEADLINE_MS);
    envoy.set({ bad: true });
    expect(await wanted('bad')).toBe('nacked');
    expect(await wanted('good')).toBe('acked');
    const rejected = async (): Promise<string> =>
      (await envoy.admin('/stats?filter=^listener_manager.lds.update_rejected$')).trim();
    const before = await rejected();
    envoy.set({ bad: true, connectTimeout: '3s' });
    expect(await envoy.server.acked('envoy', [{ typeUrl: CDS.typeUrl }], DEADLINE_MS)).toBe('acked');
    expect(await rejected()).toBe(before);
    expect(envoy.node().types.find(({ label }) => label === 'LDS')!.nacked).toMatchObject({
      resources: ['bad'],
      message: expect.stringContaining('bad'),
    });
    expect(envoy.lines.filter((line) => line.includes('refused LDS \\"bad\\"'))).toHaveLength(1);
    expect((await envoy.call()).status).toBe(200);
    await envoy.settle({});
    expect(envoy.node().types.find(({ label }) => label === 'LDS')!.nacked).toBeNull();
  });

  test('serves on without the control plane, and is sent nothing that it holds when it is back', async () => {
    const counts = () =>
      envoy.admin(
        '/stats?filter=cluster_manager.cluster_added|cluster_modified|lds.listener_added|rds.routes.config_reload$',
      );
    const before = await counts();
    await envoy.stop();
    expect((await envoy.call()).status).toBe(200);
    await envoy.restart({});
    expect(await counts()).toBe(before);
    await envoy.settle({ token: 'third' });
    expect((await envoy.call()).body).toBe('one third');
  });
});
