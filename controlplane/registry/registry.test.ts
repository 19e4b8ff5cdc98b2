import { describe, expect, test } from 'vitest';
import type { Registry } from './registry.ts';
import { discovered, problemsOf, put, secret, server, surface, TEST, version } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';

const place = usePlace();
const names = ({ documents }: ReturnType<Registry['snapshot']>): string[] =>
  documents.map(({ document: { kind, name } }) => `${kind}/${name}`);

describe('a write', () => {
  test('creates, updates, leaves alone and deletes, and says which, with what was and what is', async () => {
    const registry = await place.open();
    const created = await put(registry, server('a'), server('b'));
    expect(created).toMatchObject({
      ok: true,
      revision: 1,
      changes: [
        { kind: 'Server', name: 'a', change: 'created', before: null, after: { name: 'a', labels: {} } },
        { kind: 'Server', name: 'b', change: 'created', before: null, after: { name: 'b' } },
      ],
    });
    const mixed = await registry.apply({
      documents: [server('a'), { ...server('b'), title: 'B' }],
      deletes: [{ kind: 'Policy', name: 'nobody' }],
      ...TEST,
    });
    expect(mixed).toMatchObject({
      revision: 2,
      changes: [
        { change: 'unchanged', before: { name: 'a' }, after: { name: 'a' } },
        { change: 'updated', before: { name: 'b' }, after: { title: 'B' } },
        { change: 'unchanged', before: null, after: null },
      ],
    });
    expect(await registry.apply({ documents: [], deletes: [{ kind: 'Server', name: 'b' }], ...TEST })).toMatchObject({
      revision: 3,
      changes: [{ kind: 'Server', name: 'b', change: 'deleted', before: { title: 'B' }, after: null }],
    });
    expect(registry.snapshot().find('Server', 'b')).toBeUndefined();
    expect(names(registry.snapshot())).toEqual(['Server/a']);
  });

  test('is seen in the snapshot that it resolves to, which is the newest', async () => {
    const registry = await place.open();
    const { snapshot } = await put(registry, server('a'));
    expect(registry.snapshot()).toBe(snapshot);
    expect(snapshot.find('Server', 'a')).toMatchObject({ revision: 1, updatedAtMs: 1_000 });
  });

  test('leaves documents in the order of their kinds, then of their names', async () => {
    const registry = await place.open();
    await put(registry, surface('z', 'm'), server('m'), server('c'), secret('s', 'x'), server('x'));
    await put(registry, server('d'), server('a'));
    const wanted = ['Secret/s', 'Server/a', 'Server/c', 'Server/d', 'Server/m', 'Server/x', 'Surface/z'];
    expect(names(registry.snapshot())).toEqual(wanted);
    expect(names((await place.open()).snapshot())).toEqual(wanted);
  });

  test('leaves everything that it does not change the same object', async () => {
    const registry = await place.open();
    await put(registry, server('a'), server('b'), surface('s', 'a'), secret('k', 'x'));
    await registry.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    const before = registry.snapshot();
    await put(registry, { ...server('b'), title: 'B' });
    const after = registry.snapshot();
    expect(after.find('Server', 'b')).not.toBe(before.find('Server', 'b'));
    expect(before.find('Server', 'b')?.document).not.toHaveProperty('title');
    for (const kind of ['Server', 'Surface', 'Secret'] as const) {
      const name = { Server: 'a', Surface: 's', Secret: 'k' }[kind];
      expect(after.find(kind, name)).toBe(before.find(kind, name));
    }
    for (const map of ['discoveries', 'versions', 'secrets', 'apiKeys', 'tombstones'] as const) {
      expect(after[map]).toBe(before[map]);
    }
  });

  test('of what is there already leaves the revision and the snapshot as they are', async () => {
    const registry = await place.open();
    const { snapshot } = await put(registry, server('a'));
    const spelledOut = { ...server('a', version('1.0.0', { state: 'active' })), labels: {} };
    expect(await put(registry, spelledOut)).toMatchObject({ revision: 1, changes: [{ change: 'unchanged' }] });
    expect(registry.snapshot()).toBe(snapshot);
  });

  test('with one bad document writes none of them', async () => {
    const registry = await place.open();
    const outcome = await registry.apply({ documents: [server('a'), surface('s', 'missing')], ...TEST });
    expect(outcome).toEqual({
      ok: false,
      why: 'invalid',
      problems: [{ document: 1, path: ['servers', 0, 'server'], message: 'no server is named "missing"' }],
    });
    expect(registry.snapshot()).toMatchObject({ revision: 0, documents: [] });
  });

  test('that is only tried shows what would be, and leaves no trace', async () => {
    const registry = await place.open();
    await put(registry, server('a'));
    const before = registry.snapshot();
    const outcome = await registry.apply({ documents: [server('b')], dryRun: true, ...TEST });
    expect(outcome).toMatchObject({ ok: true, revision: 2, changes: [{ name: 'b', change: 'created' }] });
    expect(outcome.ok && names(outcome.snapshot)).toEqual(['Server/a', 'Server/b']);
    expect(registry.snapshot()).toBe(before);
    expect(await registry.log({ name: 'b', limit: 10 })).toEqual([]);
    expect((await put(registry, server('c'))).revision).toBe(2);
  });

  test('is refused by its precondition without a trace', async () => {
    const registry = await place.open();
    const asked: (string | null)[] = [];
    const precondition = (hash: string | null) => {
      asked.push(hash);
      return hash === null;
    };
    expect(await registry.apply({ documents: [server('a')], precondition, ...TEST })).toMatchObject({ ok: true });
    expect(await registry.apply({ documents: [{ ...server('a'), title: 'A' }], precondition, ...TEST })).toEqual({
      ok: false,
      why: 'precondition',
    });
    expect(asked).toEqual([null, registry.snapshot().find('Server', 'a')?.hash]);
    expect(registry.snapshot().revision).toBe(1);
  });

  test('is asked about change by change, and refused whole by one sentence', async () => {
    const registry = await place.open();
    await put(registry, server('a'), server('b'));
    const asked: unknown[] = [];
    const outcome = await registry.apply({
      documents: [server('a'), { ...server('b'), labels: { team: 'x' } }, server('c')],
      permit: ({ name, before, after }) => {
        asked.push([name, before?.labels, after?.labels]);
        return name === 'b' ? 'labels need the role security' : null;
      },
      ...TEST,
    });
    expect(outcome).toEqual({
      ok: false,
      why: 'forbidden',
      problems: [{ document: 1, path: [], message: 'labels need the role security' }],
    });
    // What does not change needs nobody's leave.
    expect(asked).toEqual([
      ['b', {}, { team: 'x' }],
      ['c', undefined, {}],
    ]);
    expect(registry.snapshot().revision).toBe(1);
  });

  test('beside others gets a revision of its own', async () => {
    const registry = await place.open();
    const all = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const outcomes = await Promise.all(all.map((name) => put(registry, server(name))));
    expect(outcomes.map(({ revision }) => revision)).toEqual(all.map((_, index) => index + 1));
    expect(registry.snapshot().documents).toHaveLength(20);
  });

  test('beside many that hold the same precondition is won by exactly one', async () => {
    const registry = await place.open();
    const { snapshot } = await put(registry, server('a'));
    const hash = snapshot.find('Server', 'a')?.hash ?? null;
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        registry.apply({
          documents: [{ ...server('a'), title: `title ${index}` }],
          precondition: (found) => found === hash,
          ...TEST,
        }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
    expect(outcomes.filter((outcome) => !outcome.ok && outcome.why === 'precondition')).toHaveLength(19);
  });

  test('knows what another process wrote, and keeps the objects that it did not change', async () => {
    const [one, two] = [await place.open(), await place.open()];
    await put(one, server('a'), secret('k', 'x'));
    await one.saveDiscovery('a', '1.0.0', { ok: true, discovered: discovered('h1') });
    await put(two, server('b'));
    const before = two.snapshot();
    await put(one, server('c'), secret('k', 'other'));
    await put(two, surface('s', 'a', 'b', 'c'));
    const after = two.snapshot();
    expect(after).toMatchObject({ revision: 5 });
    expect(after.secrets.get('k')).toEqual({ type: 'opaque', value: 'other' });
    for (const name of ['a', 'b']) expect(after.find('Server', name)).toBe(before.find('Server', name));
    expect(after.discoveries.get('a 1.0.0')).toBe(before.discoveries.get('a 1.0.0'));
    expect(after.versions.get('a 1.0.0')).toBe(before.versions.get('a 1.0.0'));
  });
});

describe('a version', () => {
  test('is in its state since the write that brought it there', async () => {
    const registry = await place.open();
    await put(registry, server('a', version('1', { state: 'staging' })));
    place.nowMs = 2_000;
    await put(registry, { ...server('a', version('1', { state: 'staging' })), title: 'A' });
    const status = { state: 'staging', sinceMs: 1_000 };
    expect(registry.snapshot().versions).toEqual(new Map([['a 1', status]]));
    await put(registry, server('a', version('1', { state: 'active' })));
    expect(registry.snapshot().versions.get('a 1')).toEqual({ ...status, state: 'active', sinceMs: 2_000 });
    expect((await place.open()).snapshot().versions).toEqual(registry.snapshot().versions);
    place.nowMs = 3_000;
    await registry.apply({ documents: [], deletes: [{ kind: 'Server', name: 'a' }], ...TEST });
    await put(registry, server('a', version('1')));
    expect(registry.snapshot().versions.get('a 1')).toMatchObject({ state: 'active', sinceMs: 3_000 });
  });

  test('goes its way one state at a time', async () => {
    const registry = await place.open();
    const go = (state: string, rest: object = {}) =>
      registry.apply({ documents: [server('a', version('1', { state, ...rest }))], ...TEST });
    for (const state of ['requested', 'in-review', 'staging', 'active']) {
      expect(await go(state)).toMatchObject({ ok: true });
    }
    expect(await problemsOf(go('decommissioned'))).toEqual([
      'versions.0.state "decommissioned" does not follow "active"; wanted deprecated',
    ]);
    expect(await go('deprecated')).toMatchObject({ ok: true });
    expect(await go('decommissioned')).toMatchObject({ ok: true });
  });
});
