import { describe, expect, test } from 'vitest';
import { discovered, put, server, TEST, version } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';

const place = usePlace();
describe('what was read from servers', () => {
  test('counts as a change only when its hash is another', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') })).toEqual({
      changed: true,
      revision: 2,
    });
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') })).toEqual({
      changed: false,
      revision: 2,
    });
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h2') })).toEqual({
      changed: true,
      revision: 3,
    });
  });

  test('stays when a later attempt fails, beside the error, which a good one clears', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    place.nowMs = 2_000;
    expect(await registry.saveDiscovery('a', '1.0.0', { ok: false, error: 'down' })).toEqual({
      changed: false,
      revision: 2,
    });
    expect(registry.snapshot().discoveries.get('a 1.0.0')).toMatchObject({
      ...{ discovered: { hash: 'h1' }, readAtMs: 1_000, error: 'down', errorAtMs: 2_000 },
    });
    const known = registry.snapshot().discoveries.get('a 1.0.0')?.discovered;
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    const read = registry.snapshot().discoveries.get('a 1.0.0');
    expect(read).toMatchObject({ readAtMs: 2_000, error: null, errorAtMs: null });
    expect(read?.discovered).toBe(known);
    expect((await place.open()).snapshot().discoveries.get('a 1.0.0')).toEqual(read);
  });

  test('is one array again where every client sees the same', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    const tools = registry.snapshot().discoveries.get('a 1.0.0')?.discovered?.tools;
    expect(tools?.bare).toBe(tools?.full);
  });

  test('is there for each version by itself', async () => {
    const registry = await place.open();
    await put(registry, server('a', version('1'), version('2', { state: 'staging' })));
    await registry.saveDiscovery('a', '1', { ok: true, discovered: discovered('h1') });
    await registry.saveDiscovery('a', '2', { ok: true, discovered: discovered('h2') });
    const hashes = [...registry.snapshot().discoveries].map(([key, { discovered }]) => [key, discovered?.hash]);
    expect(hashes).toEqual([
      ['a 1', 'h1'],
      ['a 2', 'h2'],
    ]);
  });

  test.each([
    ['the server was deleted', { documents: [], deletes: [{ kind: 'Server' as const, name: 'a' }] }],
    ['the version left its document', { documents: [server('a', version('2'))] }],
  ])('is forgotten, and not taken again, when %s', async (_, change) => {
    const registry = await place.open();
    await put(registry, server('a', version('1', { state: 'staging' })));
    await registry.saveDiscovery('a', '1', { ok: true, discovered: discovered('h1') });
    await registry.apply({ ...change, ...TEST });
    expect(registry.snapshot().discoveries.size).toBe(0);
    const late = await registry.saveDiscovery('a', '1', { ok: true, discovered: discovered('h1') });
    expect(late).toMatchObject({ changed: false, revision: registry.snapshot().revision });
    expect(registry.snapshot().discoveries.size).toBe(0);
    expect((await place.open()).snapshot().discoveries.size).toBe(0);
  });

  test('stays when its version is decommissioned, and is not taken any more', async () => {
    const registry = await place.open();
    await put(registry, server('a', version('1', { state: 'staging' })));
    await registry.saveDiscovery('a', '1', { ok: true, discovered: discovered('h1') });
    await put(registry, server('a', version('1', { state: 'decommissioned' })));
    const late = await registry.saveDiscovery('a', '1', { ok: true, discovered: discovered('h2') });
    expect(late).toMatchObject({ changed: false });
    expect(registry.snapshot().discoveries.get('a 1')).toMatchObject({ discovered: { hash: 'h1' } });
  });

  test.each(['requested', 'in-review'])('is not taken from a version that is %s', async (state) => {
    const registry = await place.open();
    await put(registry, server('a', version('1', { state })));
    expect(await registry.saveDiscovery('a', '1', { ok: true, discovered: discovered('h1') })).toMatchObject({
      changed: false,
    });
    expect(registry.snapshot().discoveries.size).toBe(0);
  });

  test('stays when the server gets another address', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    await put(registry, server('a', version('1.0.0', { endpoints: [{ url: 'http://127.0.0.1:3002/mcp' }] })));
    expect(registry.snapshot().discoveries.get('a 1.0.0')).toMatchObject({ discovered: { hash: 'h1' } });
  });
});

describe('tombstones', () => {
  test('are kept until their token would have expired, beside the revision', async () => {
    const registry = await place.open();
    const early = { tokenId: 'early', expiresAtMs: 2_000 };
    const late = { tokenId: 'late', expiresAtMs: 3_000 };
    const over = { tokenId: 'over', expiresAtMs: 1_000 };
    expect(await registry.saveTombstones([late, early, over])).toEqual([late, early]);
    expect(await registry.saveTombstones([early])).toEqual([]);
    expect(registry.snapshot()).toMatchObject({ revision: 0, tombstones: [early, late] });
    expect(await registry.expire()).toBe(false);
    place.nowMs = 2_000;
    expect(await registry.expire()).toBe(true);
    expect(registry.snapshot()).toMatchObject({ revision: 0, tombstones: [late] });
    expect(await registry.expire()).toBe(false);
    place.nowMs = 3_000;
    expect((await place.open()).snapshot().tombstones).toEqual([]);
  });

  test('keep the later of two ends', async () => {
    const registry = await place.open();
    const [early, late] = [2_000, 3_000].map((expiresAtMs) => ({ tokenId: 't', expiresAtMs }));
    expect(await registry.saveTombstones([early!, late!, early!])).toEqual([late]);
    expect(registry.snapshot().tombstones).toEqual([late]);
  });
});
