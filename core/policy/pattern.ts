// Decides what one pattern of a rule speaks of: names, labels, classifications, annotations, URI templates.
import { RE2JS } from 're2js';
import { compileGlob, type Glob } from './glob.ts';
import type { ANNOTATIONS, Annotations, Facts, Rule, Target, TargetKind, TargetPattern } from './types.ts';

/** Never throws. */
export type TargetTest = (target: Target) => boolean;

/** "Clients MUST consider tool annotations to be untrusted" (MCP 2025-11-25, server/tools): what is not said is the worst. */
const WORST: Required<Annotations> = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
};

/**
 * The annotations that a rule sees. An operator's word counts; the server's own only in a rule that denies, since what a
 * server says of itself must never allow anything.
 */
export function annotationsFor(effect: Rule['effect'], { annotations, overrides }: Facts): Required<Annotations> {
  return effect === 'deny' ? { ...WORST, ...annotations, ...overrides } : { ...WORST, ...overrides };
}

/** null when it is no pattern. */
export function compileTarget(pattern: TargetPattern, kind: TargetKind, effect: Rule['effect']): TargetTest | null {
  if (typeof pattern === 'string') return compileText(pattern, kind);
  const named = compileText(pattern.match, kind);
  if (named === null) return null;
  const wanted = Object.entries(pattern.annotations) as [(typeof ANNOTATIONS)[number], boolean][];
  return (target) => {
    if (!named(target)) return false;
    const found = annotationsFor(effect, target.facts);
    return wanted.every(([name, value]) => found[name] === value);
  };
}

function compileText(text: string, kind: TargetKind): TargetTest | null {
  if (text === '*') return () => true;
  if (text.startsWith('@')) return compileLabel(text.slice(1));
  const cut = text.indexOf('/');
  if (cut <= 0 || cut === text.length - 1) return null;
  const server = compileGlob(text.slice(0, cut));
  const name = compileName(text.slice(cut + 1), kind);
  return name === null ? null : (target) => server(target.server) && name(target.name);
}

/** `label`, `label=value`, `classification=value`. */
function compileLabel(text: string): TargetTest | null {
  const [key = '', ...rest] = text.split('=');
  if (key === '') return null;
  if (rest.length === 0) return ({ facts }) => Object.hasOwn(facts.labels, key);
  const value = rest.join('=');
  if (value === '') return null;
  const labelled: TargetTest = ({ facts }) => Object.hasOwn(facts.labels, key) && facts.labels[key] === value;
  if (key !== 'classification') return labelled;
  return (target) => target.facts.classification === value || labelled(target);
}

/** A resource's may be a URI template: `{x}` is one segment, `{+x}` anything (RFC 6570 §3.2.2, §3.2.3); `*` as elsewhere. */
function compileName(text: string, kind: TargetKind): Glob | null {
  if (kind !== 'resource' || !/[{}]/.test(text)) return compileGlob(text);
  let source = '';
  for (const [piece] of text.matchAll(/\{\+?[A-Za-z0-9_.]+\}|[^{}*]+|\*|[{}]/g)) {
    if (piece === '{' || piece === '}') return null;
    if (piece === '*' || piece.startsWith('{+')) source += '.*';
    else source += piece.startsWith('{') ? '[^/?#]+' : RE2JS.quote(piece);
  }
  const compiled = RE2JS.compile(source, RE2JS.DOTALL);
  return (name) => compiled.matches(name);
}

/** Whether a target of `kind` is named by any of the patterns; a broken one makes it `unreadable`. */
export function compileTargets(
  patterns: readonly TargetPattern[],
  kind: TargetKind,
  effect: Rule['effect'],
  unreadable: boolean,
): TargetTest {
  const tests: TargetTest[] = [];
  for (const pattern of patterns) {
    const test = compileTarget(pattern, kind, effect);
    if (test === null) return () => unreadable;
    tests.push(test);
  }
  const [only] = tests;
  if (only === undefined) return () => false;
  return tests.length === 1 ? only : (target) => tests.some((test) => test(target));
}
