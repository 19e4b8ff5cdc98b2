// Decides what one MCP message may do on a surface; the same for ext-proc and ext-authz, so that both give one decision.
import { type ErrorCode, modernCode } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import type { Era } from '../mcp/era.ts';
import type { Message } from '../mcp/message.ts';
import { type MethodRow, methodRow, type Target } from '../mcp/methods.ts';
import { targetName, targetOf } from '../mcp/target.ts';
import { type CompiledPolicies, compilePolicies, decide } from '../policy/decide.ts';
import type { Decision, Principal, TargetKind } from '../policy/types.ts';
import type { Catalog, CatalogSurface } from './catalog.ts';
import { activeVersion, isServed } from './choose.ts';
import type { Exposed, Exposure } from './exposure.ts';
import { argumentsProblem } from './exposure-arguments.ts';
import { decodedUri } from './names.ts';

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
    }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly detail: string;
      /** For the caller's program: JSON-RPC's `error.data`. */
      readonly data?: JsonObject;
      /** Present when a policy decided; for the log, never for the caller, who may not know that the target exists. */
      readonly decision?: Decision;
      readonly target?: string;
    };

export interface Asker {
  readonly catalog: Catalog;
  readonly surface: CatalogSurface;
  readonly principal: Principal;
  readonly decisionId: string;
}

/** Somebody of whom it is known which versions of the servers he has. */
export interface Viewer extends Asker {
  readonly exposure: Exposure;
}

/** Total. A denied target and an unknown one are told apart in the log only. */
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
  let denied: Decision | undefined;
  for (const exposed of viewer.exposure.find(target.kind, publicName)) {
    const decision = decideOn(viewer, target.kind, exposed);
    if (decision.allowed) {
      return refusalOf(message, exposed, decision) ?? { kind: 'call', row, target, exposed, decision };
    }
    denied ??= decision;
  }
  return denied === undefined ? unknown : { ...unknown, decision: denied };
}

/** A resource has more than one spelling; a deny of any counts, and an allow must be of both. */
function decideOn(asker: Asker, kind: TargetKind, { server, name }: Exposed): Decision {
  const decision = decideFor(asker, { kind, server: server.name, name });
  if (kind !== 'resource' || !decision.allowed) return decision;
  const decoded = decideFor(asker, { kind, server: server.name, name: decodedUri(name) });
  return decoded.allowed ? decision : decoded;
}

/** Why a call that the policy allows cannot be made; null: it can. */
function refusalOf(
  message: Message,
  exposed: Exposed,
  decision: Decision,
): Extract<Verdict, { kind: 'refused' }> | null {
  const { server, version } = exposed;
  const target = clip(exposed.publicName);
  if (!isServed(version)) {
    const active = activeVersion(server)?.version ?? null;
    const instead =
      active === null ? 'there is no active version' : `the active version is ${active}: open a new session`;
    return {
      kind: 'refused',
      code: 'version_decommissioned',
      detail: `${server.name} ${version.version}; ${instead}`,
      data: { server: server.name, version: version.version, activeVersion: active },
      decision,
      target,
    };
  }
  const problem = argumentsProblem(message, exposed);
  return problem === null ? null : { kind: 'refused', code: 'invalid_params', detail: clip(problem), decision, target };
}

/** What a caller wrote comes back, and goes into a log, only so far. */
function clip(text: string): string {
  return text.slice(0, LIMITS.echoedCharsMax);
}

export function decideFor(
  asker: Asker,
  target: { readonly kind: TargetKind; readonly server: string; readonly name: string },
): Decision {
  return decide(compiledOf(asker.catalog), {
    surface: asker.surface.name,
    principal: asker.principal,
    target,
    revision: asker.catalog.revision,
    id: asker.decisionId,
  });
}

// A set of policies is immutable and outlives the revisions that leave it as it is: it is compiled once.
const compiled = new WeakMap<Catalog['policies'], CompiledPolicies>();
function compiledOf({ policies }: Catalog): CompiledPolicies {
  let found = compiled.get(policies);
  if (found === undefined) {
    found = compilePolicies([...policies.values()]);
    compiled.set(policies, found);
  }
  return found;
}
