// Decides whether a policy does what its own tests say.
import { compileSchema } from '../arguments/schema.ts';
import type { Value } from '../mcp/value.ts';
import { type CompiledPolicies, compilePolicies, type DecisionQuestion, decide, visible } from '../policy/decide.ts';
import { explain } from '../policy/explain.ts';
import {
  NO_FACTS,
  type Policy,
  type PolicyTest,
  type Principal,
  type Target,
  type TargetKind,
} from '../policy/types.ts';

/** Path inside the test, and what was found there. */
export interface FailedTest {
  readonly index: number;
  readonly name: string;
  readonly message: string;
}

/** 2026-01-01 12:00 UTC, a Thursday: a test that says no time must not depend on the day it is run. */
const USUAL_TIME_MS = Date.UTC(2026, 0, 1, 12);
const KINDS = { tools: 'tool', prompts: 'prompt', resources: 'resource' } as const;

/**
 * Runs the tests by the engine that decides calls, over this policy alone: what it denies by itself no other can allow.
 * A policy in shadow is tested as if it were enforced. Empty: all passed. Total.
 */
export function selfTest(policy: Policy, tests: readonly PolicyTest[]): readonly FailedTest[] {
  const compiled = compilePolicies([{ ...policy, mode: 'enforce' }]);
  return tests.flatMap((test, index) =>
    runOne(policy, compiled, test).map((message) => ({ index, name: test.name ?? `test ${index + 1}`, message })),
  );
}

function runOne(policy: Policy, compiled: CompiledPolicies, test: PolicyTest): string[] {
  const { call, list } = test;
  if (call !== undefined) {
    const kind: TargetKind = call.tool !== undefined ? 'tool' : call.prompt !== undefined ? 'prompt' : 'resource';
    const target = targetOf(kind, call.tool ?? call.prompt ?? call.resource ?? '', test);
    if (target === null) return ['the call must name "SERVER/NAME"'];
    const found = outcomeOf(policy, compiled, test, target);
    if (matches(found, test.expect ?? '')) return [];
    const why = whyNot(policy, compiled, test, target);
    return [`found "${found.join('" or "')}", wanted "${test.expect}"${why === '' ? '' : `: ${why}`}`];
  }
  const kind = KINDS[list ?? 'tools'];
  const shown = (name: string): boolean => {
    const target = targetOf(kind, name, test);
    return target !== null && visible(compiled, questionOf(test, target)).shown;
  };
  return [
    ...(test.shown ?? []).filter((name) => !shown(name)).map((name) => `"${name}" is hidden, wanted shown`),
    ...(test.hidden ?? []).filter(shown).map((name) => `"${name}" is shown, wanted hidden`),
  ];
}

/** Everything that may be said of the outcome, the plainest first. */
function outcomeOf(policy: Policy, compiled: CompiledPolicies, test: PolicyTest, target: Target): string[] {
  const args = (test.call?.args ?? {}) as Value;
  const schema = test.facts?.[`${target.server}/${target.name}`]?.inputSchema;
  if (schema !== undefined) {
    const checked = compileSchema(schema);
    if (!checked.ok || checked.check(args) !== null) return ['deny', 'deny schema'];
  }
  const { allowed, ruleIds, obligations } = decide(compiled, { ...questionOf(test, target), args: () => args });
  const short = (id: string): string => id.slice(policy.name.length + 1);
  if (!allowed) return ['deny', ...ruleIds.map((id) => `deny ${short(id)}`)];
  const approvals = obligations?.approvals ?? [];
  if (approvals.length > 0) return ['approve', ...approvals.map(({ rule }) => `approve ${short(rule)}`)];
  return ['allow', ...ruleIds.map((id) => `allow ${short(id)}`)];
}

/** What keeps the rule from holding that the test names; '' where it names none, or the rule holds. */
function whyNot(policy: Policy, compiled: CompiledPolicies, test: PolicyTest, target: Target): string {
  const [, id = ''] = (test.expect ?? '').split(' ');
  const args = (test.call?.args ?? {}) as Value;
  const { rules } = explain(compiled, { ...questionOf(test, target), args: () => args });
  const rule = rules.find((each) => each.rule === `${policy.name}/${id}`);
  if (rule === undefined) return id === '' || id === 'schema' ? '' : `no rule has the id ${JSON.stringify(id)}`;
  if (rule.holds === 'true') return '';
  const parts = [
    ...(rule.surface ? [] : ['another surface']),
    ...(rule.target ? [] : ['another target']),
    ...(rule.task ? [] : ['another task']),
    ...rule.whoFails.map((member) => `who.${member} does not fit`),
    ...rule.conditions.flatMap(({ text, truth, why }) =>
      truth === 'true' ? [] : [`${text} is ${truth}${why === undefined ? '' : ` (${why})`}`],
    ),
  ];
  return parts.join(', ');
}

function matches(found: readonly string[], wanted: string): boolean {
  return found.includes(wanted);
}

function targetOf(kind: TargetKind, text: string, { facts }: PolicyTest): Target | null {
  const cut = text.indexOf('/');
  if (cut <= 0 || cut === text.length - 1) return null;
  const said = facts?.[text];
  return {
    kind,
    server: text.slice(0, cut),
    name: text.slice(cut + 1),
    facts:
      said === undefined
        ? NO_FACTS
        : {
            ...NO_FACTS,
            labels: said.labels ?? {},
            classification: said.classification ?? '',
            annotations: said.annotations ?? {},
            overrides: said.overrides ?? {},
          },
  };
}

const METHODS = { tool: 'tools/call', prompt: 'prompts/get', resource: 'resources/read' } as const;

function questionOf(test: PolicyTest, target: Target): DecisionQuestion {
  const at = test.at === undefined ? USUAL_TIME_MS : Date.parse(test.at);
  return {
    id: 'test',
    revision: 0,
    surface: test.surface ?? 'default',
    principal: principalOf(test.as ?? {}),
    target,
    labels: () => test.session ?? [],
    request: {
      method: METHODS[target.kind],
      era: 'legacy',
      protocolVersion: '2025-11-25',
      address: test.as?.address ?? null,
    },
    nowMs: at,
  };
}

function principalOf(as: NonNullable<PolicyTest['as']>): Principal {
  const { subject = 'somebody', issuer = 'https://issuer.test', groups = [], scopes = [], tasks = [] } = as;
  const said = { sub: subject, iss: issuer, groups, scope: scopes.join(' ') };
  return {
    issuer,
    subject,
    groups,
    scopes,
    tasks,
    agent: as.agent ?? null,
    claims: { ...said, ...as.claims },
    kind: 'jwt',
    expiresAtMs: Number.MAX_SAFE_INTEGER,
  };
}
