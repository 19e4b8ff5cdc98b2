import { expect, test } from 'vitest';
import {
  askerOf,
  catalogOf,
  exposed,
  listed,
  principalOf,
  readAs,
  surfaceOf,
  toolOf,
} from '../../test/support/catalog-world.ts';
import type { Rule } from '../policy/types.ts';
import { itemVisibility } from './decisions.ts';
import { shownText } from './shown-item.ts';

const INPUT = {
  type: 'object',
  properties: { amount: { type: 'number', maximum: 900 }, region: { type: 'string' }, note: { type: 'string' } },
};

/** The inputSchema as alice's list shows it. */
function shownSchema(rules: readonly Partial<Rule>[], inputSchema: object = INPUT): unknown {
  const whole = rules.map((rule, index): Rule => ({ id: `r${index}`, effect: 'allow', tools: ['*'], ...rule }));
  const catalog = catalogOf({
    servers: [readAs('pay', [], { tools: listed(toolOf('refund', { inputSchema } as never)) })],
    surfaces: [surfaceOf('one', ['pay'])],
    policies: [{ name: 'p', version: 'tbac/v1', mode: 'enforce', surfaces: ['*'], rules: whole }],
  });
  const asker = askerOf(catalog, 'one', principalOf('alice', { claims: { limit: 40, regions: ['eu', 'us'] } }));
  const [item] = exposed(catalog, asker.surface).lists.tools;
  return JSON.parse(shownText(item!, itemVisibility(asker, 'tool', item!))).inputSchema;
}

test('limits of the one rule that may allow are written in, with what is known of the caller', () => {
  expect(shownSchema([{ when: ['args.amount <= jwt.limit', 'args.region in jwt.regions'] }])).toEqual({
    type: 'object',
    properties: {
      amount: { type: 'number', maximum: 40 },
      region: { type: 'string', enum: ['eu', 'us'] },
      note: { type: 'string' },
    },
    required: ['amount', 'region'],
  });
});

test.each<[string, readonly Partial<Rule>[]]>([
  ['there is no condition', [{}]],
  ['another rule may allow more', [{ when: ['args.amount <= 5'] }, { when: ['args.region == "eu"'] }]],
  ['another rule allows everything', [{ when: ['args.amount <= 5'] }, {}]],
  ['the schema is tighter', [{ when: ['!has(args.amount) || args.amount <= 1000'] }]],
])('the schema stays as it is when %s', (_, rules) => {
  expect(shownSchema(rules)).toEqual(INPUT);
});
