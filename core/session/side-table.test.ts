import { expect, test } from 'vitest';
import { createSideTable } from './side-table.ts';

const now = (): number => 7;

test('a session is opened once for all who ask meanwhile, and remembered', async () => {
  const table = createSideTable({ now });
  let opened = 0;
  let finish = (_id: string): void => {};
  const fn = (): Promise<string> => {
    opened++;
    return new Promise((resolve) => {
      finish = resolve;
    });
  };
  const callers = [table.open('t', 'a', fn), table.open('t', 'a', fn)];
  await Promise.resolve();
  finish('s1');
  expect(await Promise.all(callers)).toEqual([
    { sessionId: 's1', openedAtMs: 7 },
    { sessionId: 's1', openedAtMs: 7 },
  ]);
  expect(await table.open('t', 'a', fn)).toEqual({ sessionId: 's1', openedAtMs: 7 });
  expect(opened).toBe(1);
  expect(table.get('t', 'a')).toEqual({ sessionId: 's1', openedAtMs: 7 });
});

test('another token and another server have sessions of their own', async () => {
  const table = createSideTable({ now });
  await table.open('t', 'a', async () => 's1');
  await table.open('t', 'b', async () => 's2');
  await table.open('u', 'a', async () => 's3');
  expect(['t a', 't b', 'u a'].map((pair) => table.get(pair[0]!, pair[2]!)?.sessionId)).toEqual(['s1', 's2', 's3']);
  expect(table.get('u', 'b')).toBeUndefined();
});

test.each([
  ['rejects', (): Promise<string> => Promise.reject(new Error('down'))],
  [
    'throws',
    (): Promise<string> => {
      throw new Error('down');
    },
  ],
])('an opening that %s is told to all who wait, and not kept', async (_name, fn) => {
  const table = createSideTable({ now });
  const outcomes = await Promise.allSettled([table.open('t', 'a', fn), table.open('t', 'a', fn)]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
  expect(await table.open('t', 'a', async () => 's2')).toMatchObject({ sessionId: 's2' });
});

test('a dead session is replaced once: who comes late takes the replacement', async () => {
  const table = createSideTable({ now });
  await table.open('t', 'a', async () => 's1');
  expect(await table.open('t', 'a', async () => 's2', 's1')).toMatchObject({ sessionId: 's2' });
  expect(await table.open('t', 'a', async () => 's3', 's1')).toMatchObject({ sessionId: 's2' });
});

test('a dropped session is gone; dropping an unknown one is nothing', async () => {
  const table = createSideTable({ now });
  await table.open('t', 'a', async () => 's1');
  table.drop('t', 'a');
  table.drop('t', 'zzz');
  expect(table.get('t', 'a')).toBeUndefined();
});

test('the table keeps its bound: the least recently used goes', async () => {
  const table = createSideTable({ now, entriesMax: 2 });
  await table.open('t', 'a', async () => 's1');
  await table.open('t', 'b', async () => 's2');
  table.get('t', 'a');
  await table.open('t', 'c', async () => 's3');
  expect(table.size).toBe(2);
  expect(table.get('t', 'b')).toBeUndefined();
  expect(table.get('t', 'a')).toBeDefined();
});

test('openings have the same bound', async () => {
  const table = createSideTable({ now, entriesMax: 1 });
  const never = new Promise<string>(() => {});
  void table.open('t', 'a', () => never);
  await expect(table.open('t', 'b', () => never)).rejects.toMatchObject({ code: 'backend_unavailable' });
});
