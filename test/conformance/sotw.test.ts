import { describe, expect, test } from 'vitest';
import { scenarios } from './scenario.ts';

// Names are sentences of "xDS REST and gRPC protocol" (docs/root/api-docs/xds_protocol.rst of Envoy), shortened.
const start = scenarios('sotw');
const ONE = { CDS: { a: '1', b: '1' }, EDS: { a: '1', b: '1' }, LDS: { l: '1' }, RDS: { r: '1' } };

describe('how the client specifies what resources to return', () => {
  test('resource_names unset: the server interprets this as a subscription to "*"', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    expect((await wire.take()).resources).toEqual(['a@1', 'b@1']);
    wire.ask('LDS', []);
    expect((await wire.take()).resources).toEqual(['l@1']);
  });

  test('set to "*" and "A": continuing the existing subscription to "*" and adding a new subscription to "A"', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    wire.ask('CDS', ['*', 'a']);
    expect((await wire.take()).resources).toEqual(['a@1', 'b@1']);
    world.set({ ...ONE, CDS: { a: '1', b: '2' } });
    expect((await wire.take()).resources.toSorted()).toEqual(['a@1', 'b@2']);
  });

  test('set to "A": unsubscribing to "*" and continuing the existing subscription to "A"', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS', ['*', 'a']]);
    wire.ask('CDS', ['a']);
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
  });

  test('resource_names unset after it was set: the client has unsubscribed from all resources', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS', ['a']]);
    wire.ask('CDS', []);
    await wire.silence();
    world.set({ ...ONE, CDS: { a: '2', b: '2' } });
    await wire.silence();
  });

  test('the server must resend newly requested resources even if they have not changed since', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a', 'b']]);
    wire.ask('EDS', ['a']);
    await wire.silence();
    wire.ask('EDS', ['a', 'b']);
    expect((await wire.take()).resources).toEqual(['b@1']);
  });

  test('the request contains the full list: a name that is not in it is unsubscribed from', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['EDS', ['a', 'b']]);
    wire.ask('EDS', ['a']);
    await wire.silence();
    world.set({ ...ONE, EDS: { a: '2', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
    await wire.silence();
  });
});

describe('grouping and deleting resources', () => {
  test.each(['CDS', 'LDS'])('%s must include the complete state of the world', async (label) => {
    const { world, holding } = await start({ [label]: { a: '1', b: '1', c: '1' } });
    const wire = await holding([label]);
    world.set({ [label]: { a: '1', b: '2', c: '1' } });
    expect((await wire.take()).resources).toEqual(['a@1', 'b@2', 'c@1']);
  });

  test.each(['EDS', 'RDS', 'RTDS'])(
    '%s is grouped as in the incremental variants: only what changed',
    async (label) => {
      const { open, world } = await start({ [label]: { a: '1', b: '1' } });
      const wire = open();
      wire.ask(label, ['a', 'b']);
      await wire.take();
      world.set({ [label]: { a: '1', b: '2' } });
      expect((await wire.take()).resources).toEqual(['b@2']);
    },
  );

  test.each(['CDS', 'LDS'])('%s: what is not present in a new response has been removed', async (label) => {
    const { world, holding } = await start({ [label]: { a: '1', b: '1' } });
    const wire = await holding([label]);
    world.set({ [label]: { a: '1' } });
    expect((await wire.take()).resources).toEqual(['a@1']);
  });

  test('a response containing no resources means to delete all resources of that type', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['LDS']);
    world.set({ ...ONE, LDS: {} });
    expect(await wire.take()).toMatchObject({ label: 'LDS', resources: [] });
  });

  test('of other types the API has no mechanism to tell that resources have been deleted: nothing is sent', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['EDS', ['a', 'b']]);
    world.set({ ...ONE, EDS: { a: '1' } });
    await wire.silence();
    world.set({ ...ONE, EDS: { a: '1', b: '1' } });
    expect((await wire.take()).resources).toEqual(['b@1']);
  });

  test('responses of clusters must include all resources requested by name, and no others', async () => {
    const { open } = await start({ CDS: { a: '1', b: '1', c: '1' } });
    const wire = open();
    wire.ask('CDS', ['a']);
    expect((await wire.take()).resources).toEqual(['a@1']);
    wire.ask('CDS', ['a', 'c']);
    expect((await wire.take()).resources).toEqual(['a@1', 'c@1']);
  });
});

describe('knowing when a requested resource does not exist', () => {
  test('a cluster that does not exist is absent in a response that answers the request', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['CDS', ['a']]);
    wire.ask('CDS', ['a', 'never']);
    expect((await wire.take()).resources).toEqual(['a@1']);
  });

  test('of other types there is no way to know, and nothing is sent', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['never']);
    await wire.silence();
  });

  test('if it springs into existence later, the server must send an update', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['later']);
    await wire.silence();
    world.set({ ...ONE, EDS: { later: '1' } });
    expect((await wire.take()).resources).toEqual(['later@1']);
  });
});

describe('ACK and NACK', () => {
  test('whenever one resource of a type changes, its version is changed, and no other type is', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    const first = await wire.take();
    wire.ask('LDS');
    const listeners = await wire.take();
    world.set({ ...ONE, CDS: { a: '2', b: '1' } });
    const second = await wire.take();
    expect(second.version).not.toBe(first.version);
    expect(listeners.version).not.toBe(first.version);
    await wire.silence();
    world.set(ONE);
    expect((await wire.take()).version).toBe(first.version);
  });

  test('an ACK may have another version: only error_detail says that it is none', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    wire.ack(await wire.next(), { version_info: 'older' });
    await wire.silence();
    expect(world.status('CDS')?.nacked).toBeNull();
  });

  test('after a NACK the last good one stays: what was refused is sent as it was accepted, not as it was refused', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS']);
    world.set({ ...ONE, CDS: { a: 'bad', b: '1' } });
    wire.nack(await wire.next(), 'a: no');
    world.set({ ...ONE, CDS: { a: 'bad', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@1', 'b@2']);
    world.set({ ...ONE, CDS: { a: 'mended', b: '2' } });
    expect((await wire.take()).resources).toEqual(['a@mended', 'b@2']);
    await wire.silence();
    expect(world.status('CDS')?.nacked).toBeNull();
  });

  test('a new resource that was refused is left out, and comes when it is mended', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['LDS']);
    world.set({ ...ONE, LDS: { l: '1', bad: '1' } });
    wire.nack(await wire.next(), 'Error adding/updating listener(s) bad: no');
    world.set({ ...ONE, LDS: { l: '2', bad: '1' } });
    expect((await wire.take()).resources).toEqual(['l@2']);
    world.set({ ...ONE, LDS: { l: '2', bad: '2' } });
    expect((await wire.take()).resources.toSorted()).toEqual(['bad@2', 'l@2']);
  });
});

describe('resource updates', () => {
  test('the management server should not send a response for any request that has a stale nonce', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
    wire.ask('EDS', ['a', 'b'], { response_nonce: 'stale' });
    await wire.silence();
  });

  test('a stale request is no NACK, and no change of the subscription', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
    wire.ask('EDS', [], { response_nonce: 'stale', error_detail: { code: 3, message: 'no' } });
    await wire.silence();
    expect(world.status('EDS')?.nacked).toBeNull();
    world.set({ ...ONE, EDS: { a: '2' } });
    expect((await wire.take()).resources).toEqual(['a@2']);
  });

  test('it may issue additional requests at a given version to update the management server with new hints', async () => {
    const { holding } = await start(ONE);
    const wire = await holding(['EDS', ['a']]);
    wire.ask('EDS', ['a', 'b']);
    expect((await wire.take()).resources).toEqual(['b@1']);
    await wire.silence();
  });

  test('new requests supersede any prior ones having the same resource type', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a', 'b']);
    const first = await wire.next();
    expect(first.resources).toEqual(['a@1', 'b@1']);
    // Before it answers it asks for less.
    wire.ask('EDS', ['b']);
    wire.ack(first);
    await wire.silence();
    world.set({ ...ONE, EDS: { a: '2', b: '2' } });
    expect((await wire.take()).resources).toEqual(['b@2']);
  });
});

describe('reconnecting', () => {
  test.each(['CDS', 'LDS'])(
    '%s: what the client had already seen on the previous stream is not resent',
    async (label) => {
      const { open, world } = await start(ONE);
      const wire = open();
      wire.ask(label);
      const { version } = await wire.take();
      wire.close();
      const again = open();
      again.ask(label, undefined, { version_info: version });
      await again.silence();
      world.set({ ...ONE, [label]: { a: '7' } });
      expect((await again.take()).resources).toContain('a@7');
    },
  );

  test('with another version everything is sent', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('CDS', undefined, { version_info: 'older' });
    expect((await wire.take()).resources).toEqual(['a@1', 'b@1']);
  });

  test('the server does not know that the client is not subscribing to a new resource: names are sent', async () => {
    const { open } = await start(ONE);
    const wire = open();
    wire.ask('EDS', ['a']);
    const { version } = await wire.take();
    wire.close();
    const again = open();
    again.ask('EDS', ['a', 'b'], { version_info: version });
    expect((await again.take()).resources).toEqual(['a@1', 'b@1']);
  });

  test('a state from which something was still to be removed is not taken for the whole', async () => {
    const { world, open, holding } = await start(ONE);
    const wire = await holding(['CDS'], ['RDS', ['r']]);
    world.set({ ...ONE, CDS: { b: '2' }, RDS: { r: '2' } });
    const between = await wire.next();
    expect(between.resources.toSorted()).toEqual(['a@1', 'b@2']);
    wire.close();
    const again = open();
    again.ask('CDS', undefined, { version_info: between.version });
    expect((await again.take()).resources).toEqual(['b@2']);
  });

  test('what was refused on an earlier stream is not sent unchanged on the next, and its last good state is not lost', async () => {
    const { open, world } = await start(ONE);
    const wire = open();
    wire.ask('CDS');
    const { version } = await wire.take();
    world.set({ ...ONE, CDS: { a: 'bad', b: '1' } });
    wire.nack(await wire.next(), 'a: no');
    await wire.silence();
    wire.close();
    const again = open();
    again.ask('CDS', undefined, { version_info: version });
    expect((await again.take()).resources).toEqual(['a@1', 'b@1']);
    await again.silence();
  });
});

describe('ordering on an aggregated stream', () => {
  test('a CDS/EDS update with both X and Y, then the RDS update, then a CDS update dropping X', async () => {
    const { world, holding } = await start(ONE);
    const wire = await holding(['CDS'], ['RDS', ['r']]);
    world.set({ CDS: { a: '1', c: '1' }, RDS: { r: '2' } });
    const both = await wire.take();
    expect([both.label, both.resources.toSorted()]).toEqual(['CDS', ['a@1', 'b@1', 'c@1']]);
    expect(await wire.take()).toMatchObject({ label: 'RDS', resources: ['r@2'] });
    const one = await wire.take();
    expect([one.label, one.resources.toSorted()]).toEqual(['CDS', ['a@1', 'c@1']]);
    await wire.silence();
  });
});
