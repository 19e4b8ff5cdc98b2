// Decides what one MCP message may do on a surface; the same for ext-proc and ext-authz, so that both give one decision.
import { type ErrorCode, modernCode } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import type { Era } from '../mcp/era.ts';
import type { Message } from '../mcp/message.ts';
import { type MethodRow, methodRow, type Target } from '../mcp/methods.ts';
import { targetName, targetOf } from '../mcp/target.ts';
import type { Value } from '../mcp/value.ts';
import type { Decision } from '../policy/types.ts';
import { activeVersion, isServed } from './choose.ts';
import { type Asker, callDecision, itemVisibility } from './decisions.ts';
import type { Exposed, Exposure } from './exposure.ts';
import { argumentsProblem } from './exposure-arguments.ts';
import { type GivenArguments, givenArguments } from './given-arguments.ts';

export type { Asker, Situation } from './decisions.ts';

export type Verdict =
  /** A response of the client: to nothing that we asked. */
  | { readonly kind: 'response' }
  /** No target to decide on; what it lists is filtered by the same policy. */
  | { readonly kind: 'lifecycle'; readonly row: MethodRow }
  | {
      readonly kind: 'call';
      readonly row: MethodRow;
      readonly target: Target;
      readonly exposed: Exposed;
      readonly decision: Decision;
      /** As the rules saw them. */
      readonly args: Value;
    }
  | Refused;

/** What a decision was about. */
export interface Asked {
  readonly kind: Target['kind'];
  readonly exposed: Exposed;
  readonly args: Value;
}

export interface Refused {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  readonly detail: string;
  /** For the caller's program: JSON-RPC's `error.data`. */
  readonly data?: JsonObject;
  /** What the caller's model is told where the protocol has tool errors for it: the text of an `isError` result. */
  readonly result?: string;
  /** With these as well the call would be allowed. */
  readonly missingScopes?: readonly string[];
  /** What was called, where that is known; for the record, never for the caller. */
  readonly asked?: Asked;
  /** Present when a policy decided; for the log, never for the caller, who may not know that the target exists. */
  readonly decision?: Decision;
  readonly target?: string;
}

/** Somebody of whom it is known which versions of the servers he has. */
export interface Viewer extends Asker {
  readonly exposure: Exposure;
}

/** Total. A denied target that the caller does not see and an unknown one are told apart in the log only. */
export function govern(message: Message, viewer: Viewer, era: Era = 'legacy'): Verdict {
  const verdict = governed(message, viewer, era);
  if (era === 'legacy' || verdict.kind !== 'refused') return verdict;
  // "The error response SHOULD include the requested URI in `data`" (MCP 2026-07-28, server/resources, "Error Handling").
  const data = verdict.code === 'unknown_resource' ? { data: { uri: verdict.detail } } : {};
  return { ...verdict, ...data, code: modernCode(verdict.code) };
}

function governed(message: Message, viewer: Viewer, era: Era): Verdict {
  if (message.kind === 'response') return { kind: 'response' };
  const row = methodRow(message.method, message.kind, era);
  if (row === null) return { kind: 'refused', code: 'method_not_found', detail: clip(message.method) };
  if (row.target === undefined) return { kind: 'lifecycle', row };
  const target = targetOf(message, row.target);
  if (target === null)
    return { kind: 'refused', code: 'invalid_params', detail: 'params.ref must be a ref/prompt or a ref/resource' };
  const publicName = targetName(message, target);
  if (publicName === null)
    return { kind: 'refused', code: 'invalid_params', detail: `params.${target.param} must be a string` };
  const unknown = {
    kind: 'refused',
    code: target.unknown,
    detail: clip(publicName),
    target: clip(publicName),
  } as const;
  // Nothing has such a name, and to compare megabytes with every pattern would be work for nothing.
  if (publicName.length > LIMITS.targetNameCharsMax) return unknown;
  let first: Verdict | null = null;
  for (const exposed of viewer.exposure.find(target.kind, publicName)) {
    const verdict = judged(message, viewer, row, target, exposed) ?? unknown;
    if (verdict.kind === 'call' || (verdict.kind === 'refused' && verdict.decision?.allowed === true)) return verdict;
    first ??= verdict;
  }
  return first ?? unknown;
}

function judged(message: Message, viewer: Viewer, row: MethodRow, target: Target, exposed: Exposed): Verdict {
  const given = givenArguments(message, exposed, target.kind);
  const decision = callDecision(viewer, target.kind, exposed, message.method, given);
  const asked: Asked = { kind: target.kind, exposed, args: given.value };
  const found = { kind: 'refused', target: clip(exposed.publicName), asked } as const;
  if (decision.allowed) {
    const refusal = goneVersion(exposed) ?? wrongArguments(message, exposed, given, viewer);
    return refusal === null
      ? { kind: 'call', row, target, exposed, decision, args: given.value }
      : { ...found, ...refusal, decision };
  }
  const unknown = { ...found, code: target.unknown, detail: clip(exposed.publicName), decision };
  // What a caller does not see does not exist for him, nor does what nobody could check.
  if (given.unusable || !itemVisibility(viewer, target.kind, exposed).shown) return unknown;
  if (decision.missingScopes.length > 0) {
    const { missingScopes } = decision;
    return { ...found, code: 'insufficient_scope', detail: missingScopes.join(' '), missingScopes, decision };
  }
  const wrong = wrongArguments(message, exposed, given, viewer);
  if (wrong !== null) return { ...found, ...wrong, decision };
  return {
    ...found,
    code: 'policy_denied',
    detail: decision.reason,
    data: { decision: decision.id, rules: [...decision.ruleIds] },
    decision,
  };
}

type Refusal = Pick<Refused, 'code' | 'detail' | 'data' | 'result'>;

/** Why a call that the policy allows cannot be made; null: it can. */
function goneVersion({ server, version }: Exposed): Refusal | null {
  if (isServed(version)) return null;
  const active = activeVersion(server)?.version ?? null;
  const instead =
    active === null ? 'there is no active version' : `the active version is ${active}: open a new session`;
  return {
    code: 'version_decommissioned',
    detail: `${server.name} ${version.version}; ${instead}`,
    data: { server: server.name, version: version.version, activeVersion: active },
  };
}

/** Since when arguments that do not fit a tool's schema are told to the model ("Tool Execution Errors", MCP 2025-11-25). */
const ERRORS_FOR_MODELS_SINCE = '2025-11-25';

function wrongArguments(message: Message, exposed: Exposed, given: GivenArguments, viewer: Viewer): Refusal | null {
  const problem = argumentsProblem(message, exposed);
  if (problem !== null) return { code: 'invalid_params', detail: clip(problem) };
  if (given.problem === null) return null;
  const detail = clip(given.problem);
  const forModels = viewer.situation.protocolVersion >= ERRORS_FOR_MODELS_SINCE;
  return { code: 'invalid_params', detail, ...(forModels && { result: `Invalid arguments: ${detail}` }) };
}

/** What a caller wrote comes back, and goes into a log, only so far. */
function clip(text: string): string {
  return text.slice(0, LIMITS.echoedCharsMax);
}
