// Decides the policy and the call that a unit test of the evaluator begins with.
import type { JsonObject } from '../../core/json.ts';
import type { Value } from '../../core/mcp/value.ts';
import { compilePolicies, type DecisionQuestion, decide, visible } from '../../core/policy/decide.ts';
import {
  type Decision,
  type Facts,
  NO_FACTS,
  type Policy,
  type Principal,
  type Rule,
  type TargetKind,
} from '../../core/policy/types.ts';

export interface CallParts {
  readonly principal?: Partial<Principal>;
  readonly surface?: string;
  readonly kind?: TargetKind;
  /** `server/name`. */
  readonly target?: string;
  readonly facts?: Partial<Facts>;
  readonly args?: JsonObject;
  readonly labels?: readonly string[];
  readonly address?: string | null;
  readonly nowMs?: number;
}

/** A rule allows and speaks of every tool unless it says otherwise; ids are r0, r1, … */
export function policyWith(rules: readonly Partial<Rule>[], over: Partial<Policy> = {}): Policy {
  const whole = rules.map((rule, index): Rule => ({ id: `r${index}`, effect: 'allow', tools: ['*'], ...rule }));
  return { name: 'p', version: 'tbac/v1', mode: 'enforce', surfaces: ['*'], rules: whole, ...over };
}

/** Alice calls `pay/refund`, from an address that is not known. */
export function questionWith(parts: CallParts = {}): DecisionQuestion {
  const { principal, surface = 'default', kind = 'tool', target = 'pay/refund', facts, address = null } = parts;
  const cut = target.indexOf('/');
  return {
    id: 'd1',
    revision: 1,
    surface,
    principal: {
      ...{ issuer: 'https://a.example', subject: 'alice', groups: [], scopes: [], tasks: [], agent: null },
      ...{ claims: {}, kind: 'jwt', expiresAtMs: 0, ...principal },
    },
    target: { kind, server: target.slice(0, cut), name: target.slice(cut + 1), facts: { ...NO_FACTS, ...facts } },
    args: () => (parts.args ?? {}) as Value,
    labels: () => parts.labels ?? [],
    request: { method: 'tools/call', era: 'legacy', protocolVersion: '2025-11-25', address },
    nowMs: parts.nowMs ?? Date.UTC(2026, 0, 1, 12),
  };
}

export function decided(policies: Policy | readonly Policy[], parts: CallParts = {}): Decision {
  return decide(compilePolicies([policies].flat() as readonly Policy[]), questionWith(parts));
}

export function isListed(policies: Policy | readonly Policy[], parts: CallParts = {}): boolean {
  const { args: _, ...question } = questionWith(parts);
  return visible(compilePolicies([policies].flat() as readonly Policy[]), question).shown;
}
