// Decides which policy an MCP middleware of Traefik becomes, or why it cannot be one.
import type { PolicyTest, Rule } from '../../../core/policy/types.ts';
import { type Expression, parseExpression, Untranslatable } from './expression.ts';
import { type FileProblem, type Middleware, readMiddleware, type WrittenPolicy } from './middleware.ts';
import { PolicyUntranslatable, rulesOf, type TraefikPolicy } from './rules.ts';

export interface TraefikChoice {
  /** Absent: after the middleware. */
  readonly name?: string;
  /** Whose tools the policies speak of; absent: those of every server. */
  readonly server?: string;
  readonly surfaces?: readonly string[];
  readonly mode?: 'enforce' | 'shadow';
}

/** The document, to be checked as any other. */
export interface TraefikImported {
  readonly document: {
    readonly kind: 'Policy';
    readonly name: string;
    readonly version: 'tbac/v1';
    readonly description: string;
    readonly mode: 'enforce' | 'shadow';
    readonly surfaces: readonly string[];
    readonly rules: readonly Rule[];
    readonly tests?: readonly PolicyTest[];
  };
  readonly notes: readonly string[];
}

const ALWAYS = [
  'initialize, ping, lists and notifications need no rule here; a list shows what may be called',
  'a number is compared by its value: 5.0 is 5',
];

/** Total. */
export function importedFromTraefik(
  text: string,
  choice: TraefikChoice,
): TraefikImported | { readonly problem: FileProblem } {
  const middleware = readMiddleware(text);
  if ('problem' in middleware) return middleware;
  try {
    return translated(middleware, choice);
  } catch (error) {
    if (error instanceof Refused) return { problem: error.problem };
    throw error;
  }
}

class Refused extends Error {
  readonly problem: FileProblem;
  constructor(message: string, place: Omit<FileProblem, 'message'>) {
    super(message);
    this.problem = { ...place, message };
  }
}

function translated(middleware: Middleware, choice: TraefikChoice): TraefikImported {
  const { policies, defaultAction, place } = middleware;
  const otherwise = defaultAction ?? 'deny';
  if (otherwise !== 'allow' && otherwise !== 'deny')
    throw new Refused(`found defaultAction "${otherwise}", wanted allow or deny`, place);
  const read = policies.map((policy) => ({ match: expressionOf(policy), action: actionOf(policy, 'allow', 'deny') }));
  const server = choice.server ?? null;
  const { rules, unused } = ruled(policies, () => rulesOf(read, otherwise, server));
  const notes = [...middleware.notes, ...ALWAYS];
  if (defaultAction === null) notes.push('no defaultAction: it was taken for deny');
  for (const { index, isReached } of unused) {
    const { line, column } = policies[index]!.placeOf(0);
    if (isReached && read[index]!.action === 'deny')
      throw new Refused('a denial of what is no call: here lists show what may be called, and initialize is open', {
        line,
        column,
      });
    notes.push(`line ${line}: left out, no call depends on it`);
  }
  if (rules.length === 0) throw new Refused('nothing is allowed or denied by it: leave the policy out', place);
  checkLists(middleware, read, server, rules);
  const name = choice.name ?? nameFrom(middleware.name);
  return {
    document: {
      kind: 'Policy',
      name,
      version: 'tbac/v1',
      description: "Imported from an MCP middleware of Traefik; each rule is named after its policy's place there.",
      mode: choice.mode ?? 'enforce',
      surfaces: choice.surfaces ?? ['*'],
      rules,
    },
    notes,
  };
}

/** A list shows exactly what may be called: so list policies must say the same as the policies. */
function checkLists(
  { listPolicies, listDefaultAction, place }: Middleware,
  read: readonly TraefikPolicy[],
  server: string | null,
  rules: readonly Rule[],
): void {
  if (listPolicies.length === 0) {
    // To show everything is to show, too, what nobody may call: here it is not shown, and calls are the same.
    if (listDefaultAction === null || listDefaultAction === 'show') return;
    throw new Refused('lists that hide everything: here they show what may be called; leave it out', place);
  }
  const shown = listPolicies.map((policy): TraefikPolicy => {
    return { match: expressionOf(policy), action: actionOf(policy, 'show', 'hide') };
  });
  const action = listDefaultAction === 'show' ? 'allow' : 'deny';
  const asRules = ruled(listPolicies, () => rulesOf([...shown], action, server)).rules;
  const ofTools = (list: readonly Rule[]): string =>
    JSON.stringify(list.filter(({ tools }) => tools !== undefined).map(({ id: _, ...rule }) => rule));
  if (read.length > 0 && ofTools(asRules) === ofTools(rules)) return;
  throw new Refused(
    'lists show here what may be called: list policies must say of tools what the policies say, or be left out',
    listPolicies[0]!.placeOf(0),
  );
}

function expressionOf({ match, placeOf }: WrittenPolicy): Expression {
  try {
    return parseExpression(match);
  } catch (error) {
    if (error instanceof Untranslatable) throw new Refused(error.message, placeOf(error.at));
    throw error;
  }
}

function actionOf({ action, actionPlace }: WrittenPolicy, yes: string, no: string): 'allow' | 'deny' {
  if (action === yes) return 'allow';
  if (action === no) return 'deny';
  throw new Refused(`found the action "${action}", wanted ${yes} or ${no}`, actionPlace);
}

function ruled<Result>(written: readonly WrittenPolicy[], run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PolicyUntranslatable)) throw error;
    throw new Refused(error.message, written[error.index]?.placeOf(error.at) ?? { line: 1, column: 1 });
  }
}

function nameFrom(name: string | null): string {
  const plain = (name ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  return plain === '' ? 'traefik' : plain;
}
