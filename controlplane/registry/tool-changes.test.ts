import { describe, expect, test } from 'vitest';
import type { Discovered, Listed } from '../../core/catalog/catalog.ts';
import { parseExact } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import type { ToolChange } from '../pinning/types.ts';
import { discovered, put, server, TEST, version } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';
import { changeTag } from './tool-changes.ts';
import type { Registry } from './types.ts';

const place = usePlace();
const OLD = { name: 'a', description: 'old' };
const NOW = { name: 'a', description: 'new' };
const BROKEN = { name: 'b', inputSchema: { type: 'object', $ref: 'https://elsewhere.example/x' } };

const reading = (...tools: Listed[]): Discovered => ({
  ...discovered(contentHash(tools)),
  tools: { bare: tools, full: tools },
});
const read = (registry: Registry, ...tools: Listed[]) =>
  registry.saveDiscovery('s', '1.0.0', { ok: true, discovered: reading(...tools) });
const waiting = (registry: Registry): readonly ToolChange[] => [
  ...(registry.snapshot().pins.get('s 1.0.0')?.changes.values() ?? []),
];
const all = (registry: Registry) => registry.toolChanges({ limit: 1000 });
async function opened(pinning?: object): Promise<Registry> {
  const registry = await place.open();
  await put(registry, { ...server('s'), ...(pinning && { pinning }) });
  return registry;
}
async function changed(): Promise<{ registry: Registry; id: string }> {
  const registry = await opened();
  await read(registry, OLD);
  await read(registry, NOW);
  return { registry, id: waiting(registry)[0]!.id };
}
const decide = (registry: Registry, id: string, verdict: 'approved' | 'rejected') =>
  registry.decideToolChange({ id, verdict, who: 'alice', why: 'looked through' });

describe('pins', () => {
  test('are of what is read first, and of each version by itself', async () => {
    const registry = await place.open();
    await put(registry, server('s', version('1.0.0'), version('2', { state: 'staging' })));
    await read(registry, OLD);
    await registry.saveDiscovery('s', '2', { ok: true, discovered: reading(NOW) });
    const pins = await registry.toolPins({ server: 's', limit: 10 });
    expect(pins).toMatchObject([
      { version: '1.0.0', tool: 'a', definition: { tool: OLD }, approvedBy: null, firstSeenMs: 1_000 },
      { version: '2', tool: 'a', definition: { tool: NOW } },
    ]);
    expect(await registry.toolPins({ server: 's', version: '2', tool: 'a', limit: 10 })).toEqual([pins[1]]);
    expect(await registry.toolPins({ server: 's', after: { version: '1.0.0', tool: 'a' }, limit: 10 })).toEqual([
      pins[1],
    ]);
    expect(await registry.toolPins({ server: 'other', limit: 10 })).toEqual([]);
    expect(waiting(registry)).toEqual([]);
  });

  test('are kept by a restart, with what waits', async () => {
    const { registry, id } = await changed();
    const { pins } = registry.snapshot();
    await registry.close();
    const again = await place.open();
    expect(again.snapshot().pins).toEqual(pins);
    // Read again, it says the same: nothing is another.
    expect(await read(again, NOW)).toMatchObject({ changed: false });
    expect(waiting(again)).toMatchObject([{ id, state: 'pending', before: { tool: OLD }, after: { tool: NOW } }]);
  });

  test('keep numbers that no double holds', async () => {
    const registry = await opened();
    const limited = (maximum: string) => parseExact(`{"name":"a","inputSchema":{"maximum":${maximum}}}`) as Listed;
    await read(registry, limited('9007199254740993'));
    await registry.close();
    const again = await place.open();
    await read(again, limited('9007199254740995'));
    const [change] = waiting(again);
    expect(JSON.stringify([change?.before, change?.after])).toMatch(/740993}.*740995}/);
    await again.close();
    expect(JSON.stringify(waiting(await place.open())[0]?.before)).toContain('9007199254740993');
  });

  test('of a version that was read before there were pins are of what was shown', async () => {
    const registry = await opened();
    await read(registry, OLD);
    await registry.beside.write(async (trx) => {
      for (const table of ['tool_pin_sets', 'tool_pins'] as const) await trx.deleteFrom(table).execute();
    });
    await registry.close();
    const again = await place.open();
    expect(again.snapshot().pins.size).toBe(0);
    await read(again, NOW);
    expect(waiting(again)).toMatchObject([{ kind: 'changed', before: { tool: OLD }, after: { tool: NOW } }]);
    expect(await again.toolPins({ server: 's', limit: 10 })).toMatchObject([{ definition: { tool: OLD } }]);
  });

  test.each([
    ['the server is deleted', { documents: [], deletes: [{ kind: 'Server' as const, name: 's' }] }],
    ['the version leaves its document', { documents: [server('s', version('2'))] }],
  ])('go, with what waits, when %s', async (_, change) => {
    const registry = await place.open();
    await put(registry, server('s', version('1.0.0', { state: 'staging' })));
    await read(registry, OLD);
    await read(registry, NOW);
    await registry.apply({ ...change, ...TEST });
    expect(registry.snapshot().pins.size).toBe(0);
    expect(await all(registry)).toEqual([]);
    expect(await registry.toolPins({ server: 's', limit: 10 })).toEqual([]);
  });

  test('of a tool that cannot be checked say why, when it is first and when it changed', async () => {
    const registry = await opened();
    const problem = 'its inputSchema: it refers to another document';
    await read(registry, OLD, BROKEN);
    expect(registry.snapshot().pins.get('s 1.0.0')?.problems).toEqual(new Map([['b', problem]]));
    await read(registry, { ...BROKEN, name: 'a' }, { name: 'b' });
    expect(waiting(registry)).toMatchObject([
      { tool: 'a', problem },
      { tool: 'b', problem: null },
    ]);
    const mended = waiting(registry)[1]!.id;
    await decide(registry, mended, 'approved');
    expect(registry.snapshot().pins.get('s 1.0.0')?.problems.size).toBe(0);
  });
});

describe('a change of a tool', () => {
  test('is a revision when it comes, and when it is withdrawn', async () => {
    const { registry, id } = await changed();
    expect(registry.snapshot().revision).toBe(3);
    expect(await read(registry, OLD)).toEqual({ changed: true, revision: 4 });
    expect(waiting(registry)).toEqual([]);
    expect(await all(registry)).toMatchObject([{ id, state: 'withdrawn' }]);
    expect(await decide(registry, id, 'approved')).toMatchObject({ ok: false, why: 'over' });
    // It comes back, and waits as the same.
    await read(registry, NOW);
    expect(await all(registry)).toMatchObject([{ id, state: 'pending' }]);
  });

  test('is pinned when it is approved, which the log keeps', async () => {
    const { registry, id } = await changed();
    place.nowMs = 2_000;
    expect(await decide(registry, id, 'approved')).toMatchObject({
      ok: true,
      revision: 4,
      change: { state: 'approved' },
    });
    expect(waiting(registry)).toEqual([]);
    expect(await registry.toolPins({ server: 's', limit: 1 })).toMatchObject([
      { definition: { tool: NOW }, approvedBy: 'alice', approvedMs: 2_000, firstSeenMs: 1_000 },
    ]);
    expect(await registry.log({ kind: 'ToolChange', limit: 5 })).toMatchObject([
      { name: 's/a', version: '1.0.0', change: 'approved', who: 'alice', why: 'looked through', revision: 4 },
    ]);
    expect(await read(registry, NOW)).toEqual({ changed: false, revision: 4 });
    // What was is a change now.
    await read(registry, OLD);
    expect(waiting(registry)).toMatchObject([{ before: { tool: NOW }, after: { tool: OLD } }]);
  });

  test('that is rejected stays so when it is taken back and comes again, and can be approved after all', async () => {
    const { registry, id } = await changed();
    await decide(registry, id, 'rejected');
    await read(registry, OLD);
    expect(await all(registry)).toMatchObject([{ id, state: 'rejected' }]);
    await read(registry, NOW);
    expect(waiting(registry)).toMatchObject([{ id, state: 'rejected' }]);
    expect(await decide(registry, id, 'approved')).toMatchObject({ ok: true });
    expect(waiting(registry)).toEqual([]);
  });

  test('is shown to some, until it is decided', async () => {
    const { registry, id } = await changed();
    const verdict = { percent: 5, principals: ['tester'] };
    expect(await registry.decideToolChange({ id, verdict, ...TEST })).toMatchObject({ ok: true });
    expect(waiting(registry)).toMatchObject([{ state: 'pending', canary: verdict }]);
    await decide(registry, id, 'rejected');
    expect(await registry.decideToolChange({ id, verdict, ...TEST })).toMatchObject({ ok: false, why: 'over' });
  });

  test('is decided by who saw it as it is', async () => {
    const { registry, id } = await changed();
    const tag = changeTag((await registry.toolChange(id))!);
    await registry.decideToolChange({ id, verdict: { percent: 5, principals: [] }, ...TEST });
    const stale = { id, verdict: 'approved', precondition: (found: string) => found === tag, ...TEST } as const;
    expect(await registry.decideToolChange(stale)).toEqual({ ok: false, why: 'precondition' });
    expect(await decide(registry, 'unknown', 'approved')).toEqual({ ok: false, why: 'unknown' });
  });

  test('said the same again is no other revision', async () => {
    const { registry, id } = await changed();
    await decide(registry, id, 'approved');
    expect(await decide(registry, id, 'approved')).toMatchObject({ ok: true, revision: 4 });
    expect(await registry.log({ kind: 'ToolChange', limit: 5 })).toHaveLength(1);
  });

  test('is found by server, by state and in pages', async () => {
    const registry = await opened();
    await read(registry, OLD);
    await read(registry, NOW, { name: 'b' }, { name: 'c' });
    const found = await registry.toolChanges({ server: 's', state: 'pending', limit: 10 });
    expect(found.map(({ tool }) => tool).sort()).toEqual(['a', 'b', 'c']);
    const { seenMs, id } = found[0]!;
    expect(await registry.toolChanges({ after: { seenMs, id }, limit: 1 })).toEqual([found[1]]);
    expect(await registry.toolChanges({ server: 'other', limit: 10 })).toEqual([]);
    expect(await registry.toolChanges({ state: 'approved', limit: 10 })).toEqual([]);
  });

  test('by rule is pinned at once and is noted', async () => {
    const registry = await opened({ new: 'auto' });
    await read(registry, OLD);
    await read(registry, OLD, { name: 'b' });
    expect(await all(registry)).toMatchObject([{ tool: 'b', kind: 'new', state: 'approved', decidedBy: 'rule' }]);
    expect(waiting(registry)).toEqual([]);
  });

  test('of a server that changes all the time fills no disk', async () => {
    const registry = await opened();
    await read(registry, OLD);
    const many = Array.from({ length: LIMITS.toolChangesKeptMax + 50 }, (_, index) => ({ name: `t${index}` }));
    await read(registry, ...many);
    await read(registry, OLD);
    expect(await all(registry)).toHaveLength(LIMITS.toolChangesKeptMax);
  });
});
