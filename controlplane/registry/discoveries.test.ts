import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import type { DiscoveryOutcome } from './discoveries.ts';
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

  test('that comes at the same time is one write, whatever is in it', async () => {
    const registry = await place.open();
    await put(registry, server('a'), server('b'), server('c'));
    const save = (name: string, outcome: DiscoveryOutcome) => registry.saveDiscovery(name, '1.0.0', outcome);
    const good = (hash: string): DiscoveryOutcome => ({ ok: true, discovered: discovered(hash) });
    const saved = await Promise.all([
      save('c', good('h1')),
      save('b', { ok: false, error: 'down' }),
      save('unknown', good('h1')),
      save('a', good('h1')),
      save('a', good('h2')),
      save('a', good('h2')),
    ]);
    expect(saved.map(({ changed }) => changed)).toEqual([true, false, false, true, true, false]);
    expect(new Set(saved.map(({ revision }) => revision))).toEqual(new Set([2]));
    const { discoveries } = registry.snapshot();
    expect([...discoveries.keys()]).toEqual(['a 1.0.0', 'b 1.0.0', 'c 1.0.0']);
    expect(discoveries.get('a 1.0.0')).toMatchObject({ discovered: { hash: 'h2' }, error: null });
    expect(discoveries.get('b 1.0.0')).toMatchObject({ discovered: null, error: 'down' });
    expect((await place.open()).snapshot().discoveries).toEqual(discoveries);
  });

  test('that tells nothing new leaves the revision as it is', async () => {
    const registry = await place.open();
    await put(registry, server('a'), server('b'));
    const saved = await Promise.all(
      ['a', 'b'].map((name) => registry.saveDiscovery(name, '1.0.0', { ok: false, error: 'down' })),
    );
    expect(saved).toEqual(Array(2).fill({ changed: false, revision: 1 }));
    expect(registry.snapshot().discoveries.size).toBe(2);
  });

  test('that comes in thousands is a few writes, none of them long', async () => {
    const registry = await place.open();
    const names = Array.from({ length: 3 * LIMITS.registryGatheredMax }, (_, index) => `s${index}`);
    await put(registry, ...names.map((name) => server(name)));
    const saved = await Promise.all(
      names.map((name) => registry.saveDiscovery(name, '1.0.0', { ok: true, discovered: discovered('h1') })),
    );
    expect(saved.every(({ changed }) => changed)).toBe(true);
    expect(new Set(saved.map(({ revision }) => revision))).toEqual(new Set([2, 3, 4]));
    expect(registry.snapshot().discoveries.size).toBe(names.length);
  });

  test('is saved before the registry closes, and is refused afterwards', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    const saved = registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    await registry.close();
    expect(await saved).toEqual({ changed: true, revision: 2 });
    await expect(registry.saveDiscovery('a', '1.0.0', { ok: false, error: 'x' })).rejects.toThrow('destroyed');
    expect((await place.open()).snapshot().discoveries.size).toBe(1);
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
