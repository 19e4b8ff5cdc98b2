// Decides what each condition of the random policies means, in plain JavaScript beside its CEL text.
import type { JsonObject } from '../../core/json.ts';
import type { Annotations, Principal, Target } from '../../core/policy/types.ts';

/** A call as the slow evaluator is asked. */
export interface Asked {
  readonly surface: string;
  readonly principal: Principal;
  readonly target: Target;
  readonly args: JsonObject;
  readonly labels: readonly string[];
  readonly address: string | null;
  readonly nowMs: number;
}

/** null: it fails, because something is missing or is of another type. */
export type Meaning = (asked: Asked, annotations: Required<Annotations>) => boolean | null;

const amount = ({ args }: Asked): number | null => (typeof args.amount === 'number' ? args.amount : null);
const tenant = ({ args }: Asked): string | null => (typeof args.tenant === 'string' ? args.tenant : null);
const about = <Item>(value: Item | null, test: (value: Item) => boolean): boolean | null =>
  value === null ? null : test(value);
const not = (truth: boolean | null): boolean | null => (truth === null ? null : !truth);
const and = (...truths: readonly (boolean | null)[]): boolean | null =>
  truths.includes(false) ? false : truths.includes(null) ? null : true;
const or = (...truths: readonly (boolean | null)[]): boolean | null =>
  truths.includes(true) ? true : truths.includes(null) ? null : false;
const has = ({ args }: Asked, key: string): boolean => Object.hasOwn(args, key);
const starts = (value: unknown): boolean | null => (typeof value === 'string' ? value.startsWith('a') : null);

const MEANINGS: Readonly<Record<string, Meaning>> = {
  'args.amount <= 10': (asked) => about(amount(asked), (value) => value <= 10),
  'args.amount > 5': (asked) => about(amount(asked), (value) => value > 5),
  'args.amount in [1, 5, 20]': (asked) =>
    has(asked, 'amount') ? [1, 5, 20].includes(asked.args.amount as number) : null,
  'has(args.note)': (asked) => has(asked, 'note'),
  '!has(args.note)': (asked) => !has(asked, 'note'),
  '!has(args.amount) || args.amount < 7': (asked) =>
    or(
      !has(asked, 'amount'),
      about(amount(asked), (value) => value < 7),
    ),
  'args.tenant == jwt.tenant': (asked) =>
    has(asked, 'tenant') && asked.principal.claims.tenant !== undefined
      ? asked.args.tenant === asked.principal.claims.tenant
      : null,
  'args.tenant in ["acme", "beta"]': (asked) =>
    has(asked, 'tenant') ? ['acme', 'beta'].includes(asked.args.tenant as string) : null,
  'args.tenant.startsWith("ac")': (asked) => about(tenant(asked), (value) => value.startsWith('ac')),
  'args.tenant.matches("^[a-z]+$")': (asked) => about(tenant(asked), (value) => /^[a-z]+$/.test(value)),
  'size(args.tenant) <= 4': (asked) => {
    const found = asked.args.tenant;
    return typeof found === 'string' ? found.length <= 4 : Array.isArray(found) ? found.length <= 4 : null;
  },
  'args.amount <= 10 || args.tenant == "acme"': (asked) =>
    or(
      about(amount(asked), (value) => value <= 10),
      has(asked, 'tenant') ? asked.args.tenant === 'acme' : null,
    ),
  '!(args.amount <= 3) && has(args.tenant)': (asked) =>
    and(not(about(amount(asked), (value) => value <= 3)), has(asked, 'tenant')),
  'args.tags.all(t, t.startsWith("a"))': ({ args }) =>
    Array.isArray(args.tags) ? and(...args.tags.map(starts)) : null,
  'args.tags.exists(t, t.startsWith("a"))': ({ args }) =>
    Array.isArray(args.tags) ? or(...args.tags.map(starts)) : null,
  // Not a comparison, and true only where it is the boolean itself.
  'args.amount': ({ args }) => (typeof args.amount === 'boolean' ? args.amount : null),
  '"private" in session.labels': ({ labels }) => labels.includes('private'),
  '!("private" in session.labels) || args.amount <= 10': (asked) =>
    or(
      !asked.labels.includes('private'),
      about(amount(asked), (value) => value <= 10),
    ),
  'jwt.tenant == "acme"': ({ principal }) =>
    principal.claims.tenant === undefined ? null : principal.claims.tenant === 'acme',
  'request.address.inCidr("10.0.0.0/8")': ({ address }) => about(address, (value) => value.startsWith('10.')),
  'request.surface == "ops"': ({ surface }) => surface === 'ops',
  'request.agent.startsWith("cli")': ({ principal }) => about(principal.agent, (agent) => agent.startsWith('cli')),
  'tool.annotations.destructiveHint': (_, { destructiveHint }) => destructiveHint,
  'tool.annotations.readOnlyHint || args.amount <= 10': (asked, { readOnlyHint }) =>
    or(
      readOnlyHint,
      about(amount(asked), (value) => value <= 10),
    ),
  'tool.labels.tier == "gold"': ({ target }) =>
    target.facts.labels.tier === undefined ? null : target.facts.labels.tier === 'gold',
  'tool.classification != "secret"': ({ target }) => target.facts.classification !== 'secret',
  'time.getHours() < 12': ({ nowMs }) => new Date(nowMs).getUTCHours() < 12,
  true: () => true,
  'args.amount <': () => null,
};

export const CONDITIONS: readonly string[] = Object.keys(MEANINGS);

export function meaningOf(text: string): Meaning {
  const meaning = MEANINGS[text];
  if (meaning === undefined) throw new Error(`no meaning of "${text}"`);
  return meaning;
}

/** Among them wrong types, missing keys, extra keys and limits with their neighbours. */
export const ARGUMENTS: readonly JsonObject[] = [
  {},
  ...[-1, 0, 1, 3, 5, 6.5, 7, 10, 10.5, 11, 20].map((value) => ({ amount: value, tenant: 'acme' })),
  { amount: '5', tenant: 'acme' },
  { amount: null, tenant: 'beta' },
  { amount: [5], tenant: ['acme'] },
  { amount: true },
  { amount: false, note: 'n' },
  { Amount: 5, tenant: 'beta', note: null },
  { tenant: 'beta' },
  { tenant: 'Acme', amount: 4 },
  { tenant: 'acmetenant', amount: 4, tags: ['a', 'ab'] },
  { amount: 4, tags: [] },
  { amount: 4, tags: ['b', 1], note: '' },
  { amount: 4, tags: ['a', 1] },
  { amount: 4, tags: 'a', tenant: 'gamma' },
];
