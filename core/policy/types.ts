// Decides the shape of a policy document `tbac/v1` and of a decision.

/** Who a rule speaks of. Members are ANDed, values inside one are ORed; an absent member matches everybody. */
export interface Who {
  /** Subjects (`sub`), as globs. */
  readonly subjects?: readonly string[];
  /** Values of the claim `groups`. */
  readonly groups?: readonly string[];
  /** Values of the claim `scope` (space separated). */
  readonly scopes?: readonly string[];
  readonly issuers?: readonly string[];
  /** Everybody but these. */
  readonly not?: Who;
}

export interface Rule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly who?: Who;
  /** `server/tool` globs. */
  readonly tools?: readonly string[];
  /** `server/prompt` globs. */
  readonly prompts?: readonly string[];
  /** `server/uri` globs. */
  readonly resources?: readonly string[];
  readonly reason?: string;
}

export interface Policy {
  readonly name: string;
  readonly version: 'tbac/v1';
  /** Surfaces it applies to, as globs. */
  readonly surfaces: readonly string[];
  readonly rules: readonly Rule[];
}

/** Who calls, verified. On a surface with `auth: none` issuer and subject are `anonymous`. */
export interface Principal {
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  /** Epoch milliseconds; the token's own end. */
  readonly expiresAtMs: number;
}

export type TargetKind = 'tool' | 'prompt' | 'resource';

/** The member of a rule whose patterns speak of targets of a kind. */
export const TARGET_MEMBERS = { tool: 'tools', prompt: 'prompts', resource: 'resources' } as const;

/** What is called: the server's own name for it, never the prefixed one. */
export interface Target {
  readonly kind: TargetKind;
  readonly server: string;
  readonly name: string;
}

/** The outcome. `ruleIds` are `policy/rule`; the deciding ones. A denial without any is the default. */
export interface Decision {
  readonly id: string;
  readonly allowed: boolean;
  readonly ruleIds: readonly string[];
  readonly reason: string;
  readonly revision: number;
}
