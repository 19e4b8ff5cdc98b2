import { describe, expect, test } from 'vitest';
import { scenarios } from './scenario.ts';

// Names are sentences of "xDS REST and gRPC protocol" (docs/root/api-docs/xds_protocol.rst of Envoy), shortened.
const start = scenarios('delta');
const ONE = { CDS: { a: '1', b: '1' }, EDS: { a: '1', b: '1' }, LDS: { l: '1' }, RDS: { r: '1' } };

describe('how the client specifies what resources to return', () => {
  test('the management server must supply the requested resources if they exist', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    expect(await wire.take()).toMatchObject({ label: 'EDS', resources: ['a@1'], removed: [] });
    await wire.silence();
  });

  test('there is a wildcard subscription, which is triggered when subscribing to the special name "*"', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('CDS', ['*']);
    expect((await wire.take()).resources).toEqual(['a@1', 'b@1']);
  });

  test('a client that has never explicitly subscribed is treated as having subscribed to "*"', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('LDS');
    expect((await wire.take()).resources).toEqual(['l@1']);
    wire.ask('CDS');
    expect((await wire.take()).resources).toEqual(['a@1', 'b@1']);
  });

  test('the legacy wildcard is for listeners and clusters: elsewhere an empty request asks for nothing', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS');
    wire.ask('RDS');
    await wire.silence();
  });

  test('set to "A": continuing the existing subscription to "*" and adding a new subscription to "A"', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    wire.ask('CDS', ['a']);
    expect((await wire.take()).resources).toEqual(['a@1']);
    world.set({ ...ONE, CDS: { a: '1', b: '2' } });
    expect((await wire.take()).resources).toEqual(['b@2']);
  });

  test('unsubscribe "*": unsubscribing to "*" and continuing the existing subscription to "A"', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS', ['*', 'a']);
    await wire.take();
    wire.unsubscribe('CDS', ['*']);
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
    await wire.silence();
  });

  test('now empty, it is not interpreted as a wildcard subscription, because names were set before', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS', ['a']);
    await wire.take();
    wire.unsubscribe('CDS', ['a']);
    wire.ask('CDS');
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2', b: '2' } });
    await wire.silence();
  });

  test('the wildcard alone is unsubscribed from as a whole', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    wire.unsubscribe('CDS', ['*']);
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2' } });
    await wire.silence();
  });
});

describe('subscribing to resources', () => {
  test('the server must still provide resources that it believes the client has the most recent version of', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    await wire.take();
    wire.ask('EDS', ['a']);
    expect((await wire.take()).resources).toEqual(['a@1']);
  });

  test('spontaneous requests dynamically add elements to the tracked set', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    await wire.take();
    wire.ask('EDS', ['b']);
    expect((await wire.take()).resources).toEqual(['b@1']);
    await wire.silence();
  });

  test('spontaneous requests dynamically remove elements from the tracked set', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a', 'b']);
    await wire.take();
    wire.unsubscribe('EDS', ['b']);
    await wire.silence();
    world.set({ ...ONE, EDS: { a: '2', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
    await wire.silence();
  });

  test('one request may subscribe and unsubscribe', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    await wire.take();
    wire.ask('EDS', ['b'], { resource_names_unsubscribe: ['a'] });
    expect((await wire.take()).resources).toEqual(['b@1']);
    world.set({ ...ONE, EDS: { a: '2', b: '1' } });
    await wire.silence();
  });
});

describe('unsubscribing from resources', () => {
  test('the server can simply ignore phantom unsubscriptions', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    await wire.take();
    wire.unsubscribe('EDS', ['never']);
    await wire.silence();
  });

  test('a server does not need to send any response if a request does nothing except unsubscribe', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a', 'b']);
    await wire.take();
    wire.unsubscribe('EDS', ['b']);
    await wire.silence();
  });

  test('beside a wildcard the server must send the specific resource if it is included in the wildcard', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('CDS', ['*', 'a']);
    await wire.take();
    wire.unsubscribe('CDS', ['a']);
    expect(await wire.take()).toMatchObject({ resources: ['a@1'], removed: [] });
  });

  test('beside a wildcard the server must remove the specific resource if it is not included', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('CDS', ['*', 'gone']);
    await wire.take();
    wire.unsubscribe('CDS', ['gone']);
    expect(await wire.take()).toMatchObject({ resources: [], removed: ['gone'] });
  });
});

describe('knowing when a requested resource does not exist', () => {
  test('the response contains its name in removed_resources', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['never', 'a']);
    expect(await wire.take()).toMatchObject({ resources: ['a@1'], removed: ['never'] });
  });

  test('if it springs into existence later, the server must send an update', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['later']);
    await wire.take();
    world.set({ ...ONE, EDS: { ...ONE.EDS, later: '1' } });
    expect((await wire.take()).resources).toEqual(['later@1']);
  });

  test('a wildcard of nothing is answered with nothing, so that the client need not wait', async () => {
    const { open } = await start({});
    const wire = open();
    wire.ask('CDS');
    expect(await wire.take()).toMatchObject({ label: 'CDS', resources: [], removed: [] });
  });
});

describe('grouping and deleting resources', () => {
  test('if only one of many has changed, a response contains only the changed resource', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    world.set({ ...ONE, CDS: { a: '1', b: '2' } });
    expect((await wire.take()).resources).toEqual(['b@2']);
  });

  test('the server signals that a resource should be deleted via removed_resources', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    world.set({ ...ONE, CDS: { a: '1' } });
    expect(await wire.take()).toMatchObject({ resources: [], removed: ['b'] });
  });

  test('what was deleted and comes again is sent again', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['b']);
    await wire.take();
    world.set({ ...ONE, EDS: { a: '1' } });
    expect((await wire.take()).removed).toEqual(['b']);
    world.set(ONE);
    expect((await wire.take()).resources).toEqual(['b@1']);
  });
});

describe('ACK and NACK', () => {
  test('an ACK is not answered', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    await wire.silence();
    const [cds] = world.server.nodes()[0]!.types;
    expect(cds).toMatchObject({ label: 'CDS', acked: cds!.sent, nacked: null });
  });

  test('ACK or NACK is determined by the absence or presence of error_detail', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    wire.nack(await wire.next(), 'a: no such thing');
    await wire.silence();
    expect(world.server.nodes()[0]!.types[0]!.nacked).toMatchObject({ message: 'a: no such thing', resources: ['a'] });
    expect(world.lines.filter((line) => line.includes('refused CDS'))).toHaveLength(1);
  });

  test('after a NACK an update may succeed at a new version, and what was refused is not sent unchanged', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    wire.nack(await wire.next(), 'a: no');
    world.set({ ...ONE, CDS: { a: '1', b: '2' } });
    expect((await wire.take()).resources).toEqual(['b@2']);
    world.set({ ...ONE, CDS: { a: '3', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@3']);
    await wire.silence();
    expect(world.server.nodes()[0]!.types[0]!.nacked).toBeNull();
  });

  test('the nonce should not be used to reject stale requests: changes to the subscription are honoured', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    await wire.take();
    wire.ask('EDS', ['b'], { response_nonce: 'stale' });
    expect((await wire.take()).resources).toEqual(['b@1']);
  });

  test('an ACK or a NACK with a stale nonce says nothing of the response that is in flight', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    const response = await wire.next();
    wire.ask('CDS', undefined, { response_nonce: 'stale', error_detail: { code: 3, message: 'no' } });
    wire.ack(response);
    await wire.silence();
    const [cds] = world.server.nodes()[0]!.types;
    expect(cds).toMatchObject({ acked: cds!.sent, nacked: null });
  });

  test('while a response is not answered newer states coalesce: the next one is the newest', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    const first = await wire.next();
    for (const version of ['2', '3', '4']) world.set({ ...ONE, CDS: { a: version, b: '1' } });
    wire.ack(first);
    expect((await wire.take()).resources).toEqual(['a@4']);
    await wire.silence();
  });

  test('updates are sent only when resources have changed', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    world.set(ONE);
    world.set({ ...ONE, RDS: { r: '2' } });
    await wire.silence();
  });
});

describe('reconnecting', () => {
  test('initial_resource_versions avoids resending known resources; a further one is sent', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('CDS', ['*'], { initial_resource_versions: { a: '1' } });
    expect((await wire.take()).resources).toEqual(['b@1']);
  });

  test('nothing is sent again that is held, also when it is asked for by name', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a', 'b'], { initial_resource_versions: { a: '1', b: '1' } });
    await wire.silence();
  });

  test('what changed while the client was away is sent, what is gone is removed', async () => {
    const { open } = await start({ ...ONE, EDS: { a: '2' } });
    const wire = open();
    wire.ask('EDS', ['a', 'b'], { initial_resource_versions: { a: '1', b: '1' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
    expect((await wire.take()).removed).toEqual(['b']);
  });

  test('the reconnecting client must provide all resource names: what it holds and does not name is left alone', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a'], { initial_resource_versions: { a: '1', gone: '1' } });
    await wire.silence();
  });

  test('what was refused on an earlier stream is not sent unchanged on the next', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    world.set({ ...ONE, CDS: { a: 'bad', b: '1' } });
    wire.nack(await wire.next(), 'a: no');
    await wire.silence();
    wire.close();
    const again = open();
    again.ask('CDS', ['*'], { initial_resource_versions: { a: '1', b: '1' } });
    expect((await again.take()).resources).toEqual([]);
    await again.silence();
  });
});

describe('ordering on an aggregated stream', () => {
  const MORE = {
    CDS: { ...ONE.CDS, c: '1' },
    EDS: { ...ONE.EDS, c: '1' },
    LDS: { l: '2' },
    RDS: { r: '2' },
  };

  test('CDS updates must be pushed first, EDS after CDS, LDS after them, RDS last', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    for (const [label, names] of [
      ['CDS', undefined],
      ['RDS', ['r']],
      ['LDS', undefined],
      ['EDS', ['a', 'b', 'c']],
    ] as const) {
      wire.ask(label, names);
      await wire.take();
    }
    world.set(MORE);
    const labels: string[] = [];
    for (let index = 0; index < 4; index += 1) labels.push((await wire.take()).label);
    expect(labels).toEqual(['CDS', 'EDS', 'LDS', 'RDS']);
  });

  test('stale CDS clusters and related EDS endpoints can then be removed', async () => {
    const { open, world } = await start(MORE);
    const wire = open();
    for (const [label, names] of [
      ['CDS', undefined],
      ['EDS', ['a', 'b', 'c']],
      ['RDS', ['r']],
    ] as const) {
      wire.ask(label, names);
      await wire.take();
    }
    world.set({ ...ONE, RDS: { r: '3' } });
    expect(await wire.take()).toMatchObject({ label: 'RDS', resources: ['r@3'] });
    expect(await wire.take()).toMatchObject({ label: 'EDS', removed: ['c'] });
    expect(await wire.take()).toMatchObject({ label: 'CDS', removed: ['c'] });
  });

  test('warming of a cluster is completed only when a new ClusterLoadAssignment is supplied', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    await wire.take();
    wire.ask('EDS', ['a', 'b']);
    await wire.take();
    world.set({ ...ONE, CDS: { a: '2', b: '1' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
    expect(await wire.take()).toMatchObject({ label: 'EDS', resources: ['a@1'] });
  });
});
