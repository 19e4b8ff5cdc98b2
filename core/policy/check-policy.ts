// Decides whether a policy is one that this version can enforce to the letter.
import { compileTarget } from './pattern.ts';
import { type Policy, TARGET_MEMBERS, type Who } from './types.ts';
import { WHO_KEYS } from './who.ts';

const TARGET_KEYS = Object.values(TARGET_MEMBERS);
const POLICY_KEYS = new Set(['kind', 'name', 'version', 'description', 'surfaces', 'rules']);
const RULE_KEYS = new Set(['id', 'effect', 'who', 'reason', ...TARGET_KEYS]);

/**
 * Null when it is; else one sentence for the operator. A service asks before it takes a policy over ADS and refuses it
 * (NACK) otherwise: a member that it does not know could be a condition, and an allow without its condition is a hole.
 */
export function checkPolicy(policy: Policy): string | null {
  if (!isObject(policy)) return 'a policy is an object';
  if (typeof policy.name !== 'string' || policy.name === '') return 'a policy has a name';
  if (policy.version !== 'tbac/v1') return `version must be "tbac/v1", found ${JSON.stringify(policy.version)}`;
  return (
    unknownKey(policy, POLICY_KEYS, 'the policy') ??
    listProblem(policy.surfaces, 'surfaces') ??
    (Array.isArray(policy.rules) ? null : 'rules must be a list') ??
    firstProblem(policy.rules, ruleProblem) ??
    repeatedId(policy)
  );
}

function ruleProblem(rule: Policy['rules'][number]): string | null {
  if (!isObject(rule) || typeof rule.id !== 'string' || rule.id === '') return 'a rule is an object with an id';
  const where = `rule "${rule.id}"`;
  if (rule.effect !== 'allow' && rule.effect !== 'deny') {
    return `${where}: effect must be "allow" or "deny", found ${JSON.stringify(rule.effect)}`;
  }
  if (rule.reason !== undefined && typeof rule.reason !== 'string') return `${where}: reason must be a string`;
  const named = TARGET_KEYS.filter((key) => rule[key] !== undefined);
  if (named.length === 0) return `${where}: a rule names tools, prompts or resources`;
  return (
    unknownKey(rule, RULE_KEYS, where) ??
    firstProblem(named, (key) => listProblem(rule[key], `${where}: ${key}`)) ??
    firstProblem(named, (key) =>
      firstProblem(rule[key] ?? [], (pattern) =>
        compileTarget(pattern) === null
          ? `${where}: ${key} has "${pattern}", wanted "SERVER/NAME" with * for any run of characters, or "*"`
          : null,
      ),
    ) ??
    (rule.who === undefined ? null : whoProblem(rule.who, `${where}: who`))
  );
}

function whoProblem(who: Who, where: string): string | null {
  if (!isObject(who)) return `${where} must be an object`;
  const { not, ...lists } = who;
  return (
    unknownKey(who, WHO_KEYS, where) ??
    firstProblem(Object.entries(lists), ([key, values]) => listProblem(values, `${where}.${key}`)) ??
    (not === undefined ? null : (whoProblem(not, `${where}.not`) ?? emptyNot(not, where)))
  );
}

/** "Everybody but everybody" would switch a deny rule off without a word. */
function emptyNot(not: Who, where: string): string | null {
  return Object.keys(not).length === 0 ? `${where}.not must name somebody` : null;
}

function repeatedId(policy: Policy): string | null {
  const ids = policy.rules.map((rule) => rule.id);
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  return repeated === undefined ? null : `the rule id "${repeated}" is used twice`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownKey(value: object, known: ReadonlySet<string>, where: string): string | null {
  const key = Object.keys(value).find((candidate) => !known.has(candidate));
  return key === undefined ? null : `${where} has "${key}", which this version does not know`;
}

function listProblem(value: unknown, where: string): string | null {
  const good = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
  return good ? null : `${where} must be a list of at least one string`;
}

function firstProblem<T>(items: readonly T[], problem: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = problem(item);
    if (found !== null) return found;
  }
  return null;
}
