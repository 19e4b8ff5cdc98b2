// Decides the shape of a policy document `tbac/v1`, of what it is asked and of a decision.
import type { JsonObject } from '../json.ts';

/** A claim's wanted value: equal to it, or, where the claim is a list, one of its items. */
export type ClaimValue = string | number | boolean;

/** Who a rule speaks of. Members are ANDed, values inside one are ORed; an absent member matches everybody. */
export interface Who {
  /** Subjects (`sub`), as globs. */
  readonly subjects?: readonly string[];
  /** Values of the claim `groups`. */
  readonly groups?: readonly string[];
  /** Values of the claim `scope` (space separated). */
  readonly scopes?: readonly string[];
  readonly issuers?: readonly string[];
  /** Dotted path of a verified claim → what it must be; every path must fit. */
  readonly claims?: Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>;
  /** The program that calls (`azp`, `client_id`), as globs. */
  readonly agents?: readonly string[];
  /** Addresses that the call comes from, as CIDR blocks. */
  readonly networks?: readonly string[];
  /** Everybody but these. */
  readonly not?: Who;
}

/** Tool annotations of MCP that a rule may name. */
export const ANNOTATIONS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const;
export type Annotations = Readonly<Partial<Record<(typeof ANNOTATIONS)[number], boolean>>>;

/**
 * What a rule reaches: `server/name` with globs, `*`, `@label`, `@label=value`, `@classification=value`; with annotations
 * where these must hold as well.
 */
export type TargetPattern = string | { readonly match: string; readonly annotations: Annotations };

/** Where a task may be done, and with what; an absent member names nothing, absent surfaces are all. */
export interface Task {
  readonly surfaces?: readonly string[];
  readonly tools?: readonly TargetPattern[];
  readonly prompts?: readonly TargetPattern[];
  readonly resources?: readonly TargetPattern[];
}

/** Whose calls are counted together. */
export const COUNTED_BY = ['principal', 'task', 'tool', 'server', 'surface', 'agent'] as const;
export type CountedBy = (typeof COUNTED_BY)[number];
/** What is counted. Tokens are estimated from bytes; see docs/policy.md. */
export const COUNTED = ['calls', 'bytes', 'tokens'] as const;
export type Counted = (typeof COUNTED)[number];

/** At most `limit` of `unit` in any window of `windowMs`, for each value of `by`. */
export interface Quota {
  /** Which rule says so, as `policy/rule`, and which of its quotas. */
  readonly id: string;
  readonly unit: Counted;
  readonly limit: number;
  readonly windowMs: number;
  readonly by: readonly CountedBy[];
}

export interface Approve {
  /** CEL; absent: every call. An indeterminate one asks for approval too. */
  readonly when?: string;
  /** Who may approve; never the caller. */
  readonly by: { readonly subjects?: readonly string[]; readonly groups?: readonly string[] };
  /** How long a person has, and then how long the grant may be used, e.g. `15m`. */
  readonly within?: string;
}

export interface QuotaDocument {
  readonly calls?: number;
  readonly bytes?: number;
  readonly tokens?: number;
  /** e.g. `1h`. */
  readonly per: string;
  readonly by: readonly CountedBy[];
}

/** What an allow owes. */
export interface ObligationsDocument {
  readonly rate?: readonly QuotaDocument[];
  readonly budget?: readonly QuotaDocument[];
  readonly approve?: Approve;
  readonly redact?: readonly string[];
  readonly labels?: readonly string[];
}

export interface Rule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly who?: Who;
  /** Globs over the principal's tasks; one must fit. */
  readonly task?: readonly string[];
  readonly tools?: readonly TargetPattern[];
  readonly prompts?: readonly TargetPattern[];
  readonly resources?: readonly TargetPattern[];
  /** CEL; all must be true. */
  readonly when?: readonly string[];
  readonly obligations?: ObligationsDocument;
  readonly reason?: string;
}

export interface PolicyTest {
  readonly name?: string;
  readonly as?: {
    readonly subject?: string;
    readonly issuer?: string;
    readonly groups?: readonly string[];
    readonly scopes?: readonly string[];
    readonly tasks?: readonly string[];
    readonly agent?: string;
    readonly address?: string;
    readonly claims?: JsonObject;
  };
  readonly surface?: string;
  readonly at?: string;
  /** Labels that earlier calls left. */
  readonly session?: readonly string[];
  readonly call?: {
    readonly tool?: string;
    readonly prompt?: string;
    readonly resource?: string;
    readonly args?: JsonObject;
  };
  readonly list?: 'tools' | 'prompts' | 'resources';
  /** What the server says of the tools below: labels, annotations, input schema. By `server/name`. */
  readonly facts?: Readonly<Record<string, TestFacts>>;
  /** `allow`, `deny`, `approve`, with a rule's id or without; `deny schema`. */
  readonly expect?: string;
  readonly shown?: readonly string[];
  readonly hidden?: readonly string[];
}

export interface TestFacts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly classification?: string;
  /** As the server says. */
  readonly annotations?: Annotations;
  /** As an operator says. */
  readonly overrides?: Annotations;
  readonly inputSchema?: JsonObject;
}

export interface Policy {
  readonly name: string;
  readonly version: 'tbac/v1';
  /** `shadow`: decided and counted, never enforced. */
  readonly mode: 'enforce' | 'shadow';
  /** Surfaces it applies to, as globs. */
  readonly surfaces: readonly string[];
  readonly tasks?: Readonly<Record<string, Task>>;
  readonly rules: readonly Rule[];
}

/** Who calls, verified. On a surface with `auth: none` issuer and subject are `anonymous`. */
export interface Principal {
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  /** What he is about, as his token says. */
  readonly tasks: readonly string[];
  /** The program that calls for him; null: not said. */
  readonly agent: string | null;
  /** All that was verified of him. Never for a log. */
  readonly claims: JsonObject;
  readonly kind: 'jwt' | 'api_key' | 'certificate' | 'anonymous';
  /** Epoch milliseconds; the token's own end. */
  readonly expiresAtMs: number;
}

export type TargetKind = 'tool' | 'prompt' | 'resource';

/** The member of a rule whose patterns speak of targets of a kind. */
export const TARGET_MEMBERS = { tool: 'tools', prompt: 'prompts', resource: 'resources' } as const;

/** What is known of a target beside its name; one immutable object for each. */
export interface Facts {
  /** Of the server version. */
  readonly version: string;
  readonly title: string;
  /** The server's, and the tool's own. */
  readonly labels: Readonly<Record<string, string>>;
  readonly classification: string;
  /** As the server says: they may only restrict. */
  readonly annotations: Annotations;
  /** As an operator says: they count as they are. */
  readonly overrides: Annotations;
}

/** What is called: the server's own name for it, never the prefixed one. */
export interface Target {
  readonly kind: TargetKind;
  readonly server: string;
  readonly name: string;
  readonly facts: Facts;
}

export const NO_FACTS: Facts = {
  version: '',
  title: '',
  labels: {},
  classification: '',
  annotations: {},
  overrides: {},
};

/** How the call came. */
export interface RequestFacts {
  readonly method: string;
  readonly era: 'legacy' | 'modern';
  readonly protocolVersion: string;
  /** The caller's address; null: not known. */
  readonly address: string | null;
}

/** A condition that came to no value, and why. */
export interface Indeterminate {
  readonly rule: string;
  readonly condition: string;
  readonly why: string;
}

/** What has to be done for a call that is allowed; of every rule that allows it. */
export interface Obligations {
  readonly quotas: readonly OwedQuota[];
  readonly approvals: readonly ApprovalTerms[];
  /** Paths, each once, sorted. */
  readonly redact: readonly string[];
  readonly labels: readonly string[];
}

export interface OwedQuota {
  readonly quota: Quota;
  /** The task for which the rule allows the call; '' without one. */
  readonly task: string;
}

export interface ApprovalTerms {
  /** `policy/rule`. */
  readonly rule: string;
  readonly by: Approve['by'];
  readonly withinMs: number;
  readonly reason: string;
}

/** The outcome. `ruleIds` are `policy/rule`; the deciding ones. A denial without any is the default. */
export interface Decision {
  readonly id: string;
  readonly allowed: boolean;
  readonly ruleIds: readonly string[];
  readonly reason: string;
  readonly revision: number;
  readonly indeterminate: readonly Indeterminate[];
  /** null: it owes nothing. */
  readonly obligations: Obligations | null;
  /** What the policies in shadow would have made of it, where that is another outcome; null: the same, or there are none. */
  readonly shadow: { readonly allowed: boolean; readonly ruleIds: readonly string[] } | null;
  /** With these scopes as well it would be allowed (RFC 6750 §3.1, `insufficient_scope`); empty: not by scopes. */
  readonly missingScopes: readonly string[];
}
