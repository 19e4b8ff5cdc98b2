import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { createAsking } from './asking.ts';
import { createLevels } from './levels.ts';
import { createParking } from './parking.ts';

let nowMs = 1_000;
const now = (): number => nowMs;
const ended: string[] = [];
const closing: { close(): void }[] = [];
afterEach(() => {
  for (const each of closing.splice(0)) each.close();
  ended.length = 0;
  nowMs = 1_000;
});

describe('parked calls', () => {
  const callOf = (owner: string, name = owner) => ({ owner, expire: () => void ended.push(name) });
  const parkingOf = (over: object = {}) => {
    const parking = createParking({ now, ...over });
    closing.push(parking);
    return parking;
  };
  test('are found by their owner, once', () => {
    const parking = parkingOf();
    const call = callOf('alice');
    expect(parking.park('1', call, 10)).toBe(true);
    expect(parking.take('1', 'bob')).toBe(null);
    expect(parking.take('2', 'alice')).toBe(null);
    expect(parking.take('1', 'alice')).toBe(call);
    expect(parking.take('1', 'alice')).toBe(null);
    expect([parking.size, parking.chars]).toEqual([0, 0]);
  });
  test('are bounded for one owner, and leave the others their room', () => {
    const parking = parkingOf({ callsPerOwnerMax: 2 });
    expect(['1', '2', '3'].map((id) => parking.park(id, callOf('alice'), 0))).toEqual([true, true, false]);
    expect(parking.park('4', callOf('bob'), 0)).toBe(true);
    parking.take('1', 'alice');
    expect(parking.park('5', callOf('alice'), 0)).toBe(true);
  });
  test('are bounded in number', () => {
    const parking = parkingOf({ callsMax: 1 });
    expect(parking.park('1', callOf('alice'), 0)).toBe(true);
    expect(parking.park('2', callOf('bob'), 0)).toBe(false);
  });
  test('are bounded in what all hold', () => {
    const parking = parkingOf({ charsMax: 10 });
    expect(parking.park('1', callOf('alice'), 6)).toBe(true);
    expect(parking.park('2', callOf('bob'), 5)).toBe(false);
    expect(parking.grow('1', 10)).toBe(true);
    expect(parking.grow('1', 11)).toBe(false);
    expect([parking.size, parking.chars]).toEqual([0, 0]);
  });
  test('end when their time is over, the others do not', () => {
    const parking = parkingOf();
    parking.park('1', callOf('alice', 'first'), 0);
    nowMs += 10;
    parking.park('2', callOf('alice', 'second'), 0);
    nowMs = 1_000 + LIMITS.parkedCallMs;
    expect(parking.take('1', 'alice')).toBe(null);
    parking.sweep();
    expect(ended).toEqual(['first']);
    expect(parking.take('2', 'alice')).not.toBe(null);
  });
  test('end with the process', () => {
    const parking = parkingOf();
    parking.park('1', callOf('alice'), 0);
    parking.close();
    expect(ended).toEqual(['alice']);
  });
});

describe('asked calls', () => {
  const callOf = (tokenId: string, idText = '1') => ({
    tokenId,
    idText,
    answered: () => undefined,
    expire: () => void ended.push(tokenId),
    cancel: () => undefined,
  });
  const askingOf = (over: object = {}) => {
    const asking = createAsking({ now, ...over });
    closing.push(asking);
    return asking;
  };
  test('are found by their session only', () => {
    const asking = askingOf();
    const call = callOf('s', '"x"');
    asking.add('1', call);
    expect(asking.find('1', 's')).toBe(call);
    expect(asking.find('1', 't')).toBe(null);
    expect(asking.called('s', '"x"')).toBe(call);
    expect(asking.called('t', '"x"')).toBe(null);
    expect(asking.called('s', '1')).toBe(null);
    asking.remove('1');
    expect(asking.find('1', 's')).toBe(null);
    expect(asking.size).toBe(0);
  });
  test('are bounded, for one session and for all', () => {
    const asking = askingOf({ callsPerSessionMax: 1, callsMax: 2 });
    expect([asking.add('1', callOf('s')), asking.add('2', callOf('s'))]).toEqual([true, false]);
    expect([asking.add('3', callOf('t')), asking.add('4', callOf('u'))]).toEqual([true, false]);
  });
  test('end when their time is over, which begins anew with each question', () => {
    const asking = askingOf();
    asking.add('1', callOf('first'));
    asking.add('2', callOf('second'));
    nowMs += LIMITS.askedCallMs - 1;
    asking.renew('1');
    nowMs += 1;
    asking.sweep();
    expect(ended).toEqual(['second']);
  });
});

test('levels are bounded: the session that was heard of least goes', () => {
  const levels = createLevels(1);
  levels.set('a', 'info');
  expect(levels.get('a')).toBe('info');
  levels.set('b', 'debug');
  expect([levels.get('a'), levels.get('b')]).toEqual([null, 'debug']);
});
