import { describe, expect, test } from 'vitest';
import { scenarios } from './scenario.ts';

// Names are sentences of "xDS REST and gRPC protocol" (docs/root/api-docs/xds_protocol.rst of Envoy), shortened.
const ONE = { CDS: { a: '1', b: '1' }, EDS: { a: '1', b: '1' }, LDS: { l: '1' }, RDS: { r: '1' } };
const MORE = { CDS: { ...ONE.CDS, c: '1' }, EDS: { ...ONE.EDS, c: '1' }, LDS: { l: '2' }, RDS: { r: '2' } };

describe.each(['delta', 'sotw'] as const)('%s', (variant) => {
  const start = scenarios(variant);
  /** In the state of the world a response of clusters has all of them. */
  const clusters = (changed: string, same: string): readonly string[] =>
    variant === 'sotw' ? [changed, same] : [changed];

  test('the management server must supply the requested resources if they exist', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    expect(await wire.take()).toMatchObject({ label: 'EDS', resources: ['a@1'], removed: [] });
    await wire.silence();
  });

  test('the legacy wildcard is for listeners and clusters: elsewhere an empty request asks for nothing', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS');
    wire.ask('RDS', []);
    await wire.silence();
  });

  test('a wildcard of nothing is answered with nothing, so that the client need not wait', async () => {
    const { open } = await start({});
    const wire = open();
    wire.ask('CDS');
    expect(await wire.take()).toMatchObject({ label: 'CDS', resources: [], removed: [] });
  });

  test('an ACK is not answered', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    await wire.silence();
    const cds = world.server.nodes()[0]!.types[0];
    expect(cds).toMatchObject({ label: 'CDS', acked: cds!.sent, nacked: null });
  });

  test('ACK or NACK is determined by the absence or presence of error_detail', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    wire.nack(await wire.next(), 'a: no such thing');
    await wire.silence();
    expect(world.status('CDS')?.nacked).toMatchObject({ message: 'a: no such thing', resources: ['a'] });
    expect(world.lines.filter((line) => line.includes('refused CDS'))).toHaveLength(1);
  });

  test('while a response is not answered newer states coalesce: the next one is the newest', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    const first = await wire.next();
    for (const version of ['2', '3', '4']) world.set({ ...ONE, CDS: { a: version, b: '1' } });
    wire.ack(first);
    expect((await wire.take()).resources).toEqual(clusters('a@4', 'b@1'));
    await wire.silence();
  });

  test('updates are sent only when resources have changed', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    world.set(ONE);
    world.set({ ...ONE, RDS: { r: '2' } });
    await wire.silence();
  });

  test('CDS updates must be pushed first, EDS after CDS, LDS after them, RDS last', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS'], ['RDS', ['r']], ['LDS'], ['EDS', ['a', 'b', 'c']]);
    world.set(MORE);
    const labels: string[] = [];
    for (let index = 0; index < 4; index += 1) labels.push((await wire.take()).label);
    expect(labels).toEqual(['CDS', 'EDS', 'LDS', 'RDS']);
  });

  test('warming of a cluster is completed only when a new ClusterLoadAssignment is supplied', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS'], ['EDS', ['a', 'b']]);
    world.set({ ...ONE, CDS: { a: '2', b: '1' } });
    expect((await wire.take()).resources).toEqual(clusters('a@2', 'b@1'));
    expect(await wire.take()).toMatchObject({ label: 'EDS', resources: ['a@1'] });
  });
});
