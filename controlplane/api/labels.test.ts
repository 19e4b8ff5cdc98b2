import { expect, test } from 'vitest';
import { labelParameter } from './labels.ts';

const labels = { team: 'core', env: 'prod', tier: '' };

test.each<[string, string | string[], boolean]>([
  ['nothing asked', [], true],
  ['the value', 'team=core', true],
  ['another value', 'team=other', false],
  ['a label that is not there', 'zone=a', false],
  ['not another value', 'team!=other', true],
  ['not the value', 'team!=core', false],
  ['not a value of a label that is not there', 'zone!=a', true],
  ['a label at all', 'tier', true],
  ['an empty value', 'tier=', true],
  ['a missing label at all', 'zone', false],
  ['a label that every object has', 'constructor', false],
  ['all of several', 'team=core,env=prod', true],
  ['all of several, of which one fails', 'team=core,env=test', false],
  ['several times, of which one fails', ['team=core', 'env=test'], false],
  ['spaces between', 'team=core, env=prod', true],
])('%s', (_, asked, wanted) => {
  const filter = labelParameter.parse(asked);
  expect(filter(labels)).toBe(wanted);
});

test.each(['', '=core', 'Team=core', ',', 'team=core,', '\u0000', 'te\nam=core'])('%j is refused', (text) => {
  const [issue] = labelParameter.safeParse(text).error?.issues ?? [];
  expect(issue?.message).toMatch(/^wanted KEY=VALUE, KEY!=VALUE or KEY with commas between, found /);
});
