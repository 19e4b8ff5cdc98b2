// Decides which recorded decisions would be others under other policies, and of which nobody can say.
import { setImmediate } from 'node:timers/promises';
import { compileSchema } from '../../core/arguments/schema.ts';
import type { Catalog, JsonObject, Listed } from '../../core/catalog/catalog.ts';
import { factsOf } from '../../core/catalog/facts.ts';
import { decodedUri } from '../../core/catalog/names.ts';
import type { DecisionRecord } from '../../core/ledger-client/decision-record.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Value } from '../../core/mcp/value.ts';
import {
  type CompiledPolicies,
  compilePolicies,
  type DecisionQuestion,
  decide,
  visible,
} from '../../core/policy/decide.ts';
import { ScopeOf } from '../../core/policy/question.ts';
import type { Facts, Policy } from '../../core/policy/types.ts';
import type { Beside } from '../registry/tables.ts';
import { listDecisions, sinceTime, targetOf } from './decisions.ts';
import { readsClaims, supposingClaims } from './supposed-claims.ts';

export type ReplayedOutcome = 'allow' | 'approve' | 'deny';
/** Why it cannot be known: what was not recorded, or is not there any more. */
export const UNKNOWN_BECAUSE = ['arguments', 'claims', 'target'] as const;
export type UnknownBecause = (typeof UNKNOWN_BECAUSE)[number];

export interface ReplayExample {
  readonly id: string;
  readonly atMs: number;
  readonly surface: string;
  readonly subject: string;
  readonly target: string;
}

export interface Replayed {
  readonly considered: number;
  readonly same: number;
  readonly changes: readonly {
    readonly from: ReplayedOutcome;
    readonly to: ReplayedOutcome;
    readonly count: number;
    readonly examples: readonly ReplayExample[];
  }[];
  readonly unknown: {
    readonly count: number;
    /** A decision may be in several. */
    readonly because: Readonly<Record<UnknownBecause, number>>;
    readonly examples: readonly ReplayExample[];
  };
  /** There were more than one replay runs; these are the newest. */
  readonly cut: boolean;
}

interface Variants {
  readonly exact: CompiledPolicies;
  readonly strict: CompiledPolicies;
  readonly lenient: CompiledPolicies;
}

type Again = { readonly to: ReplayedOutcome } | { readonly because: readonly UnknownBecause[] };

/** @throws RegistryError */
export async function replay(
  beside: Beside,
  catalog: Catalog,
  policies: readonly Policy[],
  sinceMs: number,
): Promise<Replayed> {
  const variants: Variants = {
    exact: compilePolicies(policies),
    strict: compilePolicies(supposingClaims(policies, 'strict')),
    lenient: compilePolicies(supposingClaims(policies, 'lenient')),
  };
  let considered = 0;
  let same = 0;
  const changes = new Map<
    string,
    { from: ReplayedOutcome; to: ReplayedOutcome; count: number; examples: ReplayExample[] }
  >();
  const because: Record<UnknownBecause, number> = { arguments: 0, claims: 0, target: 0 };
  const unknown = { count: 0, because, examples: [] as ReplayExample[] };
  const since = await beside.read((db) => sinceTime(db, sinceMs));
  let before: number | undefined;
  for (;;) {
    const limit = Math.min(LIMITS.replayBatchMax, LIMITS.replayRecordsMax - considered);
    const from = before === undefined ? {} : { before };
    const found = limit === 0 ? [] : await beside.read((db) => listDecisions(db, { since, limit, ...from }));
    for (const { record } of found) {
      considered++;
      const was = recorded(record);
      const again = decidedAgain(record, catalog, variants);
      if ('because' in again) {
        unknown.count++;
        for (const reason of again.because) unknown.because[reason]++;
        if (unknown.examples.length < LIMITS.replayExamplesMax) unknown.examples.push(exampleOf(record));
      } else if (again.to === was) same++;
      else {
        const key = `${was} ${again.to}`;
        const change = changes.get(key) ?? { from: was, to: again.to, count: 0, examples: [] };
        change.count++;
        if (change.examples.length < LIMITS.replayExamplesMax) change.examples.push(exampleOf(record));
        changes.set(key, change);
      }
    }
    const last = found.at(-1);
    if (last === undefined || found.length < limit)
      return { considered, same, changes: [...changes.values()], unknown, cut: limit === 0 };
    before = last.sequence;
    // Others are served meanwhile.
    await setImmediate();
  }
}

function recorded({ allowed, approvals }: DecisionRecord): ReplayedOutcome {
  if (!allowed) return 'deny';
  return approvals.length > 0 ? 'approve' : 'allow';
}

function exampleOf(record: DecisionRecord): ReplayExample {
  const { id, atMs, surface, subject } = record;
  return { id, atMs, surface, subject, target: targetOf(record) };
}

/** One decision under the policies. Total. */
export function decidedAgain(record: DecisionRecord, catalog: Catalog, variants: Variants): Again {
  const found = targetIn(record, catalog);
  if (found === null) return { because: ['target'] };
  // What nobody can check is nobody's to call, whatever a policy says.
  if (found.unusable) return { to: 'deny' };
  const names = record.targetKind === 'resource' ? [record.name, decodedUri(record.name)] : [record.name];
  const outcomes = [...new Set(names)].map((name) => outcomeOf(questionOf(record, name, found.facts), variants));
  if (outcomes.includes('deny')) return { to: 'deny' };
  if (outcomes.includes(null)) return { because: reasonsOf(record, found.facts, variants) };
  return { to: outcomes.includes('approve') ? 'approve' : 'allow' };
}

/** null: it depends on what is not known. */
function outcomeOf(question: DecisionQuestion, variants: Variants): ReplayedOutcome | null {
  const known = question.claimsUnknown !== true;
  const possible = visible(known ? variants.exact : variants.lenient, question).allowing;
  if (possible.length === 0) return 'deny';
  const strict = known ? variants.exact : variants.strict;
  const { allowed, obligations } = decide(strict, question);
  if (!allowed) return null;
  const scope = new ScopeOf(question, 'allow');
  const certain = new Set(obligations?.approvals.map(({ rule }) => rule) ?? []);
  let maybe = false;
  for (const { rule } of possible) {
    if (rule.approve === null) continue;
    const wanted = rule.approve.condition?.condition?.evaluate(scope).kind ?? 'true';
    if (wanted === 'false') continue;
    if (wanted !== 'unknown' && certain.has(rule.id)) return 'approve';
    maybe = true;
  }
  return maybe ? null : 'allow';
}

function questionOf(record: DecisionRecord, name: string, facts: Facts): DecisionQuestion {
  const { issuer, subject, groups, scopes, tasks, agent, kind, method, era, protocolVersion, address } = record;
  const args = record.targetKind === 'resource' ? {} : record.args;
  return {
    id: record.id,
    revision: record.revision,
    surface: record.surface,
    principal: {
      ...{ issuer, subject, groups, scopes, tasks, agent, kind },
      claims: {},
      expiresAtMs: Number.MAX_SAFE_INTEGER,
    },
    // Without a token there are no claims.
    ...(kind === 'jwt' || kind === 'certificate' ? { claimsUnknown: true } : {}),
    target: { kind: record.targetKind, server: record.server, name, facts },
    ...(args === undefined ? {} : { args: () => args as Value }),
    labels: () => record.labels,
    request: { method, era, protocolVersion, address },
    nowMs: record.atMs,
  };
}

/** What rules about the target read and nobody recorded. */
function reasonsOf(record: DecisionRecord, facts: Facts, { exact }: Variants): readonly UnknownBecause[] {
  const target = { kind: record.targetKind, server: record.server, name: record.name, facts };
  const reasons = new Set<UnknownBecause>();
  for (const rule of exact.rules) {
    if (!rule.targets[target.kind](target) || !rule.surfaces.some((glob) => glob(record.surface))) continue;
    if (readsClaims(rule.rule)) reasons.add('claims');
    for (const { condition } of [...rule.conditions, ...(rule.approve?.condition ? [rule.approve.condition] : [])]) {
      if (condition?.reads.has('args') === true && record.args === undefined) reasons.add('arguments');
      if (condition?.reads.has('jwt') === true) reasons.add('claims');
    }
  }
  return UNKNOWN_BECAUSE.filter((reason) => reasons.has(reason));
}

/** As it is now; null: it is not there any more. */
function targetIn(
  { server: serverName, version: versionName, targetKind, name }: DecisionRecord,
  catalog: Catalog,
): { readonly facts: Facts; readonly unusable: boolean } | null {
  const server = catalog.servers.get(serverName);
  const version = server?.versions.find((one) => one.version === versionName);
  if (server === undefined || version === undefined) return null;
  if (targetKind !== 'tool') return { facts: factsOf(server, version, null, name), unusable: false };
  const lists = version.discovered?.tools;
  const item = [...(lists?.full ?? []), ...(lists?.bare ?? [])].find((tool: Listed) => tool.name === name);
  if (item === undefined) return null;
  const { inputSchema } = item;
  const checked = typeof inputSchema === 'object' && inputSchema !== null && !Array.isArray(inputSchema);
  const unusable = checked && !compileSchema(inputSchema as JsonObject).ok;
  return { facts: factsOf(server, version, item, name), unusable };
}
