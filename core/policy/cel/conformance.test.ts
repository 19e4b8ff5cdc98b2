import type { SimpleTest } from '@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js';
import type { Value as ProtoValue } from '@bufbuild/cel-spec/cel/expr/value_pb.js';
import { getConformanceSuite } from '@bufbuild/cel-spec/testdata/tests.js';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../limits.ts';
import { isEqual } from './compare.ts';
import { compileTree } from './compile.ts';
import { type CelValue, Failure, type MapKey, type Result } from './results.ts';
import { parseTree, Unspeakable } from './tree.ts';

// The tests of the specification (cel-spec v0.25.1, tests/simple) of what we speak. What is left out, and why, is printed.

class NotOurs extends Error {}

function celValueOf(value: ProtoValue | undefined): CelValue {
  const kind = value?.kind;
  switch (kind?.case) {
    case 'nullValue':
      return null;
    case 'boolValue':
    case 'int64Value':
    case 'doubleValue':
    case 'stringValue':
      return kind.value;
    case 'listValue':
      return kind.value.values.map(celValueOf);
    case 'mapValue':
      return new Map(kind.value.entries.map((entry) => [celValueOf(entry.key) as MapKey, celValueOf(entry.value)]));
    default:
      throw new NotOurs(`a value of the type ${kind?.case}`);
  }
}

/** Sections of the suite that are about something which JSON, and so we, do not have. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  bindings_ext: 'an extension: cel.bind',
  block_ext: 'an extension: cel.block',
  dynamic: 'messages of protobuf',
  encoders_ext: 'an extension: base64',
  enums: 'messages of protobuf',
  macros2: 'an extension: macros with two variables',
  math_ext: 'an extension: math',
  namespace: 'names with dots',
  optionals: 'an extension: optional values',
  proto2: 'messages of protobuf',
  proto2_ext: 'messages of protobuf',
  proto3: 'messages of protobuf',
  type_deductions: 'the type checker',
  wrappers: 'messages of protobuf',
};

/** Single tests on which we differ on purpose. */
const DIFFERENT: readonly { readonly name: RegExp; readonly why: string }[] = [
  { name: /lossy_double|dyn_big_double_int/, why: 'an int and a double are compared exactly, without rounding' },
];

function evaluate(source: string, bindings: Readonly<Record<string, CelValue>>): Result {
  const parsed = parseTree(source);
  if (!parsed.ok) throw new NotOurs(parsed.problem);
  try {
    const run = compileTree(parsed.tree, new Set(Object.keys(bindings)));
    return run({ roots: bindings, slots: [], stepsLeft: LIMITS.conditionStepsMax });
  } catch (error) {
    if (error instanceof Unspeakable) throw new NotOurs(error.message);
    throw error;
  }
}

interface Outcome {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly leftOut: ReadonlyMap<string, number>;
}

function runSection(tests: readonly SimpleTest[]): Outcome {
  const leftOut = new Map<string, number>();
  const failed: string[] = [];
  let passed = 0;
  const leave = (why: string): void => {
    leftOut.set(why, (leftOut.get(why) ?? 0) + 1);
  };
  for (const one of tests) {
    const different = DIFFERENT.find(({ name }) => name.test(`${one.name} ${one.expr}`));
    if (different !== undefined) {
      leave(different.why);
      continue;
    }
    try {
      const bindings: Record<string, CelValue> = Object.create(null);
      for (const [name, bound] of Object.entries(one.bindings)) {
        if (bound.kind.case !== 'value') throw new NotOurs('a binding without a value');
        bindings[name] = celValueOf(bound.kind.value);
      }
      const matcher = one.resultMatcher;
      if (matcher.case === 'evalError') {
        const result = evaluate(one.expr, bindings);
        if (result instanceof Failure) passed++;
        else failed.push(`${one.name}: ${one.expr} should fail, and gave ${show(result)}`);
        continue;
      }
      if (matcher.case !== undefined && matcher.case !== 'value') throw new NotOurs(`a result that is ${matcher.case}`);
      const wanted = matcher.case === undefined ? true : celValueOf(matcher.value);
      const result = evaluate(one.expr, bindings);
      const isRight =
        !(result instanceof Failure) &&
        typeof result !== 'symbol' &&
        typeof result === typeof wanted &&
        (isEqual(result, wanted) || Object.is(result, wanted));
      if (isRight) passed++;
      else failed.push(`${one.name}: ${one.expr} should be ${show(wanted)}, and is ${show(result)}`);
    } catch (error) {
      if (!(error instanceof NotOurs)) throw error;
      leave(error.message);
    }
  }
  return { passed, failed, leftOut };
}

function show(result: Result): string {
  if (result instanceof Failure) return `a failure (${result.why})`;
  return typeof result === 'bigint'
    ? `${result}`
    : (JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)) ?? String(result));
}

describe('the specification of CEL', () => {
  const report: string[] = [];
  for (const section of getConformanceSuite().suites) {
    const why = LEFT_OUT[section.name];
    const tests = section.suites.flatMap(({ tests: own }) => own.map(({ original }) => original));
    if (why !== undefined) {
      report.push(`${section.name}: ${tests.length} left out: ${why}`);
      continue;
    }
    if (tests.length === 0) continue;
    test(`${section.name}: each expression that we speak gives what the specification says`, () => {
      const { passed, failed, leftOut } = runSection(tests);
      report.push(`${section.name}: ${passed} passed`);
      for (const [reason, count] of leftOut) report.push(`${section.name}: ${count} left out: ${reason}`);
      expect(failed).toEqual([]);
      expect(passed).toBeGreaterThan(0);
    });
  }
  test('what is left out is said', () => {
    console.log(report.join('\n'));
    expect(report.length).toBeGreaterThan(0);
  });
});
