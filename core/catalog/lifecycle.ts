// Decides the states of a server version, which state may follow which, and what each state means for the gateway.

interface StateRow {
  /** States that may follow. */
  readonly next: readonly LifecycleState[];
  /** Envoy knows the backend, the bridge runs it and discovery reads it: nothing is dialled before a review has passed. */
  readonly reached: boolean;
  /** Sessions are led to it. */
  readonly served: boolean;
  /** The services know of it, if only to say that it is gone. */
  readonly known: boolean;
  readonly doc: string;
}

export const LIFECYCLE_STATES = [
  'requested',
  'in-review',
  'staging',
  'canary',
  'active',
  'deprecated',
  'decommissioned',
] as const;
export type LifecycleState = (typeof LIFECYCLE_STATES)[number];

const NOT_REACHED = { reached: false, served: false, known: false } as const;
const SERVED = { reached: true, served: true, known: true } as const;

/** One row per state, in the order of a version's life. */
export const LIFECYCLE: { readonly [state in LifecycleState]: StateRow } = {
  requested: { next: ['in-review', 'decommissioned'], ...NOT_REACHED, doc: 'somebody asks for it; nothing is dialled' },
  'in-review': {
    next: ['requested', 'staging', 'decommissioned'],
    ...NOT_REACHED,
    doc: 'it is looked at; nothing is dialled',
  },
  staging: {
    next: ['in-review', 'canary', 'active', 'decommissioned'],
    reached: true,
    served: false,
    known: false,
    doc: 'it is read, and no session is led to it',
  },
  canary: {
    next: ['staging', 'active', 'decommissioned'],
    ...SERVED,
    doc: 'a share of sessions, or named principals, are led to it',
  },
  active: { next: ['deprecated'], ...SERVED, doc: 'everybody else is led to it' },
  deprecated: {
    next: ['active', 'decommissioned'],
    ...SERVED,
    doc: 'sessions that have it keep it, and are told; new ones only when there is no active version',
  },
  decommissioned: {
    next: [],
    reached: false,
    served: false,
    known: true,
    doc: 'calls are refused, with the name of the active version; final',
  },
};

/** States in which a version may come to a server that is registered. A new server comes as it was elsewhere. */
export const FIRST_STATES: readonly LifecycleState[] = ['requested', 'in-review', 'staging', 'active'];

/** A version in one of these leaves the registry without a trace of use; in any other it must be decommissioned first. */
export const REMOVABLE_STATES: readonly LifecycleState[] = ['requested', 'in-review', 'staging', 'decommissioned'];

/** One sentence; null when `to` may follow `from` (null: the version is new), or is the same. */
export function transitionProblem(from: LifecycleState | null, to: LifecycleState): string | null {
  if (from === to) return null;
  if (from === null) {
    return FIRST_STATES.includes(to) ? null : `a new version begins as ${oneOf(FIRST_STATES)}, found "${to}"`;
  }
  const { next } = LIFECYCLE[from];
  if (next.includes(to)) return null;
  return `"${to}" does not follow "${from}"; wanted ${next.length === 0 ? 'nothing: it is final' : oneOf(next)}`;
}

function oneOf(states: readonly LifecycleState[]): string {
  return states.length < 2 ? states.join('') : `${states.slice(0, -1).join(', ')} or ${states.at(-1)}`;
}
