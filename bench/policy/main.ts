// Decides how the policy bench runs and reports: decisions, lists, compilation, memory.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { BOUNDS } from '../bounds.ts';
import { missed, tableOf } from '../xds/figures.ts';
import { SHAPES, type Shape } from './cases.ts';
import { figuresOf, type MeasuredPolicies } from './figures.ts';
import { beforeNs, bytesPerRule, compileMs, decisionNs, effortOf, listMs } from './measure.ts';
import { readPolicyOptions, USAGE } from './options.ts';

const COUNTS = [1, 20, 200] as const;
const MEMORY_COUNTS = [1000, 5000, 20_000] as const;
const COMPILED = 5000;
const TOOLS = 1000;

const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);
const out = (text: string): void => void process.stdout.write(`${text}\n`);

/** In a process of its own: nothing was compiled there before, and nothing is left of another measurement. */
function alone<Result>(...words: readonly string[]): Result {
  const child = spawnSync(process.execPath, [import.meta.filename, ...words], {
    encoding: 'utf8',
    timeout: BOUNDS.policyChildDeadlineMs,
  });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as Result;
}

function measure(isQuick: boolean): MeasuredPolicies {
  const effort = effortOf(isQuick);
  const decisions = (Object.keys(SHAPES) as Shape[]).flatMap((shape) =>
    COUNTS.map((rules) => {
      say(`${rules} rules ${shape}`);
      return { shape, rules, ns: alone<number>('decision', shape, String(rules), String(isQuick)) };
    }),
  );
  say('what comes before a decision');
  const before = beforeNs(effort);
  say('lists');
  const list = { tools: TOOLS, rules: 200, ...listMs(effort, TOOLS, 200) };
  say('compilation and memory');
  const compiles = [0, 1, 2].map(() => alone<number>('compile', String(COMPILED))).sort((a, b) => a - b);
  const memory = MEMORY_COUNTS.map((rules) => ({
    rules,
    ...alone<{ readonly document: number; readonly compiled: number }>('memory', String(rules)),
  }));
  return { decisions, before, list, compile: { rules: COMPILED, ms: compiles[1]! }, memory };
}

/** What `alone` asks for; null: nothing. */
function part([word = '', one = '', two = '', three = '']: readonly string[]): unknown {
  if (word === 'decision') return decisionNs(effortOf(three === 'true'), one as Shape, Number(two));
  if (word === 'compile') return compileMs(Number(one));
  if (word === 'memory') return bytesPerRule(Number(one));
  return null;
}

function main(argv: readonly string[]): number {
  const asked = part(argv);
  if (asked !== null) {
    out(JSON.stringify(asked));
    return 0;
  }
  const options = readPolicyOptions(argv);
  if ('problem' in options) {
    process.stderr.write(`bench: ${options.problem}\n${USAGE}`);
    return 2;
  }
  const measured = measure(options.quick);
  const figures = figuresOf(measured);
  const machine = { processors: availableParallelism(), cpu: cpus()[0]?.model ?? '', node: process.version };
  out(`\n${machine.processors} processors (${machine.cpu}), Node ${machine.node}\n`);
  out(tableOf(figures));
  if (options.json !== null)
    writeFileSync(options.json, `${JSON.stringify({ machine, options, figures, measured }, null, 2)}\n`);
  const sentences = missed(figures);
  for (const sentence of sentences) say(sentence);
  return options.check && sentences.length > 0 ? 1 : 0;
}

try {
  process.exit(main(process.argv.slice(2)));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
