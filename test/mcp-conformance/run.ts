// Decides whether Chancery conforms as well as the servers behind it, and writes down by how much.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { compare, type Expected, expectedOf } from './expected.ts';
import { startSubjects } from './gateway.ts';
import { measure, type SetResults } from './measure.ts';
import { DOCUMENT_PATH, EXPECTED_PATH } from './places.ts';
import { SETS } from './sets.ts';
import { document } from './table.ts';

const USAGE = `npm run conformance -- [--accept | --only TEXT] [--report FILE]
  --accept    writes down what was found (expected.json, docs/conformance.md) instead of comparing with it
  --only      of the sets only those whose name has TEXT in it
  --report    writes what the comparison found: {"passed":N,"failed":N}
`;

const { values } = parseArgs({
  options: {
    accept: { type: 'boolean', default: false },
    only: { type: 'string' },
    report: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** Ten times what it takes on two quiet cores; what was started ends with this process. */
const DEADLINE_MS = 15 * 60_000;

async function measured(): Promise<SetResults[]> {
  const subjects = await startSubjects();
  try {
    const found: SetResults[] = [];
    for (const set of SETS)
      if (set.name.includes(values.only ?? ''))
        found.push(await measure(set, subjects, (text) => process.stderr.write(text)));
    return found;
  } finally {
    await subjects.close();
  }
}

function accept(found: Expected): void {
  const text = document(found);
  writeFileSync(EXPECTED_PATH, `${JSON.stringify(found, null, 2)}\n`);
  // As the linter wants it: a scenario on a line.
  execFileSync(join(ROOT_DIR, 'node_modules', '.bin', 'biome'), ['format', '--write', EXPECTED_PATH]);
  writeFileSync(DOCUMENT_PATH, text);
}

async function main(): Promise<number> {
  if (values.help || (values.accept && values.only !== undefined)) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  const found = await measured();
  if (values.accept) {
    accept(expectedOf(found));
    return 0;
  }
  const { compared, differences } = compare(JSON.parse(readFileSync(EXPECTED_PATH, 'utf8')) as Expected, found);
  for (const text of differences) process.stdout.write(`${text}\n`);
  const failed = differences.length;
  // A scenario that is not as it was may have no check that was compared.
  const passed = Math.max(0, compared - failed);
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify({ passed, failed }));
  process.stdout.write(`${compared} checks compared, ${failed} not as recorded\n`);
  if (failed > 0) process.stdout.write('when this is right: npm run conformance -- --accept\n');
  return failed === 0 ? 0 : 1;
}

setTimeout(() => {
  process.stdout.write(`not done after ${DEADLINE_MS / 60_000} minutes\n`);
  process.exit(1);
}, DEADLINE_MS).unref();
process.exitCode = await main();
