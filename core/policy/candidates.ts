// Decides which rules have to be asked about a target on a surface, and which of these about a principal.
import { LIMITS } from '../limits.ts';
import { type CompiledRule, compileRule } from './rule.ts';
import type { TaskTest } from './task.ts';
import type { Policy, Principal, Target } from './types.ts';
import { claimAt } from './who.ts';

/** A rule that speaks of the target, with what is left to ask. */
export interface Candidate {
  readonly rule: CompiledRule;
  /** null: it asks for no task. */
  readonly task: TaskTest | null;
}

/** The rules of one effect that speak of a target, so that few of many are asked about one principal. */
export interface Candidates {
  readonly denies: Shelf;
  readonly allows: Shelf;
  /** One of them is in shadow. */
  readonly shadowed: boolean;
}

/** The rules of one revision, ready to be asked. */
export interface CompiledPolicies {
  readonly rules: readonly CompiledRule[];
  /** Rules that speak of the target on the surface, whoever calls. Not to be used outside this folder. */
  readonly candidates: (surface: string, target: Target) => Candidates;
}

/**
 * Compiles once what many decisions share; `surfaceName` leaves out what does not apply there. A pattern that
 * `policyProblems` would refuse never widens access: in a deny rule it fits everything, in an allow rule nothing. Total.
 */
export function compilePolicies(policies: readonly Policy[], surfaceName?: string): CompiledPolicies {
  const rules = policies
    .flatMap((policy) => rulesOf(policy))
    .filter((rule) => surfaceName === undefined || appliesTo(rule, surfaceName))
    // By id, so that neither the order of policies nor that of rules shows in ids and reasons.
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return { rules, candidates: remember((surface, target) => select(rules, surface, target)) };
}

// A policy is immutable: of a set in which one changed, only that one is compiled again.
const compiled = new WeakMap<Policy, readonly CompiledRule[]>();
function rulesOf(policy: Policy): readonly CompiledRule[] {
  let rules = compiled.get(policy);
  if (rules === undefined) {
    rules = policy.rules.map((rule) => compileRule(policy, rule));
    compiled.set(policy, rules);
  }
  return rules;
}

export function appliesTo(rule: CompiledRule, surface: string): boolean {
  return rule.surfaces.some((glob) => glob(surface));
}

function select(rules: readonly CompiledRule[], surface: string, target: Target): Candidates {
  const fitting: Candidate[] = [];
  for (const rule of rules) {
    if (!rule.targets[target.kind](target) || !appliesTo(rule, surface)) continue;
    const task = rule.task?.on(surface, target) ?? null;
    if (rule.task !== null && task === null) continue;
    fitting.push({ rule, task });
  }
  if (fitting.length === 0) return NONE;
  return {
    denies: new Shelf(fitting.filter(({ rule }) => rule.effect === 'deny')),
    allows: new Shelf(fitting.filter(({ rule }) => rule.effect === 'allow')),
    shadowed: fitting.some(({ rule }) => rule.shadow),
  };
}

/** Values of a principal, by one of which a rule can be found. */
interface Key {
  /** Of equal names the values are looked up in one table. */
  readonly name: string;
  /** One of them is the principal's, or the rule does not speak of him. */
  readonly wanted: readonly unknown[];
  readonly has: (principal: Principal) => readonly unknown[];
}

/** Where a rule names values without a star; the first row that has some. */
const KEYS: readonly ((rule: CompiledRule) => Key | null)[] = [
  ({ rule }) => keyOf('subject', exactly(rule.who?.subjects), ({ subject }) => [subject]),
  ({ rule }) => keyOf('groups', rule.who?.groups, ({ groups }) => groups),
  ({ task }) => keyOf('tasks', task?.exact, ({ tasks }) => tasks),
  ({ rule }) => {
    const [claim] = Object.entries(rule.who?.claims ?? {});
    if (claim === undefined) return null;
    const [path, wanted] = claim;
    return keyOf(`claim ${path}`, [wanted].flat(), ({ claims }) => [claimAt(claims, path)].flat());
  },
  ({ rule }) => keyOf('issuer', rule.who?.issuers, ({ issuer }) => [issuer]),
];

function keyOf(name: string, wanted: readonly unknown[] | undefined | null, has: Key['has']): Key | null {
  return wanted == null || wanted.length === 0 ? null : { name, wanted, has };
}

function exactly(patterns: readonly string[] | undefined): readonly string[] | null {
  return patterns?.every((pattern) => !pattern.includes('*')) === true ? patterns : null;
}

interface Table {
  readonly has: Key['has'];
  readonly found: Map<unknown, Candidate[]>;
}

/** Rules in the order of their ids, found by what they want of a principal. */
export class Shelf {
  readonly all: readonly Candidate[];
  readonly #rest: readonly Candidate[];
  readonly #tables: readonly Table[];

  constructor(all: readonly Candidate[]) {
    this.all = all;
    const tables = new Map<string, Table>();
    const rest: Candidate[] = [];
    // A walk over few is faster than to look for them.
    const isWalked = all.length <= LIMITS.rulesWalkedMax;
    for (const candidate of all) {
      const key = isWalked ? null : firstKey(candidate.rule);
      if (key === null) rest.push(candidate);
      else shelve(tables, key, candidate);
    }
    this.#rest = rest;
    this.#tables = [...tables.values()];
  }

  /** Those that may speak of the principal, each once; the others surely do not. */
  for(principal: Principal): readonly Candidate[] {
    if (this.#tables.length === 0) return this.#rest;
    const fitting = new Set<Candidate>(this.#rest);
    for (const { has, found } of this.#tables) {
      for (const value of has(principal)) {
        const candidates = found.get(value);
        if (candidates !== undefined) for (const candidate of candidates) fitting.add(candidate);
      }
    }
    return [...fitting];
  }
}

function firstKey(rule: CompiledRule): Key | null {
  for (const row of KEYS) {
    const key = row(rule);
    if (key !== null) return key;
  }
  return null;
}

function shelve(tables: Map<string, Table>, { name, wanted, has }: Key, candidate: Candidate): void {
  let table = tables.get(name);
  if (table === undefined) {
    table = { has, found: new Map() };
    tables.set(name, table);
  }
  for (const value of new Set(wanted)) {
    const found = table.found.get(value);
    if (found === undefined) table.found.set(value, [candidate]);
    else found.push(candidate);
  }
}

const NONE: Candidates = { denies: new Shelf([]), allows: new Shelf([]), shadowed: false };

/** Remembers what `find` gave, for so many targets; all are forgotten at the bound, which only random names reach. */
function remember(find: CompiledPolicies['candidates']): CompiledPolicies['candidates'] {
  const known = new Map<string, { readonly facts: Target['facts']; readonly candidates: Candidates }>();
  return (surface, target) => {
    const { kind, server, name, facts } = target;
    // No target has such a name, and a glob over a name of megabytes would be work for nothing.
    if (name.length > LIMITS.targetNameCharsMax) return NONE;
    // Lengths in front: no two targets share a key, whatever their names contain.
    const key = `${kind} ${surface.length} ${server.length} ${facts.version.length} ${surface}${server}${facts.version}${name}`;
    const found = known.get(key);
    if (found !== undefined && found.facts === facts) return found.candidates;
    const candidates = find(surface, target);
    if (known.size >= LIMITS.decisionTargetsMax) known.clear();
    known.set(key, { facts, candidates });
    return candidates;
  };
}
