import Sqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { connectReports } from '../../core/ledger-client/wire.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Ledger } from '../../core/policy/ledger.ts';
import { until } from '../../test/support/until.ts';
import { asked, PROTO_DIR, START_MS, useLedgerWorld } from './testdata/world.ts';

const world = useLedgerWorld();
const HOUR_MS = 3_600_000;
const take = (limit: number) => [{ key: 'alice', amount: 1, limit, windowMs: HOUR_MS }];

function rows(statement: string): unknown[] {
  const sqlite = new Sqlite(world.databasePath, { readonly: true });
  try {
    return sqlite.prepare(statement).all();
  } finally {
    sqlite.close();
  }
}
const sumStored = (): number =>
  (rows('select coalesce(sum(amount), 0) as sum from ledger_counts')[0] as { sum: number }).sum;
/** How much of a limit is left to a service. */
const isExhausted = (ledger: Ledger, limit: number): boolean =>
  !ledger.take([{ key: 'alice', amount: 0, limit, windowMs: HOUR_MS }], world.nowMs).ok;

describe('a label', () => {
  test('is everywhere when it is left, and stays over restarts of both', async () => {
    const plane = await world.start();
    const [one, other] = [await world.ready(), await world.ready()];
    expect(one.labels('session')).toEqual([]);
    expect(await one.leave('session', ['private', 'seen'], world.nowMs + HOUR_MS)).toBe(true);
    expect(one.labels('session')).toEqual(['private', 'seen']);
    expect(
      await until(
        'the labels',
        () => other.labels('session'),
        (labels) => labels.length === 2,
      ),
    ).toEqual(['private', 'seen']);
    await plane.kill();
    await world.start();
    expect((await world.ready()).labels('session')).toEqual(['private', 'seen']);
    // Whose they are is not to be read there.
    expect(JSON.stringify(rows('select * from ledger_labels'))).not.toContain('session');
  });

  test('ends with its time, which is only ever put off', async () => {
    const plane = await world.start();
    const ledger = await world.ready();
    await ledger.leave('s', ['a'], world.nowMs + 2_000);
    await ledger.leave('s', ['a'], world.nowMs + 1_000);
    world.nowMs += 1_999;
    expect(ledger.labels('s')).toEqual(['a']);
    world.nowMs += 1;
    expect(ledger.labels('s')).toEqual([]);
    await plane.book.sweep();
    expect(rows('select * from ledger_labels')).toEqual([]);
  });

  test('that finds no room is refused, and none of those beside it is left', async () => {
    await world.start();
    const ledger = await world.ready();
    const labels = Array.from({ length: LIMITS.ledgerLabelsPerHolderMax }, (_, index) => `l${index}`);
    expect(await ledger.leave('s', labels.slice(1), world.nowMs + 1_000)).toBe(true);
    expect(await ledger.leave('s', ['x', 'y'], world.nowMs + 1_000)).toBe(false);
    expect(ledger.labels('s')).not.toContain('x');
    expect(await ledger.leave('s', ['x'], world.nowMs + 1_000)).toBe(true);
  });

  test('that cannot be stored in time is refused', async () => {
    const plane = await world.start();
    const ledger = await world.ready({ writeDeadlineMs: 50 });
    await plane.kill();
    expect(await ledger.leave('s', ['a'], world.nowMs + 1_000)).toBe(false);
    // What is there already needs nobody.
    expect(await ledger.leave('s', [], world.nowMs + 1_000)).toBe(true);
  });

  test('that was on its way when the control plane ended is stored by the next one', async () => {
    const plane = await world.start();
    const ledger = await world.ready({ writeDeadlineMs: 10_000 });
    await plane.kill();
    const left = ledger.leave('s', ['a'], world.nowMs + 1_000);
    await world.start();
    expect(await left).toBe(true);
  });
});

describe('a count', () => {
  test('of one service is the others’ too', async () => {
    await world.start();
    const [one, other] = [await world.ready(), await world.ready()];
    for (let i = 0; i < 3; i++) expect(one.take(take(3), world.nowMs)).toEqual({ ok: true });
    expect(one.take(take(3), world.nowMs).ok).toBe(false);
    await until(
      'the other one to know',
      () => isExhausted(other, 3),
      (exhausted) => exhausted,
    );
    expect(sumStored()).toBe(3);
  });

  test('goes on while the control plane is away, and nothing is lost or counted twice', async () => {
    const first = await world.start();
    const [one, other] = [await world.ready(), await world.ready()];
    for (let i = 0; i < 40; i++) one.take(take(1_000), world.nowMs);
    await until('the first to be stored', sumStored, (sum) => sum === 40);
    one.take(take(1_000), world.nowMs);
    await first.kill();
    for (let i = 0; i < 20; i++) for (const ledger of [one, other]) ledger.take(take(1_000), world.nowMs);
    const second = await world.start();
    await until('all to be stored', sumStored, (sum) => sum >= 81);
    for (const ledger of [one, other])
      await until(
        'each to know',
        () => [isExhausted(ledger, 81), isExhausted(ledger, 82)],
        ([all, more]) => all === true && more === false,
      );
    await second.kill();
    await world.start();
    const late = await world.ready();
    expect([isExhausted(late, 81), isExhausted(late, 82)]).toEqual([true, false]);
    expect(sumStored()).toBe(81);
  });

  test('is forgotten when its window is over', async () => {
    const plane = await world.start();
    const ledger = await world.ready();
    ledger.take(take(1), world.nowMs);
    await until('it to be stored', sumStored, (sum) => sum === 1);
    world.nowMs += 2 * HOUR_MS;
    await plane.book.sweep();
    expect(sumStored()).toBe(0);
    expect(ledger.take(take(1), world.nowMs)).toEqual({ ok: true });
  });
});

describe('writes that are sent again', () => {
  test('are answered again and not done again', async () => {
    const { book } = await world.start();
    const answers: unknown[] = [];
    const writer = 'w'.repeat(22);
    const { leave } = book.join({ writer, moment: (_, own) => answers.push(...own) });
    const count = { key: 'k', windowMs: HOUR_MS, part: 1_000_000, amount: 5 };
    const writes = [
      { writer, sequence: 1, write: { kind: 'counts', counts: [count] } },
      { writer, sequence: 2, write: { kind: 'approval', approval: asked() } },
    ] as const;
    await book.submit(writes);
    await book.submit(writes);
    expect(answers).toEqual([
      { sequence: 1, done: true },
      { sequence: 2, done: true, approval: expect.objectContaining({ id: `id-${START_MS}-1` }) },
      { sequence: 1, done: true },
      { sequence: 2, done: true, approval: expect.objectContaining({ id: `id-${START_MS}-1` }) },
    ]);
    expect(sumStored()).toBe(5);
    await book.decide(`id-${START_MS}-1`, 'approved', 'bob', '');
    const use = { sequence: 3, write: { kind: 'use', id: `id-${START_MS}-1` } } as const;
    answers.length = 0;
    await book.submit([{ writer, ...use }]);
    await book.submit([{ writer, ...use }]);
    // Another one's, and another one of this one's.
    await book.submit([{ writer, ...use, sequence: 4 }]);
    expect(answers).toEqual([
      { sequence: 3, done: true },
      { sequence: 3, done: true },
      { sequence: 4, done: false },
    ]);
    leave();
  });

  test('of the same number by another service are done', async () => {
    const { book } = await world.start();
    const count = { key: 'k', windowMs: HOUR_MS, part: 1_000_000, amount: 5 };
    for (const writer of ['a'.repeat(22), 'b'.repeat(22)])
      await book.submit([{ writer, sequence: 1, write: { kind: 'counts', counts: [count] } }]);
    expect(sumStored()).toBe(10);
  });
});

describe('an approval', () => {
  test('is asked for once, decided, used once over all services, and survives restarts in each state', async () => {
    let plane = await world.start();
    let [one, other] = [await world.ready(), await world.ready()];
    const [first, again] = await Promise.all([one.request(asked()), other.request(asked())]);
    expect(first).toMatchObject({ state: 'pending', subject: 'alice', shown: '{"amount":300}', decidedBy: null });
    expect(again?.id).toBe(first?.id);
    const id = first?.id ?? '';
    expect(await one.use(id)).toBe(false);

    await plane.kill();
    plane = await world.start();
    [one, other] = [await world.ready(), await world.ready()];
    expect(one.approval(asked().hash, world.nowMs)).toMatchObject({ id, state: 'pending' });
    const decided: string[] = [];
    other.onDecided((approval) => decided.push(`${approval.id} ${approval.state} ${approval.decidedBy}`));
    world.nowMs += 60_000;
    expect(await plane.book.decide(id, 'approved', 'bob', 'fine')).toMatchObject({ ok: true });
    await until(
      'the decision',
      () => decided,
      (all) => all.length === 1,
    );
    expect(decided).toEqual([`${id} approved bob`]);
    // The same time again to be used in.
    expect(other.approvalById(id)?.expiresAtMs).toBe(world.nowMs + 900_000);

    await plane.kill();
    plane = await world.start();
    [one, other] = [await world.ready(), await world.ready()];
    const used = await Promise.all([one.use(id), other.use(id), one.use(id)]);
    expect(used.filter((mine) => mine)).toHaveLength(1);
    expect(one.approval(asked().hash, world.nowMs)).toBeNull();
    expect(await plane.book.decide(id, 'denied', 'carol', '')).toMatchObject({ ok: false, why: 'over' });
    const next = await one.request(asked());
    expect(next).toMatchObject({ state: 'pending' });
    expect(next?.id).not.toBe(id);
    expect(rows(`select state, decided_by, decided_why from approvals order by state`)).toEqual([
      { state: 'pending', decided_by: null, decided_why: null },
      { state: 'used', decided_by: 'bob', decided_why: 'fine' },
    ]);
  });

  test('that was decided while a service was away is told to it when it is back', async () => {
    const first = await world.start();
    const ledger = await world.ready();
    const approval = await ledger.request(asked());
    const decided: string[] = [];
    ledger.onDecided(({ state }) => decided.push(state));
    await first.kill();
    // The second one decides before anybody is connected to it.
    world.nowMs += 1;
    const second = await world.start();
    await second.book.decide(approval?.id ?? '', 'denied', 'bob', '');
    await until(
      'the decision',
      () => decided,
      (all) => all.length > 0,
    );
    expect(decided).toEqual(['denied']);
    expect(ledger.approval(asked().hash, world.nowMs)).toMatchObject({ state: 'denied' });
  });

  test('that nobody decides expires, and is deleted after a while', async () => {
    const plane = await world.start();
    const ledger = await world.ready();
    const approval = await ledger.request(asked());
    const id = approval?.id ?? '';
    world.nowMs += 900_000;
    expect(ledger.approval(asked().hash, world.nowMs)).toBeNull();
    expect(await plane.book.decide(id, 'approved', 'bob', '')).toMatchObject({ ok: false, why: 'over' });
    await plane.book.sweep();
    expect(await plane.book.approval(id)).toMatchObject({ state: 'expired' });
    expect(await ledger.use(id)).toBe(false);
    world.nowMs += LIMITS.approvalRetentionMs;
    await plane.book.sweep();
    expect(await plane.book.approval(id)).toBeNull();
  });

  test('that was granted and not used in time is not used later', async () => {
    const plane = await world.start();
    const ledger = await world.ready();
    const id = (await ledger.request(asked()))?.id ?? '';
    await plane.book.decide(id, 'approved', 'bob', '');
    world.nowMs += 900_000;
    expect(await ledger.use(id)).toBe(false);
  });

  test('is refused to who has asked for too many', async () => {
    await world.start();
    const ledger = await world.ready();
    for (let index = 0; index < LIMITS.ledgerApprovalsPerCallerMax; index++)
      expect(await ledger.request(asked({ hash: String(index).padStart(64, '0') }))).not.toBeNull();
    expect(await ledger.request(asked())).toBeNull();
    expect(await ledger.request(asked({ subject: 'bob' }))).not.toBeNull();
  });

  test('of another shape than is known is refused', async () => {
    await world.start();
    const ledger = await world.ready();
    expect(await ledger.request(asked({ hash: 'short' }))).toBeNull();
    expect(await ledger.use('')).toBe(false);
    expect(await ledger.use('nothing')).toBe(false);
  });
});

test('a service is not ready before it knows the whole state', async () => {
  const ledger = world.service();
  expect(ledger.ready()).toBe(false);
  expect(ledger.labels('s')).toEqual([]);
  await world.start();
  await until(
    'the whole state',
    () => ledger.ready(),
    (ready) => ready,
  );
});

test('more at once than is allowed is not taken, and nobody waits for it', async () => {
  const { book } = await world.start();
  const writer = 'w'.repeat(22);
  const many = Array.from({ length: LIMITS.ledgerQueuedMax + 1 }, (_, index) => ({
    writer,
    sequence: index + 1,
    write: { kind: 'use', id: 'x' } as const,
  }));
  await expect(book.submit(many)).rejects.toThrow('writes wait for the ledger');
  await book.submit(many.slice(0, 1));
});

test('a service without a name, or with too much in one message, is not heard', async () => {
  await world.start();
  const client = connectReports(PROTO_DIR, `unix:${world.socketPath}`);
  const write = (sequence: number) => ({ sequence, use: 'x' });
  const tooMany = Array.from({ length: LIMITS.ledgerWritesPerMessageMax + 1 }, (_, index) => write(index + 1));
  for (const [writer, writes] of [
    ['', [write(1)]],
    ['w'.repeat(22), tooMany],
  ] as const) {
    const stream = client.Ledger();
    const answers: unknown[] = [];
    stream.on('data', (response) => answers.push(...response.answers));
    const ended = new Promise<void>((resolve) => {
      stream.on('error', () => resolve());
      stream.on('end', () => resolve());
    });
    stream.write({ nodeId: 'test', writer, writes });
    await ended;
    expect(answers).toEqual([]);
  }
  client.close();
});
