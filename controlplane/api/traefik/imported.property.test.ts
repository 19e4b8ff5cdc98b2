import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkPolicy } from '../../../core/catalog/check-policy.ts';
import type { JsonObject } from '../../../core/json.ts';
import { compilePolicies, type DecisionQuestion, decide } from '../../../core/policy/decide.ts';
import { questionWith } from '../../../test/support/policy-questions.ts';
import {
  type Match,
  NotKnown,
  slowTraefik,
  type TraefikBody,
  textOfMatch,
} from '../../../test/support/slow-traefik.ts';
import { importedFromTraefik } from './imported.ts';
import { METHODS } from './keys.ts';

const TEXTS = ['a', 'ab', 'b c', 'true', '5', '10', '2.5', '', 'get', 'get_x'];
const KEYS = [
  'mcp.params.name',
  'mcp.params.uri',
  'mcp.params.arguments.x',
  'mcp.params.arguments.o.y',
  'mcp.params.arguments.in',
  'mcp.params.arguments',
  'jwt.sub',
  'jwt.groups',
  'jwt.org.tier',
];
const key = fc.constantFrom(...KEYS);
const text = fc.constantFrom(...TEXTS);
const from = (place: string): string => `\${${place}}`;
const value = fc.oneof(
  { weight: 6, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc.constantFrom(from('jwt.sub'), `a${from('jwt.org.tier')}`, from('mcp.params.arguments.x')),
  },
);
const leaf: fc.Arbitrary<Match> = fc.oneof(
  fc.record({ fn: fc.constant('Equals' as const), key, values: fc.tuple(value) }),
  fc.record({ fn: fc.constant('Prefix' as const), key, values: fc.tuple(value) }),
  fc.record({ fn: fc.constant('Contains' as const), key, values: fc.tuple(value) }),
  fc.record({ fn: fc.constant('OneOf' as const), key, values: fc.array(text, { minLength: 1, maxLength: 3 }) }),
  fc.record({ fn: fc.constant('SplitContains' as const), key, values: fc.tuple(fc.constantFrom(' ', ',', ''), value) }),
  fc.record({ fn: fc.constant('Lte' as const), key, values: fc.constantFrom<[string]>(['5'], ['2.5'], ['-1']) }),
  fc
    .constantFrom('tools/call', 'prompts/get', 'resources/read', 'completion/complete')
    .map((method): Match => ({ fn: 'Equals', key: 'mcp.method', values: [method] })),
  fc.constant<Match>({ fn: 'Prefix', key: 'mcp.method', values: ['resources/'] }),
);
const { match } = fc.letrec<{ match: Match }>((tie) => ({
  match: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('match'), { minLength: 2, maxLength: 3 }).map((and): Match => ({ and })),
    fc.array(tie('match'), { minLength: 2, maxLength: 3 }).map((or): Match => ({ or })),
    tie('match').map((not): Match => ({ not })),
  ),
}));
/** As people write them: for a method each, so that few cannot be translated. */
const policy = fc.record({
  match: fc
    .tuple(fc.constantFrom('tools/call', 'prompts/get', 'resources/read', null), match)
    .map(([method, one]): Match => {
      return method === null ? one : { and: [{ fn: 'Equals', key: 'mcp.method', values: [method] }, one] };
    }),
  action: fc.constantFrom<'allow' | 'deny'>('allow', 'deny'),
});

const scalar = fc.constantFrom('a', 'ab', 'b c', 'true', '5', true, false, 5, 10, 2.5, -1, null, '');
const anything = fc.oneof(
  { weight: 5, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.record({ y: scalar }) },
);
const optional = (members: Record<string, fc.Arbitrary<unknown>>) => fc.record(members, { requiredKeys: [] });
const call = fc.record({
  method: fc.constantFrom(...METHODS),
  name: fc.constantFrom('a', 'get', 'get_x', '5'),
  args: optional({ x: anything, o: fc.oneof(anything, optional({ y: anything })), in: anything }),
  jwt: optional({ sub: scalar, groups: anything, org: fc.oneof(scalar, optional({ tier: scalar })) }),
});

type Called = typeof call extends fc.Arbitrary<infer One> ? One : never;

/** The same call as Traefik sees it, and as our rules are asked. */
function both({ method, name, args, jwt }: Called): {
  readonly body: TraefikBody;
  readonly question: DecisionQuestion;
} {
  const params =
    method.param === null
      ? { ref: { type: 'ref/prompt', name }, argument: { name: 'q', value: 'v' } }
      : { [method.param]: name, ...(method.param === 'name' ? { arguments: args } : {}) };
  const question = questionWith({
    kind: method.kind,
    target: `srv/${name}`,
    args: (method.param === 'name' ? args : {}) as JsonObject,
    principal: { claims: jwt as JsonObject },
  });
  return {
    body: { mcp: { jsonrpc: '2.0', id: 1, method: method.name, params } as JsonObject, jwt: jwt as JsonObject },
    question: { ...question, request: { ...question.request, method: method.name } },
  };
}

function fileOf(
  policies: readonly { readonly match: Match; readonly action: string }[],
  defaultAction: string,
): string {
  const list = policies.map(({ match: one, action }) => ({ match: textOfMatch(one), action }));
  return JSON.stringify({ policies: list, defaultAction });
}

test('random policies: what is imported decides as Traefik does', () => {
  const seen = { allow: 0, deny: 0, refused: 0, unknown: 0 };
  fc.assert(
    fc.property(
      fc.array(policy, { minLength: 1, maxLength: 5, size: 'max' }),
      fc.constantFrom<'allow' | 'deny'>('allow', 'deny', 'deny'),
      fc.array(call, { minLength: 12, maxLength: 20, size: 'max' }),
      (policies, otherwise, calls) => {
        const imported = importedFromTraefik(fileOf(policies, otherwise), { server: 'srv', name: 'p' });
        if ('problem' in imported) {
          seen.refused++;
          return;
        }
        expect(checkPolicy(imported.document)).toBeNull();
        const compiled = compilePolicies([imported.document]);
        for (const one of calls) {
          const { body, question } = both(one);
          const { allowed, indeterminate } = decide(compiled, question);
          try {
            const wanted = slowTraefik(policies, otherwise, body);
            expect({ body, allowed, indeterminate }).toEqual({
              body,
              allowed: wanted === 'allow',
              indeterminate: expect.anything(),
            });
            seen[wanted]++;
          } catch (error) {
            if (!(error instanceof NotKnown)) throw error;
            seen.unknown++;
          }
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(30);
});
