// Decides with which rules, callers and calls decisions are measured.
import type { Value } from '../../core/mcp/value.ts';
import type { DecisionQuestion } from '../../core/policy/decide.ts';
import type { Facts, Policy, Rule, Target } from '../../core/policy/types.ts';

/** How the rules differ; of each set one speaks of the call that is measured. */
export const SHAPES = {
  'by group': (index: number): Partial<Rule> => ({ who: { groups: [`team-${index}`] }, tools: ['pay/*'] }),
  'by task': (index: number): Partial<Rule> => ({ task: [`task-${index}`], tools: ['pay/*', 'crm/*'] }),
  'by tool': (index: number): Partial<Rule> => ({ tools: [`srv-${index}/*`] }),
  'by claim': (index: number): Partial<Rule> => ({ who: { claims: { tenant: `t-${index}` } }, tools: ['pay/*'] }),
  'by condition': (index: number): Partial<Rule> => ({ tools: ['pay/*'], when: [`jwt.tenant == "t-${index}"`] }),
} as const;
export type Shape = keyof typeof SHAPES;

/** Every tenth denies, beside the one that is measured: the last. */
export function policiesOf(shape: Shape, count: number): readonly Policy[] {
  const rules = Array.from({ length: count }, (_, index): Rule => {
    const isLast = index === count - 1;
    const effect = !isLast && index % 10 === 9 ? 'deny' : 'allow';
    const base = SHAPES[shape](index);
    const when = [...(base.when ?? []), 'args.amount <= 500', 'args.tenant == jwt.tenant'];
    const obligations: Rule['obligations'] = {
      rate: [{ calls: 20, per: '1h', by: ['principal', 'tool'] }],
      redact: ['card'],
    };
    return { id: `r${index}`, effect, ...base, when, ...(effect === 'allow' ? { obligations } : {}) };
  });
  return inPolicies(rules);
}

/** As the documents hold them: no policy has more than so many. */
function inPolicies(rules: readonly Rule[]): readonly Policy[] {
  const policies: Policy[] = [];
  for (let from = 0; from < rules.length; from += 5000) {
    policies.push({
      name: `p${policies.length}`,
      version: 'tbac/v1',
      mode: 'enforce',
      surfaces: ['*'],
      rules: rules.slice(from, from + 5000),
    });
  }
  return policies;
}

const FACTS: Facts = { version: '1', title: 'Refund', labels: {}, classification: '', annotations: {}, overrides: {} };

/** Of whom and of what the last rule of a set speaks. */
export function questionOf(shape: Shape, count: number, args: () => Value = () => ARGS): DecisionQuestion {
  const last = count - 1;
  return {
    id: 'd',
    revision: 1,
    surface: 'default',
    principal: {
      issuer: 'https://login.example.com',
      subject: 'alice',
      groups: ['everybody', 'staff', `team-${last}`],
      scopes: ['tools:call'],
      tasks: ['idle', `task-${last}`],
      agent: 'cli',
      claims: { sub: 'alice', tenant: `t-${last}` },
      kind: 'jwt',
      expiresAtMs: 0,
    },
    target: targetOf(shape === 'by tool' ? `srv-${last}` : 'pay', 'refund'),
    args: () => ({ ...(args() as object), tenant: `t-${last}` }),
    labels: () => [],
    request: { method: 'tools/call', era: 'legacy', protocolVersion: '2025-11-25', address: '10.0.0.1' },
    nowMs: 1_800_000_000_000,
  };
}
const ARGS = { amount: 250, order: 'A-1000', note: 'broken' };

export function targetOf(server: string, name: string): Target {
  return { kind: 'tool', server, name, facts: FACTS };
}

/** Rules that have nothing in common, conditions neither. */
export function distinctPolicies(count: number): readonly Policy[] {
  const rules = Array.from(
    { length: count },
    (_, index): Rule => ({
      id: `r${index}`,
      effect: index % 10 === 9 ? 'deny' : 'allow',
      who: { groups: [`team-${index}`, 'leads'], claims: { tenant: `t-${index}` } },
      tools: [`srv-${index}/get_*`, `srv-${index}/put`],
      when: [`args.amount <= ${index} && args.tenant == jwt.tenant`, `args.region in ["eu-${index}", "us"]`],
      reason: `rule ${index}`,
    }),
  );
  return inPolicies(rules);
}

export const SCHEMA = {
  type: 'object',
  properties: {
    amount: { type: 'number', minimum: 0 },
    tenant: { type: 'string' },
    order: { type: 'string', pattern: '^A-[0-9]+$' },
    note: { type: 'string', maxLength: 1000 },
  },
  required: ['amount', 'order'],
} as const;

export const MESSAGE = Buffer.from(
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'refund', arguments: { ...ARGS, tenant: 't-0' } },
  }),
);
