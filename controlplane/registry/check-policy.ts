// Decides whether the services could enforce a policy: what they could not is refused here, where its author reads why.
import type { PolicyDocument, Problem } from '../../core/catalog/document.ts';
import { checkPolicy } from '../../core/policy/check-policy.ts';
import { compileTarget } from '../../core/policy/pattern.ts';

const TARGET_KEYS = ['tools', 'prompts', 'resources'] as const;

export function policyProblems(policy: PolicyDocument): Problem[] {
  const problems: Problem[] = [];
  for (const [index, rule] of policy.rules.entries()) {
    for (const key of TARGET_KEYS) {
      for (const [place, pattern] of (rule[key] ?? []).entries()) {
        if (compileTarget(pattern) !== null) continue;
        const message = `found "${pattern}", wanted "SERVER/NAME" with * for any run of characters, or "*"`;
        problems.push({ path: ['rules', index, key, place], message });
      }
    }
  }
  if (problems.length > 0) return problems;
  // What is for people stays in the registry; the services are given the rest.
  const { kind: _kind, labels: _labels, description: _description, ...enforced } = policy;
  const message = checkPolicy(enforced as Parameters<typeof checkPolicy>[0]);
  return message === null ? [] : [{ path: [], message }];
}
