// Decides how policies are checked and their tests run on the command line, without a control plane.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { policyProblems } from '../../core/catalog/check-policy.ts';
import { type Document, type Problem, parseDocument, policyOf } from '../../core/catalog/document.ts';
import { selfTest } from '../../core/catalog/policy-tests.ts';
import { LIMITS } from '../../core/limits.ts';
import type { PolicyTest } from '../../core/policy/types.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { oneLine } from '../terminal.ts';
import { type InputDocument, type Located, readSources, type Source } from './apply-input.ts';
import { problemText } from './problems.ts';
import { readText } from './read-bounded.ts';

type Outcome = { readonly problems: readonly Located[]; readonly passed: number };
type PolicyDocument = Extract<Document, { kind: 'Policy' }>;

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('policy test', args);
  if ('problem' in read) return misused('policy test', read.problem, context);
  let policies = 0;
  let wrong = 0;
  for (const file of read.words) {
    const main = await sourceOf(file, context);
    if ('problem' in main) return failed('policy test', main.problem, context);
    const beside = besideName(file);
    const more = existsSync(resolve(context.cwd, beside)) ? await sourceOf(beside, context) : null;
    if (more !== null && 'problem' in more) return failed('policy test', more.problem, context);
    const input = readSources([main]);
    const besides = more === null ? { documents: [], problems: [] } : readSources([more]);
    const found = input.documents.filter(({ value }) => isPolicy(value));
    policies += found.length;
    const outcome = together([
      { problems: [...input.problems, ...besides.problems], passed: 0 },
      ...found.map((document) => testPolicy(document, besides.documents, found.length === 1)),
      ...besides.documents.map((document) => strayTests(document, found)),
    ]);
    wrong += outcome.problems.length;
    tell(file, outcome, context);
  }
  if (policies === 0) return failed('policy test', 'there is no policy in these files', context);
  return wrong === 0 ? EXIT_STATUSES.done.status : EXIT_STATUSES.failed.status;
}

async function sourceOf(file: string, context: CliContext): Promise<Source | { readonly problem: string }> {
  const read = await readText(file, LIMITS.apiBodyBytesMax, context);
  return 'problem' in read ? read : { file, text: read.text };
}

/** `refunds.yaml` has `refunds.tests.yaml` beside it. */
function besideName(file: string): string {
  return file.replace(/(\.ya?ml|\.json)?$/, (ending) => `.tests${ending === '' ? '.yaml' : ending}`);
}

function isPolicy(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'kind') === 'Policy';
}

/** Tests beside a policy: a list, or `tests` with the name of the policy they are of. */
function testsBeside({ value }: InputDocument): {
  readonly policy: string | undefined;
  readonly tests: unknown;
  readonly path: readonly string[];
} {
  if (Array.isArray(value) || typeof value !== 'object' || value === null)
    return { policy: undefined, tests: value, path: [] };
  const { policy, tests } = value as { policy?: unknown; tests?: unknown };
  return { policy: typeof policy === 'string' ? policy : undefined, tests, path: ['tests'] };
}

function testPolicy(document: InputDocument, besides: readonly InputDocument[], only: boolean): Outcome {
  const outcome = checked(document.value, document.locate);
  if ('problems' in outcome) return { ...outcome, passed: 0 };
  const { policy } = outcome;
  const own = runTests(policy, policy.tests ?? [], ['tests'], document.locate);
  const others = besides.map((beside) => {
    const { policy: named, tests, path } = testsBeside(beside);
    if (named === undefined ? !only : named !== policy.name) return { problems: [], passed: 0 };
    // Read by the schema of the document, as if they stood in it.
    const locate = (problem: Problem): Located =>
      beside.locate({ ...problem, path: problem.path[0] === 'tests' ? [...path, ...problem.path.slice(1)] : [] });
    const read = checked({ ...(document.value as object), tests }, locate);
    if ('problems' in read) return { ...read, passed: 0 };
    return runTests(read.policy, read.policy.tests ?? [], ['tests'], locate);
  });
  return together([own, ...others]);
}

/** A file of tests that are of no policy would pass without a word. */
function strayTests(document: InputDocument, policies: readonly InputDocument[]): Outcome {
  const { policy: named } = testsBeside(document);
  const names = policies.map(({ value }) => String(Reflect.get(value as object, 'name')));
  if (named === undefined ? names.length === 1 : names.includes(named)) return { problems: [], passed: 0 };
  const message =
    named === undefined
      ? 'say which policy these tests are of: policy, and tests'
      : `no policy of the file is named "${named}"`;
  return { problems: [document.locate({ path: named === undefined ? [] : ['policy'], message })], passed: 0 };
}

function checked(
  value: unknown,
  locate: InputDocument['locate'],
): { readonly policy: PolicyDocument } | { readonly problems: readonly Located[] } {
  const parsed = parseDocument(value);
  if ('problems' in parsed) return { problems: parsed.problems.map(locate) };
  if (parsed.document.kind !== 'Policy') return { problems: [] };
  const problems = policyProblems(policyOf(parsed.document)).map(locate);
  return problems.length > 0 ? { problems } : { policy: parsed.document };
}

function runTests(
  policy: PolicyDocument,
  tests: readonly unknown[],
  path: readonly string[],
  locate: InputDocument['locate'],
): Outcome {
  const failures = selfTest(policyOf(policy), tests as readonly PolicyTest[]);
  const problems = failures.map(({ index, name, message }) =>
    locate({ path: [...path, index], message: `${name}: ${message}` }),
  );
  return { problems, passed: tests.length - new Set(failures.map(({ index }) => index)).size };
}

function together(outcomes: readonly Outcome[]): Outcome {
  return {
    problems: outcomes.flatMap(({ problems }) => problems),
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
  };
}

function tell(file: string, { problems, passed }: Outcome, { out, err }: CliContext): void {
  for (const { file: where, line, column, ...problem } of problems)
    err(`${oneLine(where)}:${line}:${column}: ${problemText(problem)}\n`);
  const tests = `${passed} ${passed === 1 ? 'test' : 'tests'} passed`;
  const wrong = problems.length === 0 ? '' : `, ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
  out(`${oneLine(file)}: ${passed === 0 && problems.length === 0 ? 'no tests' : `${tests}${wrong}`}\n`);
}
