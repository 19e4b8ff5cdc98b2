// Decides what the policies of a revision say of a caller and a target of a surface.

import { appliesTo } from '../policy/candidates.ts';
import {
  type CompiledPolicies,
  compilePolicies,
  decide,
  type Question,
  type Visibility,
  visible,
} from '../policy/decide.ts';
import { type Decision, type Principal, type RequestFacts, TARGET_MEMBERS, type TargetKind } from '../policy/types.ts';
import type { Catalog, CatalogSurface } from './catalog.ts';
import type { Exposed, Exposure } from './exposure.ts';
import { factsOf } from './facts.ts';
import type { GivenArguments } from './given-arguments.ts';
import { decodedUri } from './names.ts';

/** How a call comes, and what earlier calls left behind. */
export interface Situation extends Omit<RequestFacts, 'method'> {
  /** Asked only when a condition reads them. */
  readonly labels: () => readonly string[] | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Asker {
  readonly catalog: Catalog;
  readonly surface: CatalogSurface;
  readonly principal: Principal;
  readonly decisionId: string;
  readonly situation: Situation;
}

type Named = Pick<Exposed, 'server' | 'name' | 'facts'>;

/** As what a list decides: what it shows is for calls of this method. */
const CALLED_BY: Readonly<Record<TargetKind, string>> = {
  tool: 'tools/call',
  prompt: 'prompts/get',
  resource: 'resources/read',
};

/** A resource has more than one spelling; a deny of any counts, and an allow must be of both. */
export function callDecision(
  asker: Asker,
  kind: TargetKind,
  named: Named,
  method: string,
  { value, problem, unusable }: GivenArguments,
): Decision {
  const decision = ask(asker, kind, named, method, value);
  if (unusable) return { ...decision, allowed: false, ruleIds: [], reason: problem ?? '', obligations: null };
  if (kind !== 'resource' || !decision.allowed) return decision;
  const { server, facts } = named;
  const decoded = ask(asker, kind, { server, facts, name: decodedUri(named.name) }, method, value);
  return decoded.allowed ? decision : decoded;
}

/** By everything but the arguments; null: a rule reads them, so nothing can be said without. */
export function decisionWithoutArguments(
  asker: Asker,
  kind: TargetKind,
  named: Named,
  method: string,
): Decision | null {
  let read = false;
  const decided = (name: string): Decision =>
    decide(compiledOf(asker.catalog), {
      ...questionOf(asker, kind, { server: named.server, facts: named.facts, name }, method),
      args: () => {
        read = true;
        return {};
      },
      revision: asker.catalog.revision,
      id: asker.decisionId,
    });
  let decision = decided(named.name);
  if (kind === 'resource' && decision.allowed) decision = decided(decodedUri(named.name));
  return read ? null : decision;
}

function ask(asker: Asker, kind: TargetKind, named: Named, method: string, value: GivenArguments['value']): Decision {
  const question = questionOf(asker, kind, named, method);
  const { catalog, decisionId } = asker;
  return decide(compiledOf(catalog), { ...question, args: () => value, revision: catalog.revision, id: decisionId });
}

/** What is asked of a call by this method, but for its arguments. */
export function questionOf(
  { surface, principal, situation }: Asker,
  kind: TargetKind,
  { server, name, facts }: Named,
  method: string,
): Omit<Question, 'args'> {
  return {
    surface: surface.name,
    principal,
    target: { kind, server: server.name, name, facts },
    labels: situation.labels,
    request: { ...situation, method },
    nowMs: situation.now(),
  };
}

/** What a list shows of it. */
export function itemVisibility(asker: Asker, kind: TargetKind, named: Named): Visibility {
  return visible(compiledOf(asker.catalog), questionOf(asker, kind, named, CALLED_BY[kind]));
}

/**
 * Of what is left of a call that was made: its task, the rest of its answer. Its arguments are not known any more, so it
 * stands while some allow may hold and no deny is certain; what those rules withhold is withheld.
 */
export function standingDecision(asker: Asker, kind: TargetKind, named: Named): Decision {
  const { allowing, denying } = itemVisibility(asker, kind, named);
  const deciding = denying.length > 0 ? denying : allowing;
  const redact = [...new Set(allowing.flatMap(({ rule }) => rule.redact))].sort();
  return {
    id: asker.decisionId,
    allowed: allowing.length > 0,
    ruleIds: deciding.map(({ rule }) => rule.id),
    reason: deciding[0]?.rule.reason ?? 'no rule allows it',
    revision: asker.catalog.revision,
    indeterminate: [],
    obligations: redact.length === 0 ? null : { quotas: [], approvals: [], redact, labels: [] },
    shadow: null,
    missingScopes: [],
  };
}

/** The same of what a server calls so; null: the surface has no such server. */
export function standingOf(
  asker: Asker & { readonly exposure: Exposure },
  kind: TargetKind,
  server: string,
  name: string,
): Decision | null {
  const named = namedBy(asker.exposure, kind, server, name);
  return named === null ? null : standingDecision(asker, kind, named);
}

/** What a server calls so, listed or not; null: the surface has no such server. */
function namedBy({ lists, backends }: Exposure, kind: TargetKind, server: string, name: string): Named | null {
  const listed = lists[TARGET_MEMBERS[kind]].find((item) => item.server.name === server && item.name === name);
  if (listed !== undefined) return listed;
  const backend = backends.find((one) => one.server.name === server);
  if (backend === undefined) return null;
  return { server: backend.server, name, facts: factsOf(backend.server, backend.version, null, name) };
}

/**
 * All that rules withhold on a surface, from whomever: for answers of which nobody knows any more to what, and as whom, they
 * were asked for.
 */
export function withheldAnywhere({ catalog, surface }: Pick<Asker, 'catalog' | 'surface'>): readonly string[] {
  const rules = compiledOf(catalog).rules.filter((rule) => !rule.shadow && appliesTo(rule, surface.name));
  return [...new Set(rules.flatMap(({ redact }) => redact))].sort();
}

/** Whether the caller may use what a server calls so, with whatever arguments: for what is told of it outside a call. */
export function mayUse(
  asker: Asker & { readonly exposure: Exposure },
  kind: TargetKind,
  server: string,
  name: string,
): boolean {
  const named = namedBy(asker.exposure, kind, server, name);
  return named !== null && itemVisibility(asker, kind, named).shown;
}

// A set of policies is immutable and outlives the revisions that leave it as it is: it is compiled once.
const compiled = new WeakMap<Catalog['policies'], CompiledPolicies>();
export function compiledOf({ policies }: Pick<Catalog, 'policies'>): CompiledPolicies {
  let found = compiled.get(policies);
  if (found === undefined) {
    found = compilePolicies([...policies.values()]);
    compiled.set(policies, found);
  }
  return found;
}
