// Decides the shape of a condition: what it reads, what it can come to, what is left of it when arguments are unknown.
import type { Value } from '../../mcp/value.ts';
import type { Node } from './tree.ts';

/** What is not known yet; a condition that depends on it is neither true nor false. */
export const UNKNOWN: unique symbol = Symbol('unknown');
export type Unknown = typeof UNKNOWN;

export const ROOTS = ['args', 'jwt', 'tool', 'session', 'request', 'time'] as const;
export type Root = (typeof ROOTS)[number];

/** What the roots stand for. `time` is in epoch milliseconds; a condition sees it as a timestamp. */
export interface Scope {
  readonly args: Value | Unknown;
  readonly jwt: Value | Unknown;
  readonly tool: Value | Unknown;
  readonly session: Value | Unknown;
  readonly request: Value | Unknown;
  readonly time: number | Unknown;
}

/** Members of the roots whose shape is ours. */
export const ROOT_MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['tool', ['name', 'server', 'title', 'labels', 'classification', 'annotations', 'version']],
  ['session', ['labels']],
  [
    'request',
    [
      'surface',
      'method',
      'era',
      'protocolVersion',
      'address',
      'agent',
      'subject',
      'issuer',
      'groups',
      'scopes',
      'tasks',
    ],
  ],
]);

export type Truth =
  | { readonly kind: 'true' }
  | { readonly kind: 'false' }
  /** It depends on what is unknown. */
  | { readonly kind: 'unknown' }
  /** It failed: a missing key, operands that do not go together, the cost limit. Never quotes a value. */
  | { readonly kind: 'indeterminate'; readonly why: string; readonly column?: number };

export interface Condition {
  readonly source: string;
  readonly reads: ReadonlySet<Root>;
  /** For what reads the expression itself: residuals, checks, traces. */
  readonly tree: Node;
  /** Total; never throws. */
  evaluate(scope: Scope): Truth;
}

export type Compiled =
  | { readonly ok: true; readonly condition: Condition }
  /** `column` counts from 1, in the source; `suggestion` is the nearest known name. */
  | { readonly ok: false; readonly problem: string; readonly column?: number; readonly suggestion?: string };

export type ResidualOp =
  | 'required'
  | 'min'
  | 'max'
  | 'exclusiveMin'
  | 'exclusiveMax'
  | 'enum'
  | 'pattern'
  | 'minSize'
  | 'maxSize';

/** One limit on an argument that every call must keep for the condition to be true. `const` is an enum of one. */
export interface Residual {
  /** Keys from `args` down. */
  readonly path: readonly string[];
  readonly op: ResidualOp;
  /** enum: a list of scalars; pattern: an ECMAScript pattern; min…, max…: a number; required: true. */
  readonly value: Value;
}

/** A sub-expression, and what it came to. */
export interface TraceLine {
  readonly text: string;
  readonly value: string;
}
