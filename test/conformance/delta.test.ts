import { describe, expect, test } from 'vitest';
import { scenarios } from './scenario.ts';

// Names are sentences of "xDS REST and gRPC protocol" (docs/root/api-docs/xds_protocol.rst of Envoy), shortened.
const start = scenarios('delta');
const ONE = { CDS: { a: '1', b: '1' }, EDS: { a: '1', b: '1' }, LDS: { l: '1' }, RDS: { r: '1' } };

describe('how the client specifies what resources to return', () => {
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

  test('set to "A": continuing the existing subscription to "*" and adding a new subscription to "A"', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    wire.ask('CDS', ['a']);
    expect((await wire.take()).resources).toEqual(['a@1']);
    world.set({ ...ONE, CDS: { a: '1', b: '2' } });
    expect((await wire.take()).resources).toEqual(['b@2']);
  });

  test('unsubscribe "*": unsubscribing to "*" and continuing the existing subscription to "A"', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS', ['*', 'a']]);
    wire.unsubscribe('CDS', ['*']);
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
    await wire.silence();
  });

  test('now empty, it is not interpreted as a wildcard subscription, because names were set before', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS', ['a']]);
    wire.unsubscribe('CDS', ['a']);
    wire.ask('CDS');
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2', b: '2' } });
    await wire.silence();
  });

  test('the wildcard alone is unsubscribed from as a whole', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    wire.unsubscribe('CDS', ['*']);
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2' } });
    await wire.silence();
  });
});

describe('subscribing to resources', () => {
  test('the server must still provide resources that it believes the client has the most recent version of', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
    wire.ask('EDS', ['a']);
    expect((await wire.take()).resources).toEqual(['a@1']);
  });

  test('spontaneous requests dynamically add elements to the tracked set', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
    wire.ask('EDS', ['b']);
    expect((await wire.take()).resources).toEqual(['b@1']);
    await wire.silence();
  });

  test('spontaneous requests dynamically remove elements from the tracked set', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['EDS', ['a', 'b']]);
    wire.unsubscribe('EDS', ['b']);
    await wire.silence();
    world.set({ ...ONE, EDS: { a: '2', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
    await wire.silence();
  });

  test('one request may subscribe and unsubscribe', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
    wire.ask('EDS', ['b'], { resource_names_unsubscribe: ['a'] });
    expect((await wire.take()).resources).toEqual(['b@1']);
    world.set({ ...ONE, EDS: { a: '2', b: '1' } });
    await wire.silence();
  });
});

describe('unsubscribing from resources', () => {
  test('the server can simply ignore phantom unsubscriptions', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
    wire.unsubscribe('EDS', ['never']);
    await wire.silence();
  });

  test('a server does not need to send any response if a request does nothing except unsubscribe', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a', 'b']]);
    wire.unsubscribe('EDS', ['b']);
    await wire.silence();
  });

  test('beside a wildcard the server must send the specific resource if it is included in the wildcard', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['CDS', ['*', 'a']]);
    wire.unsubscribe('CDS', ['a']);
    expect(await wire.take()).toMatchObject({ resources: ['a@1'], removed: [] });
  });

  test('beside a wildcard the server must remove the specific resource if it is not included', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['CDS', ['*', 'gone']]);
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
    const { world, holding } = await start(ONE);
    const wire = await holding(['EDS', ['later']]);
    world.set({ ...ONE, EDS: { ...ONE.EDS, later: '1' } });
    expect((await wire.take()).resources).toEqual(['later@1']);
  });
});

describe('grouping and deleting resources', () => {
  test('if only one of many has changed, a response contains only the changed resource', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    world.set({ ...ONE, CDS: { a: '1', b: '2' } });
    expect((await wire.take()).resources).toEqual(['b@2']);
  });

  test('the server signals that a resource should be deleted via removed_resources', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    world.set({ ...ONE, CDS: { a: '1' } });
    expect(await wire.take()).toMatchObject({ resources: [], removed: ['b'] });
  });

  test('what was deleted and comes again is sent again', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['EDS', ['b']]);
    world.set({ ...ONE, EDS: { a: '1' } });
    expect((await wire.take()).removed).toEqual(['b']);
    world.set(ONE);
    expect((await wire.take()).resources).toEqual(['b@1']);
  });
});

describe('ACK and NACK', () => {
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
    expect(world.status('CDS')?.nacked).toBeNull();
  });

  test('the nonce should not be used to reject stale requests: changes to the subscription are honoured', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
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
    const cds = world.status('CDS');
    expect(cds).toMatchObject({ acked: cds!.sent, nacked: null });
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
    const { world, open, holding } = await start(ONE);
    const wire = await holding(['CDS']);
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

  test('stale CDS clusters and related EDS endpoints can then be removed', async () => {
    const { world, holding } = await start(MORE);
    const wire = await holding(['CDS'], ['EDS', ['a', 'b', 'c']], ['RDS', ['r']]);
    world.set({ ...ONE, RDS: { r: '3' } });
    expect(await wire.take()).toMatchObject({ label: 'RDS', resources: ['r@3'] });
    expect(await wire.take()).toMatchObject({ label: 'EDS', removed: ['c'] });
    expect(await wire.take()).toMatchObject({ label: 'CDS', removed: ['c'] });
  });
});
