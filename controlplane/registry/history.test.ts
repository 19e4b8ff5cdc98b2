import Sqlite from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Registry } from './registry.ts';
import { accepted, problemsOf, put, secret, server, surface, TEST, version } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';

const place = usePlace();
let registry: Registry;
beforeEach(async () => {
  registry = await place.open();
});

const staging = version('1', { state: 'staging' });
const active = version('1');
const remove = (name: string) =>
  accepted(registry.apply({ documents: [], deletes: [{ kind: 'Server', name }], ...TEST }));

describe('the change log', () => {
  test('has who, when, why and what of each change, the newest first', async () => {
    await accepted(registry.apply({ documents: [server('a', staging)], who: 'alice', why: 'asked for' }));
    place.nowMs = 2_000;
    await accepted(
      registry.apply({ documents: [{ ...server('a', active), title: 'A' }], who: 'bob', why: 'reviewed' }),
    );
    place.nowMs = 3_000;
    await remove('a');
    const of = { kind: 'Server', name: 'a' };
    const [first, second, third] = [
      { revision: 1, atMs: 1_000, who: 'alice', why: 'asked for', ...of },
      { revision: 2, atMs: 2_000, who: 'bob', why: 'reviewed', ...of },
      { revision: 3, atMs: 3_000, who: 'test', why: 'for a test', ...of },
    ];
    expect(await registry.log({ limit: 10 })).toEqual(
      [
        { sequence: 6, ...third, change: 'transition', version: '1', from: 'active', to: null },
        { sequence: 5, ...third, change: 'deleted', document: null },
        { sequence: 4, ...second, change: 'transition', version: '1', from: 'staging', to: 'active' },
        { sequence: 3, ...second, change: 'updated', document: { ...server('a', active), title: 'A', labels: {} } },
        { sequence: 2, ...first, change: 'transition', version: '1', from: null, to: 'staging' },
        { sequence: 1, ...first, change: 'created', document: { ...server('a', staging), labels: {} } },
      ].map((entry) => expect.objectContaining(stateful(entry))),
    );
  });

  /** Documents are shown with what their defaults filled in. */
  function stateful<Entry extends object>(entry: Entry): Entry {
    const document = (entry as { document?: { versions: object[] } | null }).document;
    if (document === null || document === undefined) return entry;
    return {
      ...entry,
      document: { ...document, versions: document.versions.map((one) => ({ state: 'active', ...one })) },
    };
  }

  test('is read by kind and by name, a page after the other', async () => {
    for (const name of ['a', 'b', 'c']) await put(registry, server(name));
    await put(registry, secret('a', 'x'));
    const sequences = async (query: object) =>
      (await registry.log({ limit: 10, ...query })).map(({ sequence }) => sequence);
    expect(await sequences({})).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(await sequences({ limit: 3 })).toEqual([7, 6, 5]);
    expect(await sequences({ limit: 3, before: 5 })).toEqual([4, 3, 2]);
    expect(await sequences({ name: 'a' })).toEqual([7, 2, 1]);
    expect(await sequences({ kind: 'Server', name: 'a' })).toEqual([2, 1]);
    expect(await sequences({ kind: 'Policy' })).toEqual([]);
    expect(await sequences({ before: 1 })).toEqual([]);
  });

  test.each([
    ['changed', "update log set who = 'nobody'"],
    ['deleted', 'delete from log'],
    ['replaced', 'insert or replace into log select * from log where sequence = 1'],
  ])('cannot be %s, not even in the database', async (_, statement) => {
    await put(registry, server('a'));
    const before = await registry.log({ limit: 10 });
    const sqlite = new Sqlite(place.path);
    expect(() => sqlite.exec(statement)).toThrow(/the change log is append-only/);
    sqlite.close();
    expect(await registry.log({ limit: 10 })).toEqual(before);
  });

  test('has nothing of what was refused, only tried, or there already', async () => {
    await put(registry, server('a'));
    await registry.apply({ documents: [server('b')], dryRun: true, ...TEST });
    await registry.apply({ documents: [surface('s', 'missing')], ...TEST });
    await put(registry, server('a'));
    expect(await registry.log({ limit: 10 })).toHaveLength(2);
  });
});

describe('a rollback', () => {
  const back = (revision: number, rest: object = {}) =>
    registry.rollback({ kind: 'Server', name: 'a', revision, who: 'carol', why: 'it broke', ...rest });

  test('brings a document back as it was, with the states of its versions, whatever may follow what', async () => {
    await put(registry, { ...server('a', active), title: 'one' });
    const first = registry.snapshot().find('Server', 'a');
    await put(registry, { ...server('a', version('1', { state: 'deprecated' })), title: 'two' });
    await put(registry, { ...server('a', version('1', { state: 'decommissioned' })), title: 'three' });
    place.nowMs = 2_000;
    expect(await back(1)).toMatchObject({
      ok: true,
      revision: 4,
      changes: [{ change: 'updated', before: { title: 'three' }, after: { title: 'one' } }],
    });
    const now = registry.snapshot().find('Server', 'a');
    expect(now).toMatchObject({ document: first?.document, hash: first?.hash, revision: 4 });
    expect(registry.snapshot().versions.get('a 1')).toMatchObject({ state: 'active', sinceMs: 2_000 });
    const noted = { revision: 4, who: 'carol', why: 'it broke', kind: 'Server', name: 'a' };
    expect(await registry.log({ limit: 2 })).toMatchObject([
      { ...noted, change: 'transition', version: '1', from: 'decommissioned', to: 'active' },
      { ...noted, change: 'rollback', source: 1, document: { title: 'one' } },
    ]);
    expect(await back(3)).toMatchObject({ ok: true, revision: 5, changes: [{ after: { title: 'three' } }] });
    expect(await back(4)).toMatchObject({ ok: true, revision: 6, changes: [{ after: { title: 'one' } }] });
  });

  test('to a revision between two of its own brings back what was then', async () => {
    await put(registry, { ...server('a'), title: 'one' });
    await put(registry, server('b'));
    await put(registry, { ...server('a'), title: 'two' });
    expect(await back(2)).toMatchObject({ changes: [{ after: { title: 'one' } }] });
  });

  test('deletes where it was deleted, and brings back where it is deleted now', async () => {
    await put(registry, server('a'));
    await remove('a');
    expect(await back(1)).toMatchObject({ ok: true, revision: 3, changes: [{ change: 'created' }] });
    expect(await back(2)).toMatchObject({ ok: true, revision: 4, changes: [{ change: 'deleted' }] });
    expect(registry.snapshot().find('Server', 'a')).toBeUndefined();
    expect((await registry.log({ limit: 2 }))[1]).toMatchObject({ change: 'rollback', source: 2, document: null });
  });

  test('to what is there already changes nothing', async () => {
    await put(registry, server('a'));
    const before = registry.snapshot();
    expect(await back(1)).toMatchObject({ ok: true, revision: 1, changes: [{ change: 'unchanged' }] });
    expect(registry.snapshot()).toBe(before);
  });

  test('can be tried, forbidden and held to a precondition', async () => {
    await put(registry, { ...server('a'), title: 'one' });
    await put(registry, { ...server('a'), title: 'two' });
    const before = registry.snapshot();
    expect(await back(1, { dryRun: true })).toMatchObject({ ok: true, revision: 3, changes: [{ change: 'updated' }] });
    expect(await back(1, { permit: () => 'no' })).toMatchObject({ ok: false, why: 'forbidden' });
    expect(await back(1, { precondition: () => false })).toEqual({ ok: false, why: 'precondition' });
    expect(registry.snapshot()).toBe(before);
  });

  test.each([
    ['it was not known yet', 1, ' no Server was named "a" at revision 1, or before'],
    ['is still to come', 9, ' there is no revision 9 yet; the newest is 2'],
    ['never was', -1, ' no Server was named "a" at revision -1, or before'],
  ])('to a revision that %s is refused', async (_, revision, problem) => {
    await put(registry, server('other'));
    await put(registry, server('a'));
    expect(await problemsOf(back(revision))).toEqual([problem]);
  });

  test('is held to what is there today', async () => {
    await put(registry, secret('k', 'x'), server('a', version('1', { auth: { type: 'bearer', secret: 'k' } })));
    await put(registry, server('a', version('1')));
    await accepted(registry.apply({ documents: [], deletes: [{ kind: 'Secret', name: 'k' }], ...TEST }));
    expect(await problemsOf(back(1))).toEqual(['versions.0.auth.secret no secret is named "k"']);
    await put(registry, surface('s', 'a'));
    expect(await problemsOf(registry.rollback({ kind: 'Surface', name: 's', revision: 3, ...TEST }))).toEqual([
      ' no Surface was named "s" at revision 3, or before',
    ]);
  });
});
