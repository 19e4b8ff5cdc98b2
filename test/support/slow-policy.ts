// Decides calls slowly and plainly, sentence by sentence of docs/policy.md: what the real evaluator is held against.
import { durationMs } from '../../core/policy/duration.ts';
import type { Annotations, ClaimValue, Decision, Policy, Rule, TargetPattern, Who } from '../../core/policy/types.ts';
import { TARGET_MEMBERS } from '../../core/policy/types.ts';
import { type Asked, meaningOf } from './policy-conditions.ts';

type SlowDecision = Omit<Decision, 'id' | 'revision'>;
interface Fitting {
  readonly id: string;
  readonly rule: Rule;
  readonly task: string;
  readonly shadow: boolean;
}

function fits(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  if (pattern[0] !== '*') return name !== '' && name[0] === pattern[0] && fits(pattern.slice(1), name.slice(1));
  for (let from = 0; from <= name.length; from++) if (fits(pattern.slice(1), name.slice(from))) return true;
  return false;
}

/** What is not known: a deny takes it for true, an allow for false; `not` turns that round. */
function isWho(who: Who, asked: Asked, unsure: boolean): boolean {
  const { principal, address } = asked;
  const claim = ([path, wanted]: [string, ClaimValue | readonly ClaimValue[]]): boolean => {
    const values = [wanted].flat();
    let found: unknown = principal.claims;
    for (const step of path.split('.')) found = (found as Record<string, unknown> | undefined)?.[step];
    return [found].flat().some((one) => values.includes(one as ClaimValue));
  };
  // 10.0.0.0/8 is the one network of this world.
  const isInside = address === null ? unsure : address.startsWith('10.');
  return (
    (who.subjects === undefined || who.subjects.some((one) => fits(one, principal.subject))) &&
    (who.groups === undefined || who.groups.some((one) => principal.groups.includes(one))) &&
    (who.scopes === undefined || who.scopes.some((one) => principal.scopes.includes(one))) &&
    (who.issuers === undefined || who.issuers.includes(principal.issuer)) &&
    (who.claims === undefined || Object.entries(who.claims).every(claim)) &&
    (who.agents === undefined || who.agents.some((one) => principal.agent !== null && fits(one, principal.agent))) &&
    (who.networks === undefined || isInside) &&
    (who.not === undefined || !isWho(who.not, asked, !unsure))
  );
}

/** A server's own word counts where it can only restrict; what nobody says is the worst. */
export function slowAnnotations(effect: Rule['effect'], { facts }: Asked['target']): Required<Annotations> {
  const worst = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true };
  return { ...worst, ...(effect === 'deny' ? facts.annotations : {}), ...facts.overrides };
}

function isTarget(pattern: TargetPattern, effect: Rule['effect'], { target }: Asked): boolean {
  if (typeof pattern !== 'string') {
    const found = slowAnnotations(effect, target) as Record<string, boolean>;
    const wanted = Object.entries(pattern.annotations);
    return (
      wanted.every(([name, value]) => found[name] === value) && isTarget(pattern.match, effect, { target } as Asked)
    );
  }
  if (pattern === '*') return true;
  if (pattern.startsWith('@classification=')) return target.facts.classification === pattern.split('=')[1];
  if (pattern.startsWith('@')) {
    const [key = '', value] = pattern.slice(1).split('=');
    const found = target.facts.labels[key];
    return found !== undefined && (value === undefined || found === value);
  }
  const [server, ...name] = pattern.split('/');
  return fits(server!, target.server) && fits(name.join('/'), target.name);
}

function names(by: Pick<Rule, 'tools' | 'prompts' | 'resources'>, effect: Rule['effect'], asked: Asked): boolean {
  return (by[TARGET_MEMBERS[asked.target.kind]] ?? []).some((pattern) => isTarget(pattern, effect, asked));
}

/** null: the rule does not speak of the target for any of his tasks; '': it asks for none. */
function taskFor(policy: Policy, rule: Rule, asked: Asked): string | null {
  const isBare = rule.tools === undefined && rule.prompts === undefined && rule.resources === undefined;
  if (!isBare && !names(rule, rule.effect, asked)) return null;
  if (rule.task === undefined) return '';
  const reaches = (name: string): boolean => {
    const task = policy.tasks?.[name];
    if (task === undefined) return !isBare;
    return (
      (task.surfaces === undefined || task.surfaces.some((one) => fits(one, asked.surface))) &&
      names(task, rule.effect, asked)
    );
  };
  return asked.principal.tasks.find((name) => rule.task!.some((glob) => fits(glob, name)) && reaches(name)) ?? null;
}

function fitting(policies: readonly Policy[], asked: Asked, withScopes = true): Fitting[] {
  const found: Fitting[] = [];
  for (const policy of policies) {
    if (!policy.surfaces.some((one) => fits(one, asked.surface))) continue;
    for (const rule of policy.rules) {
      const { scopes, ...others } = rule.who ?? {};
      const who = withScopes ? (rule.who ?? {}) : others;
      const task = taskFor(policy, rule, asked);
      if (task !== null && isWho(who, asked, rule.effect === 'deny'))
        found.push({ id: `${policy.name}/${rule.id}`, rule, task, shadow: policy.mode === 'shadow' });
    }
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

type Truths = readonly { readonly text: string; readonly truth: boolean | null }[];
function truthsOf(texts: readonly string[], effect: Rule['effect'], asked: Asked): Truths {
  return texts.map((text) => ({ text, truth: meaningOf(text)(asked, slowAnnotations(effect, asked.target)) }));
}

/** All true: true; one false: false; else it cannot be told. */
function together(truths: Truths): boolean | null {
  if (truths.some(({ truth }) => truth === false)) return false;
  return truths.every(({ truth }) => truth === true) ? true : null;
}

interface Outcome {
  readonly allowed: boolean;
  readonly deciding: readonly Fitting[];
  readonly failed: readonly string[];
}

function outcome(rules: readonly Fitting[], asked: Asked): Outcome {
  const judged = rules.map((one) => {
    const truths = truthsOf(one.rule.when ?? [], one.rule.effect, asked);
    const holds = together(truths);
    const failed =
      holds === false ? [] : truths.filter(({ truth }) => truth === null).map(({ text }) => `${one.id} ${text}`);
    return { one, holds, failed };
  });
  const denies = judged.filter(({ one }) => one.rule.effect === 'deny');
  const denying = denies.filter(({ holds }) => holds !== false);
  if (denying.length > 0)
    return { allowed: false, deciding: denying.map(({ one }) => one), failed: denies.flatMap(({ failed }) => failed) };
  const allowing = judged.filter(({ one, holds }) => one.rule.effect === 'allow' && holds === true);
  const failed = judged.flatMap((one) => one.failed);
  return { allowed: allowing.length > 0, deciding: allowing.map(({ one }) => one), failed };
}

function owed(deciding: readonly Fitting[], asked: Asked): { obligations: Decision['obligations']; failed: string[] } {
  const failed: string[] = [];
  const quotas = deciding.flatMap(({ id, rule, task }) =>
    [...(rule.obligations?.rate ?? []), ...(rule.obligations?.budget ?? [])]
      .flatMap((quota) =>
        (['calls', 'bytes', 'tokens'] as const)
          .filter((unit) => quota[unit] !== undefined)
          .map((unit) => ({ unit, limit: quota[unit]!, windowMs: durationMs(quota.per, 1e12)!, by: quota.by })),
      )
      .map((quota, index) => ({ quota: { id: `${id}#${index}`, ...quota }, task })),
  );
  const approvals = deciding.flatMap(({ id, rule }) => {
    const approve = rule.obligations?.approve;
    if (approve === undefined) return [];
    const truths = truthsOf(approve.when === undefined ? [] : [approve.when], 'allow', asked);
    failed.push(...truths.filter(({ truth }) => truth === null).map(({ text }) => `${id} ${text}`));
    if (together(truths) === false) return [];
    return [
      { rule: id, by: approve.by, withinMs: durationMs(approve.within ?? '15m', 1e12)!, reason: rule.reason ?? '' },
    ];
  });
  const all = (of: (rule: Rule) => readonly string[] | undefined): string[] =>
    [...new Set(deciding.flatMap(({ rule }) => of(rule) ?? []))].sort();
  const obligations = {
    quotas,
    approvals,
    redact: all((rule) => rule.obligations?.redact),
    labels: all((rule) => rule.obligations?.labels),
  };
  const isNothing = Object.values(obligations).every((one) => one.length === 0);
  return { obligations: isNothing ? null : obligations, failed };
}

/** The failed conditions as `policy/rule condition`, sorted. */
export function slowDecide(
  policies: readonly Policy[],
  asked: Asked,
): Omit<SlowDecision, 'indeterminate'> & { readonly indeterminate: readonly string[] } {
  const rules = fitting(policies, asked);
  const enforced = outcome(
    rules.filter(({ shadow }) => !shadow),
    asked,
  );
  const withShadow = outcome(rules, asked);
  const idsOf = ({ deciding }: Outcome): string[] => deciding.map(({ id }) => id);
  const isSame = enforced.allowed === withShadow.allowed && `${idsOf(enforced)}` === `${idsOf(withShadow)}`;
  const [first] = enforced.deciding;
  const word = enforced.allowed ? 'allowed' : 'denied';
  const owes = enforced.allowed ? owed(enforced.deciding, asked) : { obligations: null, failed: [] };
  const lacking = fitting(policies, asked, false).find(
    ({ rule, shadow }) =>
      !shadow &&
      rule.effect === 'allow' &&
      rule.who?.scopes !== undefined &&
      together(truthsOf(rule.when ?? [], 'allow', asked)) === true,
  );
  return {
    allowed: enforced.allowed,
    ruleIds: idsOf(enforced),
    reason: first === undefined ? 'no rule allows it' : (first.rule.reason ?? `${word} by ${first.id}`),
    obligations: owes.obligations,
    indeterminate: [...enforced.failed, ...owes.failed].sort(),
    shadow: isSame ? null : { allowed: withShadow.allowed, ruleIds: idsOf(withShadow) },
    missingScopes: first === undefined ? (lacking?.rule.who?.scopes?.slice(0, 1) ?? []) : [],
  };
}

/** Some rule without conditions allows it and no rule that denies speaks of it: whatever the arguments are. */
export function slowSurely(policies: readonly Policy[], asked: Asked): boolean {
  const rules = fitting(policies, asked).filter(({ shadow }) => !shadow);
  return (
    rules.some(({ rule }) => rule.effect === 'allow' && rule.when === undefined) &&
    rules.every(({ rule }) => rule.effect === 'allow')
  );
}
