// Decides what one MCP message may do on a surface; the same for ext-proc and ext-authz, so that both give one decision.
import type { ErrorCode } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type Message, stringParam } from '../mcp/message.ts';
import { type MethodRow, methodRow } from '../mcp/methods.ts';
import { type CompiledPolicies, compilePolicies, decide } from '../policy/decide.ts';
import type { Decision, Principal } from '../policy/types.ts';
import type { Catalog, CatalogSurface } from './catalog.ts';
import { decodedUri, type Owned, ownerOfName, ownerOfUri } from './names.ts';

export type Verdict =
  /** A response of the client: to nothing that we asked. */
  | { readonly kind: 'response' }
  /** No target to decide on; what it lists is filtered by the same policy. */
  | { readonly kind: 'lifecycle'; readonly row: MethodRow }
  | {
      readonly kind: 'call';
      readonly row: MethodRow;
      readonly owned: Owned;
      readonly publicName: string;
      readonly decision: Decision;
    }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly detail: string;
      /** Present when a policy said no; for the log, never for the caller, who may not know that the target exists. */
      readonly decision?: Decision;
      readonly target?: string;
    };

export interface Asker {
  readonly catalog: Catalog;
  readonly surface: CatalogSurface;
  readonly principal: Principal;
  readonly decisionId: string;
}

/** Total. A denied target and an unknown one are told apart in the log only. */
export function govern(message: Message, asker: Asker): Verdict {
  if (message.kind === 'response') return { kind: 'response' };
  const row = methodRow(message.method, message.kind);
  if (row === null) return { kind: 'refused', code: 'method_not_found', detail: clip(message.method) };
  if (row.target === undefined) return { kind: 'lifecycle', row };
  const { target } = row;
  const publicName = stringParam(message, target.param);
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
  const { catalog, surface } = asker;
  const owned =
    target.kind === 'resource'
      ? ownerOfUri(catalog, surface, publicName)
      : ownerOfName(catalog, surface, target.kind === 'tool' ? 'tools' : 'prompts', publicName);
  if (owned === null) return unknown;
  const decided = (name: string): Decision => decideFor(asker, { kind: target.kind, server: owned.server.name, name });
  const decision = decided(owned.name);
  if (!decision.allowed) return { ...unknown, decision };
  // A resource has more than one spelling; a deny of any counts, and an allow must be of both.
  const decoded = target.kind === 'resource' ? decided(decodedUri(owned.name)) : decision;
  if (!decoded.allowed) return { ...unknown, decision: decoded };
  return { kind: 'call', row, owned, publicName, decision };
}

/** What a caller wrote comes back, and goes into a log, only so far. */
function clip(text: string): string {
  return text.slice(0, LIMITS.echoedCharsMax);
}

export function decideFor(
  asker: Asker,
  target: { kind: 'tool' | 'prompt' | 'resource'; server: string; name: string },
): Decision {
  return decide(compiledOf(asker.catalog), {
    surface: asker.surface.name,
    principal: asker.principal,
    target,
    revision: asker.catalog.revision,
    id: asker.decisionId,
  });
}

// A catalog is immutable, so its policies are compiled once and go with it.
const compiled = new WeakMap<Catalog, CompiledPolicies>();
function compiledOf(catalog: Catalog): CompiledPolicies {
  let policies = compiled.get(catalog);
  if (policies === undefined) {
    policies = compilePolicies([...catalog.policies.values()]);
    compiled.set(catalog, policies);
  }
  return policies;
}
