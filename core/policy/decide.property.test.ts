import { expect, test } from 'vitest';
import { compilePolicies, decide } from './decide.ts';
import type { Policy, Principal, Rule, Target, TargetKind, Who } from './types.ts';

// A slow evaluator that follows the sentences of the design word by word, and random policies over a small world.

/** mulberry32: the same seed gives the same run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const SERVERS = ['a', 'ab', 'mem'];
const NAMES = ['get', 'get_x', 'put_x', 'a/b', 'x'];
const SURFACES = ['default', 'ops'];
const GROUPS = ['g1', 'g2', 'g3'];
const SCOPES = ['s1', 's2'];
const SUBJECTS = ['alice', 'bob', 'al'];
const ISSUERS = ['i1', 'i2'];
const SERVER_GLOBS = ['*', 'a', 'a*', '*b', 'mem', 'm*m'];
const NAME_GLOBS = ['*', 'get', 'get*', '*_x', 'g*t*', 'a/b', '*/b', '**'];
const KINDS: readonly TargetKind[] = ['tool', 'prompt', 'resource'];

class World {
  readonly #random: () => number;
  constructor(seed: number) {
    this.#random = randomOf(seed);
  }
  chance(share: number): boolean {
    return this.#random() < share;
  }
  one<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }
  some<T>(items: readonly T[], least = 1): T[] {
    const picked = items.filter(() => this.chance(0.4));
    return picked.length >= least ? picked : [this.one(items)];
  }
  pattern(): string {
    return this.chance(0.1) ? '*' : `${this.one(SERVER_GLOBS)}/${this.one(NAME_GLOBS)}`;
  }
  who(depth: number): Who {
    return {
      ...(this.chance(0.3) ? { subjects: this.some(['alice', 'al*', '*b', '*']) } : {}),
      ...(this.chance(0.3) ? { groups: this.some(GROUPS) } : {}),
      ...(this.chance(0.2) ? { scopes: this.some(SCOPES) } : {}),
      ...(this.chance(0.2) ? { issuers: this.some(ISSUERS) } : {}),
      ...(depth > 0 && this.chance(0.3) ? { not: { ...this.who(depth - 1), groups: this.some(GROUPS) } } : {}),
    };
  }
  rule(id: string): Rule {
    const patterns = (): string[] => Array.from({ length: this.one([1, 1, 2, 3]) }, () => this.pattern());
    return {
      id,
      effect: this.chance(0.7) ? 'allow' : 'deny',
      ...(this.chance(0.6) ? { who: this.who(1) } : {}),
      ...(this.chance(0.7) ? { tools: patterns() } : { prompts: patterns() }),
      ...(this.chance(0.3) ? { resources: patterns() } : {}),
      ...(this.chance(0.5) ? { reason: `because ${id}` } : {}),
    };
  }
  policies(): Policy[] {
    return Array.from({ length: this.one([0, 1, 2, 3]) }, (_, index) => ({
      name: `p${index}`,
      version: 'tbac/v1' as const,
      surfaces: this.one([['*'], ['default'], ['o*'], ['x', 'default']]),
      rules: Array.from({ length: this.one([1, 2, 4, 7]) }, (_unused, rule) => this.rule(`r${rule}`)),
    }));
  }
  principal(): Principal {
    return {
      issuer: this.one(ISSUERS),
      subject: this.one(SUBJECTS),
      groups: GROUPS.filter(() => this.chance(0.4)),
      scopes: SCOPES.filter(() => this.chance(0.5)),
      expiresAtMs: 0,
    };
  }
  target(): Target {
    return { kind: this.one(KINDS), server: this.one(SERVERS), name: this.one(NAMES) };
  }
  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }
}

function fits(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  if (pattern[0] !== '*') return name !== '' && name[0] === pattern[0] && fits(pattern.slice(1), name.slice(1));
  for (let from = 0; from <= name.length; from++) if (fits(pattern.slice(1), name.slice(from))) return true;
  return false;
}

function isWho(who: Who, principal: Principal): boolean {
  if (who.subjects !== undefined && !who.subjects.some((subject) => fits(subject, principal.subject))) return false;
  if (who.groups !== undefined && !who.groups.some((group) => principal.groups.includes(group))) return false;
  if (who.scopes !== undefined && !who.scopes.some((scope) => principal.scopes.includes(scope))) return false;
  if (who.issuers !== undefined && !who.issuers.includes(principal.issuer)) return false;
  return who.not === undefined || !isWho(who.not, principal);
}

function isTarget(pattern: string, target: Target): boolean {
  if (pattern === '*') return true;
  const [server, ...name] = pattern.split('/');
  return fits(server!, target.server) && fits(name.join('/'), target.name);
}

function slowDecide(policies: readonly Policy[], surface: string, principal: Principal, target: Target) {
  const firing: { readonly id: string; readonly rule: Rule }[] = [];
  for (const policy of policies) {
    if (!policy.surfaces.some((pattern) => fits(pattern, surface))) continue;
    for (const rule of policy.rules) {
      const patterns = { tool: rule.tools, prompt: rule.prompts, resource: rule.resources }[target.kind] ?? [];
      const speaks = patterns.some((pattern) => isTarget(pattern, target));
      if (speaks && isWho(rule.who ?? {}, principal)) firing.push({ id: `${policy.name}/${rule.id}`, rule });
    }
  }
  const denies = firing.filter(({ rule }) => rule.effect === 'deny');
  const deciding = (denies.length > 0 ? denies : firing).sort((a, b) => (a.id < b.id ? -1 : 1));
  const first = deciding[0];
  if (first === undefined) return { allowed: false, ruleIds: [], reason: 'no rule allows it' };
  const allowed = denies.length === 0;
  const reason = first.rule.reason ?? `${allowed ? 'allowed' : 'denied'} by ${first.id}`;
  return { allowed, ruleIds: deciding.map(({ id }) => id), reason };
}

test('random policies: the compiled decision is the slow one, in whatever order the rules come', () => {
  const seen = { allowed: 0, denied: 0, byDefault: 0 };
  for (let seed = 1; seed <= 1500; seed++) {
    const world = new World(seed);
    const policies = world.policies();
    const shuffled = world.shuffled(policies.map((policy) => ({ ...policy, rules: world.shuffled(policy.rules) })));
    const compiled = compilePolicies(policies);
    const reordered = compilePolicies(shuffled);
    for (let call = 0; call < 12; call++) {
      const [surface, principal, target] = [world.one(SURFACES), world.principal(), world.target()];
      const wanted = { ...slowDecide(policies, surface, principal, target), id: 'd', revision: seed };
      const question = { surface, principal, target, id: 'd', revision: seed };
      const where = `seed ${seed}, ${JSON.stringify({ surface, principal, target })}`;
      expect(decide(compiled, question), where).toEqual(wanted);
      expect(decide(reordered, question), `${where}, reordered`).toEqual(wanted);
      expect(decide(compilePolicies(policies, surface), question), `${where}, one surface`).toEqual(wanted);
      seen[wanted.allowed ? 'allowed' : wanted.ruleIds.length > 0 ? 'denied' : 'byDefault']++;
    }
  }
  // The world is one in which each outcome is common, or the property would say little.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(1000);
});

test('random policies: one more deny rule never allows, one more allow rule never denies', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const world = new World(seed + 100_000);
    const policies = world.policies();
    const extra = (effect: Rule['effect']): Policy => ({
      name: 'extra',
      version: 'tbac/v1',
      surfaces: ['*'],
      rules: [{ ...world.rule('x'), effect }],
    });
    const base = compilePolicies(policies);
    const denying = compilePolicies([...policies, extra('deny')]);
    const allowing = compilePolicies([...policies, extra('allow')]);
    for (let call = 0; call < 12; call++) {
      const [surface, principal, target] = [world.one(SURFACES), world.principal(), world.target()];
      const question = { surface, principal, target, id: 'd', revision: 1 };
      const { allowed } = decide(base, question);
      if (!allowed) expect(decide(denying, question).allowed, `seed ${seed}`).toBe(false);
      if (allowed) expect(decide(allowing, question).allowed, `seed ${seed}`).toBe(true);
    }
  }
});
