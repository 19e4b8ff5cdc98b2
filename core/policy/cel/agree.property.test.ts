import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileCondition } from './compile.ts';
import { residualOf } from './residual.ts';
import { textOf } from './text.ts';
import { parseTree } from './tree.ts';
import { type Residual, type Scope, UNKNOWN } from './types.ts';

// Random conditions over a small world, in which keys are missing and types are wrong now and then.

type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

const KEYS = ['a', 'b', 'l', 's'];
const scalar = fc.oneof(
  fc.integer({ min: -3, max: 6 }),
  fc.constantFrom('x', 'xy', '', 'yx'),
  fc.boolean(),
  fc.constantFrom(0.5, 2.5, null),
);
const world: fc.Arbitrary<{ readonly [key: string]: Plain }> = fc
  .record(
    {
      a: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -3, max: 6 }) }, scalar),
      b: scalar,
      l: fc.oneof({ weight: 4, arbitrary: fc.array(scalar, { maxLength: 4 }) }, scalar),
      s: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('x', 'xy', '', 'yx', 'zz') }, scalar),
    },
    { requiredKeys: [] },
  )
  .map((record) => record as { readonly [key: string]: Plain });

const place = fc
  .tuple(fc.constantFrom('args', 'args', 'jwt'), fc.constantFrom(...KEYS))
  .map(([root, key]) => `${root}.${key}`);
const literal = fc.constantFrom(
  '0',
  '1',
  '2',
  '-1',
  '2.5',
  '"x"',
  '"xy"',
  'true',
  'false',
  'null',
  '[1, 2]',
  '["x"]',
  '1.0',
);
const operand = fc.oneof({ weight: 3, arbitrary: place }, { weight: 2, arbitrary: literal });

const { condition } = fc.letrec<{ condition: string; term: string }>((tie) => ({
  term: fc.oneof(
    { weight: 4, arbitrary: operand },
    { weight: 1, arbitrary: operand.map((of) => `size(${of})`) },
    { weight: 1, arbitrary: fc.tuple(operand, operand).map(([a, b]) => `(${a} + ${b})`) },
    {
      weight: 1,
      arbitrary: fc.tuple(tie('condition'), operand, operand).map(([test, a, b]) => `(${test} ? ${a} : ${b})`),
    },
  ),
  condition: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .tuple(tie('term'), fc.constantFrom('==', '!=', '<', '<=', '>', '>='), tie('term'))
      .map((parts) => `(${parts.join(' ')})`),
    fc.tuple(operand, operand).map(([a, b]) => `(${a} in ${b})`),
    place.map((of) => `has(${of})`),
    fc
      .tuple(operand, fc.constantFrom('startsWith', 'endsWith', 'contains'), operand)
      .map(([a, name, b]) => `${a}.${name}(${b})`),
    fc.tuple(place, fc.constantFrom('^x', 'y$', 'xy?')).map(([a, pattern]) => `${a}.matches("${pattern}")`),
    place,
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
      .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
    tie('condition').map((of) => `!${of}`),
    fc
      .tuple(place, fc.constantFrom('all', 'exists', 'exists_one'), tie('condition'), operand)
      .map(([of, macro, inner, other]) => `${of}.${macro}(i, i == ${other} || ${inner})`),
    fc
      .tuple(tie('condition'), tie('condition'), tie('condition'))
      .map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
  ),
}));

function scopeOf(args: Scope['args'], jwt: Scope['jwt']): Scope {
  return { args, jwt, tool: {}, session: { labels: [] }, request: {}, time: 0 };
}

function compiled(source: string) {
  const result = compileCondition(source);
  if (!result.ok) throw new Error(`${source}: ${result.problem}`);
  return result.condition;
}

const RUNS = { numRuns: 2000, seed: 20260728 };

test('where both give a value, it is the one that the library gives', () => {
  let values = 0;
  fc.assert(
    fc.property(condition, world, world, (source, args, jwt) => {
      const ours = compiled(source).evaluate(scopeOf(args, jwt)).kind;
      let theirs: unknown;
      try {
        theirs = plan(celEnv(), parse(source))({ args, jwt });
      } catch {
        return;
      }
      if (isCelError(theirs) || typeof theirs !== 'boolean') return;
      // The library takes a member that is null for one that is not there; the specification asks whether the key is.
      if (source.includes('has(') && [args, jwt].some((of) => Object.values(of).includes(null))) return;
      // We reckon with an int and a double where standard CEL stops; it never gives a value where we have none.
      values++;
      expect(`${source} is ${ours}`).toBe(`${source} is ${theirs}`);
    }),
    RUNS,
  );
  expect(values).toBeGreaterThan(150);
});

test('what is true or false without the arguments is so with any', () => {
  let certain = 0;
  fc.assert(
    fc.property(condition, world, fc.array(world, { minLength: 3, maxLength: 6 }), (source, jwt, completions) => {
      const partial = compiled(source).evaluate(scopeOf(UNKNOWN, jwt)).kind;
      if (partial === 'unknown') return;
      certain++;
      // A failure that is certain as well: a rule that cannot hold is not shown as if it might.
      for (const args of completions) expect(compiled(source).evaluate(scopeOf(args, jwt)).kind).toBe(partial);
    }),
    RUNS,
  );
  expect(certain).toBeGreaterThan(100);
});

test('arguments that break a residual do not make the condition true', () => {
  let broken = 0;
  fc.assert(
    fc.property(
      condition,
      condition,
      world,
      fc.array(world, { minLength: 4, maxLength: 8 }),
      (one, other, jwt, completions) => {
        const whole = compiled(`${one} && ${other}`);
        const residuals = residualOf(whole, scopeOf(UNKNOWN, jwt));
        for (const args of completions) {
          if (residuals?.every((residual) => keeps(args, residual)) === true) continue;
          broken++;
          const outcome = whole.evaluate(scopeOf(args, jwt)).kind;
          expect(outcome, JSON.stringify({ args, jwt, source: whole.source })).not.toBe('true');
        }
      },
    ),
    RUNS,
  );
  expect(broken).toBeGreaterThan(500);
});

/** As JSON Schema reads the keyword at that place: of another type, or not there, it is kept. */
function keeps(args: Plain, { path, op, value }: Residual): boolean {
  let at: Plain | undefined = args;
  for (const key of path) {
    const held: Plain | undefined = at;
    at =
      typeof held === 'object' && held !== null && !Array.isArray(held) && Object.hasOwn(held, key)
        ? (held as { readonly [key: string]: Plain })[key]
        : undefined;
  }
  if (at === undefined) return op !== 'required';
  const number = typeof at === 'number' ? at : null;
  const size = typeof at === 'string' || Array.isArray(at) ? at.length : null;
  const limit = Number(value);
  switch (op) {
    case 'required':
      return true;
    case 'min':
      return number === null || number >= limit;
    case 'max':
      return number === null || number <= limit;
    case 'exclusiveMin':
      return number === null || number > limit;
    case 'exclusiveMax':
      return number === null || number < limit;
    case 'minSize':
      return size === null || size >= limit;
    case 'maxSize':
      return size === null || size <= limit;
    case 'pattern':
      return typeof at !== 'string' || new RegExp(String(value), 'u').test(at);
    case 'enum':
      return (value as readonly unknown[]).some(
        (item) => item === at || (typeof item === 'bigint' && Number(item) === at),
      );
  }
}

test('an expression that is written down again is the same one', () => {
  fc.assert(
    fc.property(condition, (source) => {
      const tree = parseTree(source);
      if (!tree.ok) throw new Error(tree.problem);
      const again = parseTree(textOf(tree.tree));
      expect(again.ok && textOf(again.tree)).toBe(textOf(tree.tree));
      expect(strip(again.ok ? again.tree : null)).toBe(strip(tree.tree));
    }),
    { ...RUNS, numRuns: 300 },
  );
});

/** Without the places, and with each chain of `||` or `&&` as one: they may be grouped either way. */
function strip(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) => {
    if (key === 'at') return undefined;
    return typeof value === 'bigint' ? `${value}n` : isLogical(value) ? { ...value, args: chained(value) } : value;
  });
}

interface Logical {
  readonly name: '_||_' | '_&&_';
  readonly args: readonly unknown[];
}

function isLogical(value: unknown): value is Logical {
  return typeof value === 'object' && value !== null && 'name' in value && /^_(\|\||&&)_$/.test(String(value.name));
}

function chained({ name, args }: Logical): unknown[] {
  return args.flatMap((arg) => (isLogical(arg) && arg.name === name ? chained(arg) : [arg]));
}
