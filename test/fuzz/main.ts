// Decides how the properties are run by hand: `npm run fuzz`, with FUZZ_CASES, FUZZ_SEED and FUZZ_ONLY.
import { randomInt } from 'node:crypto';
import { fuzz } from './run.ts';

const CASES = 1_000_000;
const SEED_MAX = 2 ** 31;

const cases = Number(process.env.FUZZ_CASES ?? CASES);
const seed = Number(process.env.FUZZ_SEED ?? randomInt(SEED_MAX));
const only = process.env.FUZZ_ONLY ?? '';
process.stdout.write(`fuzz: ${cases} cases, seed ${seed}\n`);
const failures = await fuzz({ cases, seed, only, said: (line) => void process.stdout.write(`fuzz: ${line}\n`) });
for (const failure of failures) process.stdout.write(`\n${failure}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
