// Decides whether a policy is one that this version can enforce to the letter.
import { LIMITS } from '../limits.ts';
import { compileNetworks } from '../policy/addresses.ts';
import { compileCondition } from '../policy/cel/compile.ts';
import { durationMs } from '../policy/duration.ts';
import { compileTarget } from '../policy/pattern.ts';
import { redactPathProblem } from '../policy/redact-path.ts';
import { type Policy, TARGET_MEMBERS, type TargetKind, type TargetPattern, type Who } from '../policy/types.ts';
import { type PolicyDocument, type Problem, parseDocument, policyOf } from './document.ts';

type Path = readonly (string | number)[];
type Targets = Readonly<Partial<Record<'tools' | 'prompts' | 'resources', readonly TargetPattern[]>>>;

/**
 * Null when it is; else one sentence for the operator. A service asks before it takes a policy over ADS and refuses it
 * (NACK) otherwise: a member that it does not know could be a condition, and an allow without its condition is a hole.
 */
export function checkPolicy(policy: Policy): string | null {
  const parsed = parseDocument({ ...policy, kind: 'Policy' });
  const [problem] =
    'problems' in parsed ? parsed.problems : policyProblems(policyOf(parsed.document as PolicyDocument));
  return problem === undefined ? null : `${problem.path.join('.')}: ${problem.message}`;
}

/** What its schema does not see: patterns, networks, conditions, lengths of time, paths, tasks that nobody defines. */
export function policyProblems(policy: Policy): Problem[] {
  const tasks = Object.entries(policy.tasks ?? {}).flatMap(([name, task]) => targetProblems(task, ['tasks', name]));
  return [...tasks, ...policy.rules.flatMap((rule, index) => ruleProblems(policy, rule, ['rules', index]))];
}

function ruleProblems(policy: Policy, rule: Policy['rules'][number], path: Path): Problem[] {
  const problems = [...targetProblems(rule, path), ...whoProblems(rule.who, [...path, 'who'])];
  for (const [place, text] of (rule.when ?? []).entries())
    problems.push(...conditionProblems(text, [...path, 'when', place]));
  const named = [rule.tools, rule.prompts, rule.resources].some((member) => member !== undefined);
  for (const task of rule.task ?? []) {
    if (named || task.includes('*') || Object.hasOwn(policy.tasks ?? {}, task)) continue;
    const message = `the rule names no tools, prompts or resources, and the task "${task}" is not in this policy's tasks`;
    problems.push({ path: [...path, 'task'], message });
  }
  const { rate = [], budget = [], approve, redact = [] } = rule.obligations ?? {};
  for (const [key, quotas] of [
    ['rate', rate],
    ['budget', budget],
  ] as const) {
    for (const [place, { per }] of quotas.entries()) {
      problems.push(...durationProblems(per, LIMITS.quotaWindowMaxMs, [...path, 'obligations', key, place, 'per']));
    }
  }
  if (approve?.when !== undefined)
    problems.push(...conditionProblems(approve.when, [...path, 'obligations', 'approve', 'when']));
  if (approve?.within !== undefined)
    problems.push(
      ...durationProblems(approve.within, LIMITS.approvalWithinMaxMs, [...path, 'obligations', 'approve', 'within']),
    );
  for (const [place, text] of redact.entries()) {
    const message = redactPathProblem(text);
    if (message !== null) problems.push({ path: [...path, 'obligations', 'redact', place], message });
  }
  return problems;
}

const WANTED = 'wanted "SERVER/NAME" with * for any run of characters, "@LABEL", "@LABEL=VALUE", or "*"';

function targetProblems(targets: Targets, path: Path): Problem[] {
  return (Object.entries(TARGET_MEMBERS) as [TargetKind, keyof Targets][]).flatMap(([kind, member]) =>
    (targets[member] ?? []).flatMap((pattern, place): Problem[] => {
      if (compileTarget(pattern, kind, 'allow') !== null) return [];
      const text = typeof pattern === 'string' ? pattern : pattern.match;
      return [{ path: [...path, member, place], message: `found "${text}", ${WANTED}` }];
    }),
  );
}

function whoProblems(who: Who | undefined, path: Path): Problem[] {
  if (who === undefined) return [];
  const networks = (who.networks ?? []).flatMap((network, place): Problem[] =>
    compileNetworks([network]) !== null
      ? []
      : [{ path: [...path, 'networks', place], message: `found "${network}", wanted a network as "10.0.0.0/8"` }],
  );
  return [...networks, ...whoProblems(who.not, [...path, 'not'])];
}

function conditionProblems(text: string, path: Path): Problem[] {
  const compiled = compileCondition(text);
  if (compiled.ok) return [];
  const { problem, column, suggestion } = compiled;
  const place = column === undefined ? '' : ` (column ${column})`;
  const instead = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
  return [{ path, message: `${problem}${place}${instead}` }];
}

function durationProblems(text: string, maxMs: number, path: Path): Problem[] {
  if (durationMs(text, maxMs) !== null) return [];
  return [{ path, message: `found "${text}", wanted a length of time as 30s, 15m, 12h or 7d` }];
}
