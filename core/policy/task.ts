// Decides for which of a principal's tasks a rule holds on a target.
import { compileGlob, type Glob } from './glob.ts';
import { compileTargets, type TargetTest } from './pattern.ts';
import { type Policy, type Principal, type Rule, TARGET_MEMBERS, type Target, type Task } from './types.ts';

/** The first of the principal's tasks for which the rule holds; null: none. Never throws. */
export type TaskTest = (principal: Principal) => string | null;

interface Reach {
  readonly surfaces: readonly Glob[] | null;
  readonly targets: Readonly<Record<Target['kind'], TargetTest>>;
}

export interface CompiledTask {
  /** What is left to ask when surface and target are known; null: no task has them. */
  on(surface: string, target: Target): TaskTest | null;
  /** For an index: tasks without a star; null: the rule has patterns. */
  readonly exact: readonly string[] | null;
}

/** null: the rule asks for no task. */
export function compileTask(policy: Policy, rule: Rule): CompiledTask | null {
  if (rule.task === undefined) return null;
  const globs = rule.task.map(compileGlob);
  const defined = Object.entries(policy.tasks ?? {})
    .filter(([name]) => globs.some((glob) => glob(name)))
    .map(([name, task]) => [name, reachOf(task, rule)] as const);
  const all = new Set(defined.map(([name]) => name));
  const exact = rule.task.every((task) => !task.includes('*')) ? rule.task : null;
  // A rule that names nothing itself reaches what its tasks name: of a task that nobody defines, nothing.
  const free = isBareTask(rule) ? () => false : (task: string) => !all.has(task);
  return {
    exact,
    on(surface, target) {
      const covered = new Set(defined.filter(([, reach]) => reaches(reach, surface, target)).map(([name]) => name));
      if (exact?.every((task) => !free(task) && !covered.has(task)) === true) return null;
      return ({ tasks }) =>
        tasks.find((task) => globs.some((glob) => glob(task)) && (free(task) || covered.has(task))) ?? null;
    },
  };
}

/** Whether what a rule names is only what its tasks name. */
export function isBareTask({ task, tools, prompts, resources }: Rule): boolean {
  return task !== undefined && tools === undefined && prompts === undefined && resources === undefined;
}

function reachOf(task: Task, { effect }: Rule): Reach {
  const unreadable = effect === 'deny';
  const test = (kind: Target['kind']): TargetTest =>
    compileTargets(task[TARGET_MEMBERS[kind]] ?? [], kind, effect, unreadable);
  return {
    surfaces: task.surfaces?.map(compileGlob) ?? null,
    targets: { tool: test('tool'), prompt: test('prompt'), resource: test('resource') },
  };
}

function reaches({ surfaces, targets }: Reach, surface: string, target: Target): boolean {
  return (surfaces === null || surfaces.some((glob) => glob(surface))) && targets[target.kind](target);
}
