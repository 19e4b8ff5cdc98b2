import { describe, expect, test } from 'vitest';
import { compileCondition } from './compile.ts';
import { residualOf } from './residual.ts';
import { type Scope, UNKNOWN } from './types.ts';

const SCOPE: Scope = {
  args: UNKNOWN,
  jwt: { tenant: 't1', limit: 500, half: 2.5, tenants: ['t1', 't2'], none: [], tiers: { gold: 1 } },
  tool: {},
  session: UNKNOWN,
  request: {},
  time: 0,
};

/** `a.b max 5`, one for each. */
function residuals(source: string): readonly string[] | null {
  const compiled = compileCondition(source);
  if (!compiled.ok) throw new Error(compiled.problem);
  const found = residualOf(compiled.condition, SCOPE);
  return found === null
    ? null
    : found.map(({ path, op, value }) => `${path.join('.')} ${op}${op === 'required' ? '' : ` ${value}`}`);
}

describe('what is left of a condition', () => {
  const rows: readonly (readonly [string, readonly string[] | null])[] = [
    ['args.n <= 500', ['n required', 'n max 500']],
    ['500 >= args.n', ['n required', 'n max 500']],
    ['args.n < jwt.limit', ['n required', 'n exclusiveMax 500']],
    ['args.n > jwt.half', ['n required', 'n exclusiveMin 2.5']],
    ['args.n >= 1 && args.n <= 5', ['n required', 'n min 1', 'n required', 'n max 5']],
    ['args.t == jwt.tenant', ['t required', 't enum t1']],
    ['args.t in jwt.tenants', ['t required', 't enum t1,t2']],
    ['args.t in {"a": 1}', ['t required', 't enum a']],
    ['args.t == "a" || args.t == "b"', ['t required', 't enum a,b']],
    ['args.t == "a" || args.u == "b"', []],
    ['args.o.t.startsWith("a.")', ['o required', 'o.t required', 'o.t pattern ^a\\.']],
    ['args["o"].t.endsWith("$")', ['o required', 'o.t required', 'o.t pattern \\$$']],
    ['args.t.contains(jwt.tenant)', ['t required', 't pattern t1']],
    ['args.t.matches("^[a-z]+$")', ['t required', 't pattern ^[a-z]+$']],
    ['args.t.matches("^a.b$")', ['t required', 't pattern ^a[^\\n]b$']],
    ['args.t.matches("(?i)^a$")', ['t required']],
    ['args.t.matches("^\\\\pL$")', ['t required']],
    ['size(args.l) <= 3', ['l required', 'l maxSize 3']],
    ['args.l.size() > 2', ['l required', 'l minSize 3']],
    ['has(args.o.t)', ['o required', 'o.t required']],
    ['!has(args.n) || args.n <= 5', ['n max 5']],
    ['args.n <= 5 || !has(args.n)', ['n max 5']],
    ['!has(args.n) || args.m <= 5', []],
    ['args.flag', ['flag required', 'flag enum true']],
    ['!args.flag', ['flag required', 'flag enum false']],
    ['jwt.limit > 100 ? args.n < 5 : args.n < 1', ['n required', 'n exclusiveMax 5']],
    ['jwt.limit > 100 || args.n < 5', []],
    ['jwt.limit < 100 || args.n < 5', ['n required', 'n exclusiveMax 5']],
    ['args.n <= 5 && session.labels.has("x")', ['n required', 'n max 5']],
    ['args.t == session.labels[0]', []],
    ['args.n + 1 <= 5', []],
    ['args.n != 5', []],
    ['args.l.all(i, i < 5)', []],
    ['jwt.tenant == "t2"', null],
    ['jwt.tenant == "t2" && args.n < 5', null],
    ['args.n < jwt.nope', null],
    ['args.t in jwt.none', null],
    ['args.t in jwt.tenant', null],
    ['args.t.startsWith(jwt.limit)', null],
    ['true', []],
  ];
  test.each(rows)('%s leaves %j', (source, wanted) => {
    expect(residuals(source)).toEqual(wanted);
  });
  test('what is known of the arguments is not looked at', () => {
    const compiled = compileCondition('args.n <= 5');
    if (!compiled.ok) throw new Error(compiled.problem);
    expect(residualOf(compiled.condition, { ...SCOPE, args: { n: 9 } })).toHaveLength(2);
  });
});
