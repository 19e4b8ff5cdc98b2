// Decides whether Chancery conforms as well as the server behind it, and writes down by how much.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { differences, type Recorded, type Worse, worseThan } from './compare.ts';
import { type Measured, startMeasured } from './gateway.ts';
import type { Results } from './results.ts';
import { NAME_INDEPENDENT, SETS } from './sets.ts';
import { runSuite, scoredScenarios } from './suite.ts';
import { document, type SetResults } from './table.ts';

const EXPECTED = join(import.meta.dirname, 'expected.json');
const DOCUMENT = join(ROOT_DIR, 'docs', 'conformance.md');
const USAGE = `npm run conformance -- [--accept] [--direct URL --surface NAME=URL …]
  --accept    writes down what was found (expected.json, docs/conformance.md) instead of comparing with it
  --direct    the fixture server, when it runs already; --surface, each: a surface on it (single=…, federated=…)
`;

const { values } = parseArgs({
  options: {
    accept: { type: 'boolean', default: false },
    direct: { type: 'string' },
    surface: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});

function given(direct: string): Measured {
  const surfaces = new Map(
    values.surface.map((text): [string, string] => {
      const [name = '', url] = text.split(/=(.*)/s);
      if (url === undefined) throw new Error(`--surface is NAME=URL, found ${JSON.stringify(text)}`);
      return [name, url];
    }),
  );
  return { direct, surfaces, close: async () => {} };
}

/** Of a surface with other names only what does not hang on names. */
function telling(surface: string, results: Results): Results {
  if (surface !== 'federated') return results;
  return new Map([...results].filter(([scenario]) => NAME_INDEPENDENT.has(scenario)));
}

async function measure({ direct, surfaces }: Measured): Promise<{ sets: SetResults[]; found: Recorded }> {
  const sets: SetResults[] = [];
  const found: Record<string, Record<string, Worse>> = {};
  for (const { name, args, requirements } of SETS) {
    process.stderr.write(`${name}: direct`);
    const bare = await runSuite(direct, args);
    const through = new Map<string, Results>();
    for (const [surface, url] of surfaces) {
      process.stderr.write(`, ${surface}`);
      const results = telling(surface, await runSuite(url, args));
      through.set(surface, results);
      const worse = worseThan(telling(surface, bare), results);
      if (Object.keys(worse).length > 0) found[surface] = { ...found[surface], [name]: worse };
    }
    process.stderr.write('\n');
    const scored = requirements === null ? null : scoredScenarios(requirements);
    sets.push({ name, scored, direct: bare, surfaces: through });
  }
  return { sets, found };
}

function read(path: string, absent: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return absent;
  }
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const measured = values.direct === undefined ? await startMeasured() : given(values.direct);
  try {
    const { sets, found } = await measure(measured);
    if (values.accept) {
      const text = document(sets, found);
      writeFileSync(EXPECTED, `${JSON.stringify(found, null, 2)}\n`);
      writeFileSync(DOCUMENT, text);
      return 0;
    }
    const unlike = differences(JSON.parse(read(EXPECTED, '{}')) as Recorded, found);
    for (const { kind, text } of unlike) process.stdout.write(`${kind}: ${text}\n`);
    // What is not recorded has no reason yet.
    const old = unlike.length > 0 || read(DOCUMENT, '') !== document(sets, found);
    if (old) process.stdout.write('docs/conformance.md does not say what was found\n');
    if (unlike.length === 0 && !old) {
      process.stdout.write('as recorded\n');
      return 0;
    }
    process.stdout.write('when this is right: npm run conformance -- --accept\n');
    return 1;
  } finally {
    await measured.close();
  }
}

process.exitCode = await main();
