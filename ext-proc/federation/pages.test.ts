import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type callerOf,
  catalogOf,
  messageOf,
  principalOf,
  request,
  serverOf,
  sessionCallOf,
  surfaceOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { answerList } from './lists.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];
let world: World;
beforeEach(() => {
  world = worldOf();
  have(NAMES);
});
afterEach(() => world.close());

function have(names: readonly string[]): void {
  world.catalog = catalogOf({ servers: [serverOf('memory', names), serverOf('files', ['read'])] });
}

interface Listed {
  readonly names: readonly string[];
  readonly next: string | undefined;
  readonly code: number | undefined;
}
function page(
  cursor?: unknown,
  itemsMax = 2,
  over: Partial<ReturnType<typeof callerOf>> = {},
  method = 'tools/list',
): Listed {
  const message = messageOf(request(method, cursor === undefined ? {} : { cursor }));
  const call = { ...sessionCallOf(world, message), ...over };
  const outcome = answerList(call, method === 'tools/list' ? 'tools' : 'prompts', itemsMax);
  if (outcome.kind !== 'immediate') throw new Error(outcome.kind);
  const { result, error } = JSON.parse(outcome.answer.body.toString());
  const names = (result?.tools ?? result?.prompts ?? []).map(({ name }: { name: string }) => name.split('__')[1]);
  return { names, next: result?.nextCursor, code: error?.code };
}

describe('a list on several pages', () => {
  test('has each item once, in its order, and ends', () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { names, next } = page(cursor);
      seen.push(...names);
      cursor = next;
    } while (cursor !== undefined);
    expect(seen).toEqual([...NAMES, 'read']);
  });
  test('that fits exactly has one page', () => {
    expect(page(undefined, 6)).toMatchObject({ names: [...NAMES, 'read'], next: undefined });
  });
  test('that changed meanwhile goes on behind the last name', () => {
    const { next } = page();
    have(['0', ...NAMES]);
    expect(page(next).names).toEqual(['c', 'd']);
  });
  test('whose last name is gone goes on at its place', () => {
    const { next } = page();
    have(['a', 'c', 'd', 'e']);
    expect(page(next).names).toEqual(['d', 'e']);
  });
  test('that became shorter ends', () => {
    const { next } = page(undefined, 5);
    have([]);
    expect(page(next)).toMatchObject({ names: [], next: undefined, code: undefined });
  });
});

describe('a cursor is refused', () => {
  test.each([
    ['that is empty', ''],
    ['that is a number', 1],
    ['that is null', null],
    ['of nobody', 'abc'],
  ])('%s', (_, cursor) => {
    expect(page(cursor).code).toBe(-32602);
  });
  test('that was altered', () => {
    const next = page().next!;
    expect(page(`${next.slice(0, -9)}AAAA${next.slice(-5)}`).code).toBe(-32602);
  });
  test('of another list', () => {
    expect(page(page().next, 2, {}, 'prompts/list').code).toBe(-32602);
  });
  test('of another principal', () => {
    expect(page(page().next, 2, { principal: principalOf('bob') }).code).toBe(-32602);
  });
  test('of another surface', () => {
    expect(page(page().next, 2, { surface: surfaceOf('other', ['memory', 'files']) }).code).toBe(-32602);
  });
  test('after its time', () => {
    const { next } = page();
    world.nowMs += 25 * 60 * 60 * 1000;
    expect(page(next).code).toBe(-32602);
  });
});
