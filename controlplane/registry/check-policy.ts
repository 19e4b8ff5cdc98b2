// Decides whether the services could enforce a policy: what they could not is refused here, where its author reads why.
import { policyProblems as problemsOf } from '../../core/catalog/check-policy.ts';
import { type PolicyDocument, type Problem, policyOf } from '../../core/catalog/document.ts';
import { selfTest } from '../../core/catalog/policy-tests.ts';
import type { PolicyTest } from '../../core/policy/types.ts';

/** Its tests run only when all of it can be read: what cannot be read decides nothing. */
export function policyProblems(document: PolicyDocument): Problem[] {
  const policy = policyOf(document);
  const problems = problemsOf(policy);
  if (problems.length > 0) return problems;
  return selfTest(policy, (document.tests ?? []) as readonly PolicyTest[]).map(({ index, name, message }) => ({
    path: ['tests', index],
    message: `${name}: ${message}`,
  }));
}
