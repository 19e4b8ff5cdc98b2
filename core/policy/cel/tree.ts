// Decides whether a text is an expression of the part of CEL that we speak, as a tree of our own.
import { parse } from '@bufbuild/cel';
import type { Expr, ParsedExpr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { LIMITS } from '../../limits.ts';
import { inRange } from './arithmetic.ts';

export type Macro = 'all' | 'exists' | 'exists_one' | 'map' | 'filter';

/** `at` is the offset in the source, from 0. */
export type Node =
  | { readonly kind: 'literal'; readonly at: number; readonly value: null | boolean | bigint | number | string }
  | { readonly kind: 'name'; readonly at: number; readonly name: string }
  | { readonly kind: 'select'; readonly at: number; readonly of: Node; readonly key: string }
  | { readonly kind: 'has'; readonly at: number; readonly of: Node; readonly key: string }
  | { readonly kind: 'call'; readonly at: number; readonly name: string; readonly args: readonly Node[] }
  /** As `call`; its first argument stood before the dot. */
  | { readonly kind: 'method'; readonly at: number; readonly name: string; readonly args: readonly Node[] }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly Node[] }
  | { readonly kind: 'map'; readonly at: number; readonly entries: readonly (readonly [Node, Node])[] }
  | MacroNode;

/** `test` is a filter's, or that of a `map` with three arguments; `body` what is mapped to, or asked of each item. */
export interface MacroNode {
  readonly kind: 'macro';
  readonly at: number;
  readonly macro: Macro;
  readonly variable: string;
  readonly range: Node;
  readonly test: Node | null;
  readonly body: Node;
}

export type Parsed =
  | { readonly ok: true; readonly tree: Node; readonly nodes: number }
  | { readonly ok: false; readonly problem: string; readonly column?: number };

/** Why an expression is refused, and where. */
export class Unspeakable extends Error {
  readonly at: number | undefined;
  readonly suggestion: string | undefined;
  constructor(problem: string, at?: number, suggestion?: string) {
    super(problem);
    this.at = at;
    this.suggestion = suggestion;
  }
}

/** Total. */
export function parseTree(source: string): Parsed {
  if (source.length > LIMITS.conditionCharsMax) {
    return { ok: false, problem: `has ${source.length} characters; at most ${LIMITS.conditionCharsMax} are allowed` };
  }
  try {
    const parsed = parse(source);
    const builder = new Builder(parsed.sourceInfo);
    return { ok: true, tree: builder.node(parsed.expr, 1), nodes: builder.nodes };
  } catch (error) {
    if (error instanceof Unspeakable) return refused(error.message, error.at);
    // The parser recurses: a text of many brackets ends its stack.
    if (error instanceof RangeError) return { ok: false, problem: 'is nested too deeply' };
    return refused(rawMessageOf(error), offsetOf(error));
  }
}

function refused(problem: string, at: number | undefined): Parsed {
  return { ok: false, problem, ...(at === undefined ? {} : { column: at + 1 }) };
}

/** A syntax error of the parser lists what it would have taken: the beginning says enough. */
function rawMessageOf(error: unknown): string {
  const raw = error as { readonly rawMessage?: unknown; readonly message?: unknown };
  const text = String(raw.rawMessage ?? raw.message ?? 'is not an expression');
  return text.replace(/ but expecting (?:.*, or.*)$/s, ' where a value or an operator is wanted');
}

function offsetOf(error: unknown): number | undefined {
  const { location } = error as { readonly location?: { readonly start?: { readonly offset?: number } } };
  return location?.start?.offset;
}

class Builder {
  readonly #positions: { readonly [id: string]: number };
  readonly #macros: { readonly [id: string]: Expr };
  nodes = 0;

  constructor(info: ParsedExpr['sourceInfo']) {
    this.#positions = info?.positions ?? {};
    this.#macros = info?.macroCalls ?? {};
  }

  node(expr: Expr | undefined, depth: number): Node {
    if (expr === undefined) throw new Unspeakable('is not an expression');
    const at = this.#positions[String(expr.id)] ?? 0;
    if (depth > LIMITS.conditionDepthMax) throw new Unspeakable('is nested too deeply', at);
    this.nodes++;
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'constExpr':
        return { kind: 'literal', at, value: literalOf(exprKind.value.constantKind, at) };
      case 'identExpr':
        return { kind: 'name', at, name: exprKind.value.name };
      case 'selectExpr': {
        const { operand, field, testOnly } = exprKind.value;
        return { kind: testOnly ? 'has' : 'select', at, of: this.node(operand, depth + 1), key: field };
      }
      case 'callExpr': {
        const { function: name, target, args } = exprKind.value;
        const nodes = args.map((arg) => this.node(arg, depth + 1));
        if (target === undefined) return { kind: 'call', at, name, args: nodes };
        return { kind: 'method', at, name, args: [this.node(target, depth + 1), ...nodes] };
      }
      case 'listExpr':
        return { kind: 'list', at, items: exprKind.value.elements.map((item) => this.node(item, depth + 1)) };
      case 'structExpr':
        return this.#map(exprKind.value, at, depth);
      case 'comprehensionExpr':
        return this.#macro(expr, exprKind.value, at, depth);
      default:
        throw new Unspeakable('is not an expression', at);
    }
  }

  #map(struct: Extract<Expr['exprKind'], { case: 'structExpr' }>['value'], at: number, depth: number): Node {
    if (struct.messageName !== '') throw new Unspeakable(`there are no messages: "${struct.messageName}"`, at);
    const entries = struct.entries.map(({ keyKind, value }): readonly [Node, Node] => {
      if (keyKind.case !== 'mapKey') throw new Unspeakable('a key of a map is an expression', at);
      return [this.node(keyKind.value, depth + 1), this.node(value, depth + 1)];
    });
    return { kind: 'map', at, entries };
  }

  /** The parser has written a macro out as a fold; what the writer meant is in `macroCalls`, its parts are in the fold. */
  #macro(
    expr: Expr,
    fold: Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value'],
    at: number,
    depth: number,
  ): Node {
    const call = this.#macros[String(expr.id)]?.exprKind;
    const macro = call?.case === 'callExpr' ? call.value.function : '';
    const args = call?.case === 'callExpr' ? call.value.args.length : 0;
    const range = this.node(fold.iterRange, depth + 1);
    const step = fold.loopStep?.exprKind;
    const parts = step?.case === 'callExpr' ? step.value.args : [];
    const of = (test: Expr | undefined, body: Expr | undefined): Node => ({
      kind: 'macro',
      at,
      macro: macro as Macro,
      variable: fold.iterVar,
      range,
      test: test === undefined ? null : this.node(test, depth + 1),
      body: this.node(body, depth + 1),
    });
    if (fold.iterVar2 !== '') throw new Unspeakable(`"${macro}" takes one variable`, at);
    if ((macro === 'all' || macro === 'exists') && args === 2) return of(undefined, parts[1]);
    if (macro === 'exists_one' && args === 2) return of(undefined, parts[0]);
    if (macro === 'map' && args === 2) return of(undefined, addedBy(parts[1]));
    if (macro === 'filter' || macro === 'map') {
      const added = parts[1]?.exprKind;
      return of(parts[0], added?.case === 'callExpr' ? addedBy(added.value.args[1]) : undefined);
    }
    throw new Unspeakable(`there is no macro "${macro}"`, at);
  }
}

/** In `result + [x]`, x. */
function addedBy(list: Expr | undefined): Expr | undefined {
  return list?.exprKind.case === 'listExpr' ? list.exprKind.value.elements[0] : undefined;
}

function literalOf(
  constant: Extract<Expr['exprKind'], { case: 'constExpr' }>['value']['constantKind'],
  at: number,
): null | boolean | bigint | number | string {
  switch (constant.case) {
    case 'nullValue':
      return null;
    case 'boolValue':
    case 'stringValue':
    case 'doubleValue':
      return constant.value;
    case 'int64Value':
      if (typeof inRange(constant.value) === 'string') throw new Unspeakable('the integer is too large', at);
      return constant.value;
    case 'uint64Value':
      throw new Unspeakable('there are no unsigned integers: leave the "u" off', at);
    default:
      throw new Unspeakable('there are no bytes: a JSON value is a string', at);
  }
}
