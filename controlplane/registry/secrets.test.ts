import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { SecretData } from '../../core/catalog/document.ts';
import { CERTIFICATE, PRIVATE_KEY } from '../../test/support/pems.ts';
import { RegistryError } from './error.ts';
import type { RegistryOptions } from './registry.ts';
import { createSeal } from './seal.ts';
import { accepted, openTest, problemsOf, put, secret, server, TEST, version } from './testdata/open.ts';
import { usePlace } from './testdata/place.ts';

const VALUE = 'hunter2-very-secret';
const PEM = { certificate: CERTIFICATE, privateKey: PRIVATE_KEY };
/** As it is, and in JSON. */
const KEY_PIECE = PRIVATE_KEY.split('\n')[1]!.slice(0, 40);
const tls = (name: string) => ({ kind: 'Secret', name, type: 'tls', ...PEM });
const bearer = (name: string) => version('1', { auth: { type: 'bearer', secret: name } });

const place = usePlace();
describe('a secret', () => {
  test('is held by the snapshot, and by no document', async () => {
    const registry = await place.open();
    const { changes } = await put(registry, secret('k', VALUE), tls('t'));
    const snapshot = registry.snapshot();
    expect([...snapshot.secrets]).toEqual([
      ['k', { type: 'opaque', value: VALUE }],
      ['t', { type: 'tls', ...PEM }],
    ]);
    expect(changes.map(({ after }) => after)).toEqual([
      { kind: 'Secret', name: 'k', labels: {}, type: 'opaque' },
      { kind: 'Secret', name: 't', labels: {}, type: 'tls' },
    ]);
    expect(snapshot.documents.map(({ document }) => document)).toEqual(changes.map(({ after }) => after));
  });

  test('is nowhere in the files, the history, the log, or what the log of the process says', async () => {
    const lines: string[] = [];
    const registry = await place.open({ log: pino({ level: 'trace' }, { write: (line) => void lines.push(line) }) });
    await put(registry, secret('k', VALUE), tls('t'));
    await put(registry, { ...secret('k', `${VALUE}-2`), description: 'other' });
    await registry.apply({ documents: [{ ...secret('k', VALUE), colour: VALUE.length }], ...TEST });
    const log = await registry.log({ limit: 100 });
    expect(log).toHaveLength(3);
    await registry.close();
    const everything = [
      JSON.stringify(log),
      ...lines,
      ...readdirSync(place.folder).map((name) => readFileSync(join(place.folder, name), 'latin1')),
    ];
    for (const text of everything) {
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain(KEY_PIECE);
    }
  });

  test('is not told of by the problems of its document', async () => {
    const registry = await place.open();
    for (const bad of [`${VALUE}\n`, [VALUE], { inner: VALUE }]) {
      const problems = await problemsOf(registry.apply({ documents: [{ ...secret('k'), value: bad }], ...TEST }));
      expect(problems.join()).not.toContain('hunter2');
    }
  });

  test('stays when its document comes without it, and changes when it comes with another', async () => {
    const registry = await place.open();
    await put(registry, secret('k', VALUE));
    expect((await put(registry, { ...secret('k'), description: 'shown' })).changes).toMatchObject([
      { change: 'updated' },
    ]);
    expect(registry.snapshot().secrets.get('k')).toEqual({ type: 'opaque', value: VALUE });
    expect((await put(registry, { ...secret('k', 'other'), description: 'shown' })).changes).toMatchObject([
      { change: 'updated' },
    ]);
    expect(registry.snapshot().secrets.get('k')).toEqual({ type: 'opaque', value: 'other' });
    expect((await place.open()).snapshot().secrets).toEqual(registry.snapshot().secrets);
  });

  test('that is written again is unchanged, with its value and without', async () => {
    const registry = await place.open();
    const { snapshot } = await put(registry, secret('k', VALUE), tls('t'));
    const again = await put(registry, secret('k', VALUE), secret('t'), tls('t')).catch((error: Error) => error.message);
    expect(again).toContain('given twice');
    expect((await put(registry, secret('k', VALUE), tls('t'))).snapshot).toBe(snapshot);
    expect((await put(registry, secret('k'), { ...secret('t'), type: 'tls' })).snapshot).toBe(snapshot);
  });

  test('leaves the database with its document', async () => {
    const registry = await place.open();
    await put(registry, secret('k', VALUE));
    await accepted(registry.apply({ documents: [], deletes: [{ kind: 'Secret', name: 'k' }], ...TEST }));
    expect(registry.snapshot().secrets.size).toBe(0);
    const sqlite = new Sqlite(place.path, { readonly: true });
    expect(sqlite.prepare('select count(*) from secrets').pluck().get()).toBe(0);
    sqlite.close();
    expect(await problemsOf(registry.apply({ documents: [secret('k')], ...TEST }))).toEqual([
      'value a new secret needs its value, which no export has: see "chancery secret set k"',
    ]);
  });

  test('stays for as long as a server names it', async () => {
    const registry = await place.open();
    await put(registry, secret('k', VALUE), server('a', bearer('k')));
    const remove = () => registry.apply({ documents: [], deletes: [{ kind: 'Secret', name: 'k' }], ...TEST });
    expect(await problemsOf(remove())).toEqual([' the secret "k" is named by server "a": take it out there first']);
    await put(registry, server('a', version('1')));
    expect(await remove()).toMatchObject({ ok: true });
  });

  test('cannot be rolled back', async () => {
    const registry = await place.open();
    await put(registry, secret('k', VALUE));
    expect(await problemsOf(registry.rollback({ kind: 'Secret', name: 'k', revision: 1, ...TEST }))).toEqual([
      ' what a secret held is not kept, so it cannot be rolled back: write it anew',
    ]);
  });
});

describe('the hash of a secret', () => {
  const document = { kind: 'Secret', name: 'k', labels: {}, type: 'opaque' } as const;
  const of = (key: number, value: string) =>
    createSeal(Buffer.alloc(32, key)).hash(document, { type: 'opaque', value });

  test('is another for another value, and for another key, so that nobody finds the value by trying', () => {
    expect(of(1, 'a')).toBe(of(1, 'a'));
    expect(of(1, 'a')).not.toBe(of(1, 'b'));
    expect(of(1, 'a')).not.toBe(of(2, 'a'));
  });
});

describe('what is sealed', () => {
  const seal = createSeal(Buffer.alloc(32, 1));
  const data: SecretData = { type: 'opaque', value: VALUE };

  test('opens as it was', () => {
    expect(seal.open('k', seal.seal('k', data))).toEqual(data);
    expect(seal.seal('k', data)).not.toEqual(seal.seal('k', data));
  });

  const sealed = seal.seal('k', data);
  const flipped = (index: number): Buffer => {
    const copy = Buffer.from(sealed);
    copy[index] = copy[index]! ^ 1;
    return copy;
  };
  test.each<[string, () => SecretData | null]>([
    ['under another name', () => seal.open('other', sealed)],
    ['with another key', () => createSeal(Buffer.alloc(32, 2)).open('k', sealed)],
    ['with another nonce', () => seal.open('k', flipped(0))],
    ['with another tag', () => seal.open('k', flipped(12))],
    ['with another content', () => seal.open('k', flipped(sealed.length - 1))],
    ['when it is cut in its content', () => seal.open('k', sealed.subarray(0, -1))],
    ['when it is cut in its tag', () => seal.open('k', sealed.subarray(0, 20))],
    ['when it is empty', () => seal.open('k', Buffer.alloc(0))],
  ])('does not open %s', (_, work) => expect(work()).toBeNull());
});

describe('a registry is refused with one sentence, and left as it is, when', () => {
  const cases: [string, (sqlite: Sqlite.Database) => void, Partial<RegistryOptions>, RegExp][] = [
    [
      'it was written with another master key',
      () => {},
      { registryKey: Buffer.alloc(32, 8) },
      /with another master key: restore/,
    ],
    [
      'nothing says with which key it was written',
      (sqlite) => sqlite.exec("delete from meta where key = 'key_check'"),
      {},
      /with another master key/,
    ],
    [
      'a sealed secret was altered',
      (sqlite) => sqlite.exec("update secrets set sealed = x'00' where name = 'k'"),
      {},
      /holds a secret "k" that does not open: it was altered/,
    ],
    [
      'two sealed secrets were exchanged',
      (sqlite) =>
        sqlite.exec("update secrets set sealed = (select sealed from secrets where name = 'l') where name = 'k'"),
      {},
      /holds a secret "k" that does not open/,
    ],
    [
      'a sealed secret is gone',
      (sqlite) => sqlite.exec("delete from secrets where name = 'k'"),
      {},
      /holds a secret "k" without its values/,
    ],
  ];
  test.each(cases)('%s', async (_, spoil, options, wanted) => {
    const before = await place.open();
    await put(before, secret('k', VALUE), secret('l', 'other'));
    await before.close();
    const sqlite = new Sqlite(place.path);
    spoil(sqlite);
    sqlite.close();
    const error = await openTest(place.path, options).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    expect((error as Error).message).toMatch(wanted);
    expect((error as Error).message).toContain(place.path);
    expect((error as Error).message).not.toContain('hunter2');
  });
});
