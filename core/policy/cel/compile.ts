// Decides whether a text is a condition that we can evaluate, and compiles it once to closures.
import { LIMITS } from '../../limits.ts';
import { nearest } from '../nearest.ts';
import { runOf } from './evaluate.ts';
import { Failure, type Frame, type Run } from './results.ts';
import { type Node, parseTree, Unspeakable } from './tree.ts';
import {
  type Compiled,
  type Condition,
  ROOT_MEMBERS,
  ROOTS,
  type Root,
  type Scope,
  type Truth,
  UNKNOWN,
} from './types.ts';
import { eachNode } from './walk.ts';

const ROOT_NAMES: ReadonlySet<string> = new Set(ROOTS);
const TRUE: Truth = { kind: 'true' };
const FALSE: Truth = { kind: 'false' };
const NOT_KNOWN: Truth = { kind: 'unknown' };

const cache = new Map<string, Compiled>();

/** Total. Equal sources share what they compiled to: policies repeat their conditions, and parsing is what costs. */
export function compileCondition(source: string): Compiled {
  const known = cache.get(source);
  if (known !== undefined) return known;
  const compiled = compile(source);
  if (cache.size >= LIMITS.conditionsCachedMax) cache.clear();
  cache.set(source, compiled);
  return compiled;
}

function compile(source: string): Compiled {
  const parsed = parseTree(source);
  if (!parsed.ok) return parsed;
  try {
    const run = compileTree(parsed.tree, ROOT_NAMES);
    checkMembers(parsed.tree);
    const condition: Condition = {
      source,
      reads: readsOf(parsed.tree),
      tree: parsed.tree,
      evaluate: (scope) => truthOf(run, scope),
    };
    return { ok: true, condition };
  } catch (error) {
    if (!(error instanceof Unspeakable)) throw error;
    const { message: problem, at, suggestion } = error;
    return {
      ok: false,
      problem,
      ...(at === undefined ? {} : { column: at + 1 }),
      ...(suggestion === undefined ? {} : { suggestion }),
    };
  }
}

/** Throws `Unspeakable`. */
export function compileTree(tree: Node, roots: ReadonlySet<string>): Run {
  return runOf(tree, { roots, variables: new Map(), depth: 0 });
}

/** One evaluation's own state. */
export function frameOf(scope: Scope): Frame {
  // A scope is a record of its roots; its members are looked up by their own names only.
  return { roots: scope as unknown as Frame['roots'], slots: [], stepsLeft: LIMITS.conditionStepsMax };
}

function truthOf(run: Run, scope: Scope): Truth {
  try {
    const result = run(frameOf(scope));
    if (result === true) return TRUE;
    if (result === false) return FALSE;
    if (result === UNKNOWN) return NOT_KNOWN;
    if (result instanceof Failure) return { kind: 'indeterminate', why: result.why, column: result.at + 1 };
    return { kind: 'indeterminate', why: 'the condition is neither true nor false' };
  } catch {
    // Nothing above throws that we know of; if something does, the rule has failed, not the call.
    return { kind: 'indeterminate', why: 'the evaluation failed' };
  }
}

/** The roots that are read, outside of macros whose variables hide them. */
function readsOf(tree: Node): ReadonlySet<Root> {
  const reads = new Set<Root>();
  eachNode(tree, new Set(), (node, variables) => {
    if (node.kind === 'name' && !variables.has(node.name) && isRoot(node.name)) reads.add(node.name);
  });
  return reads;
}

function isRoot(name: string): name is Root {
  return ROOT_NAMES.has(name);
}

/** What is ours has members that we know: a misspelt one would make every evaluation indeterminate. */
function checkMembers(tree: Node): void {
  eachNode(tree, new Set(), (node, variables) => {
    if ((node.kind !== 'select' && node.kind !== 'has') || node.of.kind !== 'name' || variables.has(node.of.name))
      return;
    const members = ROOT_MEMBERS.get(node.of.name);
    if (members === undefined || members.includes(node.key)) return;
    throw new Unspeakable(`${node.of.name} has no "${node.key}"`, node.at, nearest(node.key, members) ?? undefined);
  });
}
