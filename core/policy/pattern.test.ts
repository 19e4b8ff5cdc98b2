import { expect, test } from 'vitest';
import { decided, policyWith } from '../../test/support/policy-questions.ts';
import { compileTarget } from './pattern.ts';
import { type Facts, NO_FACTS, type TargetKind, type TargetPattern } from './types.ts';

const FACTS: Facts = {
  ...NO_FACTS,
  labels: { egress: '', tier: 'gold', 'a.b/c': 'd=e' },
  classification: 'secret',
};

type Row = readonly [string, TargetPattern, TargetKind, string, boolean];
const ROWS: readonly Row[] = [
  ['a label', '@egress', 'tool', 'a/x', true],
  ['a label that is not there', '@ingress', 'tool', 'a/x', false],
  ['a label only by its whole name', '@egr', 'tool', 'a/x', false],
  ['a label has no stars', '@e*', 'tool', 'a/x', false],
  ['a label with a value', '@tier=gold', 'tool', 'a/x', true],
  ['a label with another value', '@tier=gol', 'tool', 'a/x', false],
  ['a label whose value has =', '@a.b/c=d=e', 'tool', 'a/x', true],
  ['a name of the prototype is no label', '@constructor', 'tool', 'a/x', false],
  ['a classification', '@classification=secret', 'tool', 'a/x', true],
  ['another classification', '@classification=public', 'tool', 'a/x', false],
  ['labels are of prompts too', '@tier=gold', 'prompt', 'a/x', true],
  ['a template: one segment', 'a/docs://{page}', 'resource', 'a/docs://intro', true],
  ['a template: not two segments', 'a/docs://{page}', 'resource', 'a/docs://intro/more', false],
  ['a template: not none', 'a/docs://{page}', 'resource', 'a/docs://', false],
  ['a template: no query', 'a/docs://{page}', 'resource', 'a/docs://x?y', false],
  ['a template of anything', 'a/docs://{+rest}', 'resource', 'a/docs://x/y?z', true],
  ['a template with a star', 'a/{s}://*', 'resource', 'a/docs://x/y', true],
  ['dots in a template are dots', 'a/x.y{z}', 'resource', 'a/xzyz', false],
  ['braces in a name of a tool are braces', 'a/{x}', 'tool', 'a/b', false],
  ['braces in a name of a tool', 'a/{x}', 'tool', 'a/{x}', true],
];
test.each(ROWS)('%s', (_, pattern, kind, name, wanted) => {
  const cut = name.indexOf('/');
  const target = { kind, server: name.slice(0, cut), name: name.slice(cut + 1), facts: FACTS };
  expect(compileTarget(pattern, kind, 'allow')?.(target)).toBe(wanted);
});

test.each<TargetPattern>([
  '',
  'a',
  '/a',
  'a/',
  '@',
  '@a=',
  '@=b',
  'a/b{c',
  'a/b}',
  'a/{b{c}}',
  { match: 'a', annotations: {} },
])('%j is no pattern', (pattern) => expect(compileTarget(pattern, 'resource', 'allow')).toBeNull());

test('a linear pattern: a template of many stars over a long name', () => {
  const pattern = compileTarget(`a/{+a}${'*x'.repeat(50)}{+b}!`, 'resource', 'allow');
  expect(pattern?.({ kind: 'resource', server: 'a', name: 'x'.repeat(4000), facts: NO_FACTS })).toBe(false);
});

const readOnly = { match: '*', annotations: { readOnlyHint: true } };
const destructive = { match: '*', annotations: { destructiveHint: true } };
const harmless = { match: '*', annotations: { destructiveHint: false } };

// What a server says, what an operator says: whether a rule that allows read-only tools lets it through, and whether one
// that denies destructive tools holds it back.
type Said = readonly [string, Partial<Facts>, boolean, boolean];
const SAID: readonly Said[] = [
  ['nothing is said: the worst', {}, false, true],
  ['a server that calls itself read-only is allowed nothing', { annotations: { readOnlyHint: true } }, false, true],
  [
    'one that lies in both is allowed nothing',
    { annotations: { readOnlyHint: true, destructiveHint: false } },
    false,
    false,
  ],
  ['one that says that it destroys is believed', { annotations: { destructiveHint: true } }, false, true],
  ['an operator is believed', { overrides: { readOnlyHint: true, destructiveHint: false } }, true, false],
  [
    'an operator goes before the server',
    { annotations: { destructiveHint: false }, overrides: { destructiveHint: true } },
    false,
    true,
  ],
  [
    'also the other way round',
    {
      annotations: { destructiveHint: true, readOnlyHint: false },
      overrides: { destructiveHint: false, readOnlyHint: true },
    },
    true,
    false,
  ],
];
test.each(SAID)('%s', (_, facts, allowed, denied) => {
  expect(decided(policyWith([{ tools: [readOnly] }]), { facts }).allowed).toBe(allowed);
  expect(decided(policyWith([{}, { effect: 'deny', tools: [destructive] }]), { facts }).allowed).toBe(!denied);
  // A rule that allows sees the worst for what only the server says.
  const isHarmless = facts.overrides?.destructiveHint === false;
  expect(decided(policyWith([{ tools: [harmless] }]), { facts }).allowed).toBe(isHarmless);
  const asked = policyWith([{ when: ['tool.annotations.readOnlyHint'] }]);
  expect(decided(asked, { facts }).allowed, 'in a condition too').toBe(allowed);
  const denying = policyWith([{}, { effect: 'deny', when: ['tool.annotations.destructiveHint'] }]);
  expect(decided(denying, { facts }).allowed).toBe(!denied);
});
