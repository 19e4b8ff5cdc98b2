import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { fuzz } from './run.ts';

const CASES = 20_000;
const SEED_MAX = 2 ** 31;
const DEADLINE_MS = 120_000;

test(
  'nothing throws past its boundary, nothing hangs, and every property holds',
  async () => {
    const cases = Number(process.env.FUZZ_CASES ?? CASES);
    const seed = Number(process.env.FUZZ_SEED ?? randomInt(SEED_MAX));
    expect(await fuzz({ cases, seed, only: process.env.FUZZ_ONLY ?? '' })).toEqual([]);
  },
  DEADLINE_MS,
);
