// Decides a request of which only the headers are shown: what they name, where the server is known to hold them to its body.
import type { CatalogServer } from '../core/catalog/catalog.ts';
import { isServed } from '../core/catalog/choose.ts';
import { decisionWithoutArguments, itemVisibility } from '../core/catalog/decisions.ts';
import { everyExposure } from '../core/catalog/exposure.ts';
import type { Situation } from '../core/catalog/govern.ts';
import { shownTo } from '../core/catalog/tool-candidates.ts';
import { HEADERS } from '../core/contract.ts';
import { scopeChallenge } from '../core/identity/metadata.ts';
import { decodeHeaderValue } from '../core/mcp/header-value.ts';
import { type MethodRow, methodRow } from '../core/mcp/methods.ts';
import { isModernVersion } from '../core/mcp/versions.ts';
import { labelsOf, principalHolders } from '../core/policy/holder.ts';
import { fulfilAlone, UNDECIDED } from './alone.ts';
import { allow, type Deciding, type Refusal, type Ruling, refuse } from './check.ts';

const NO_BODY = Buffer.alloc(0);

/** Total. A notification has no name, and asks for nothing. */
export function ruleHeaders(deciding: Deciding): Ruling | Promise<Ruling> {
  const { request, known, catalog, surface, context } = deciding;
  const { principal, decisionId } = known;
  const method = request.headers.get(HEADERS.method) ?? '';
  const protocolVersion = request.headers.get(HEADERS.protocolVersion) ?? '';
  const found = { ...known, method };
  const refused = (refusal: Refusal): Ruling => refuse(found, refusal);
  if (!isModernVersion(protocolVersion) || method === '')
    return refused({ code: 'decision_unavailable', detail: 'the headers do not say what is called' });
  const servers = surface.members.flatMap(({ server }) => catalog.servers.get(server) ?? []);
  if (!servers.every(holdsToHeaders))
    return refused({
      code: 'decision_unavailable',
      detail: 'its server was not seen to compare headers with the body',
    });
  const row = methodRow(method, 'request', 'modern') ?? methodRow(method, 'notification', 'modern');
  if (row === null) return refused({ code: 'unknown_method', detail: method.slice(0, 64) });
  if (UNDECIDED.includes(row.act))
    return refused({ code: 'obligation_unsupported', detail: `${row.act} without the gateway` });
  const kind = targetKind(row);
  if (kind === null) return allow(found, NO_BODY);
  const name = decodeHeaderValue(request.headers.get(HEADERS.name) ?? '');
  if (kind === 'reference' || name === null || name === '')
    return refused({ code: 'decision_unavailable', detail: 'the headers do not say what is called' });
  const situation: Situation = {
    era: 'modern',
    protocolVersion,
    address: request.address,
    labels: labelsOf(context.ledger, principalHolders(principal)),
    now: () => context.nowMs,
  };
  const exposure = everyExposure(catalog, surface, (version) => shownTo(version, principal));
  const asker = { catalog, surface, principal, decisionId, situation };
  const exposed = exposure.find(kind.kind, name)[0];
  const unknown = { code: kind.unknown, detail: name.slice(0, 256) } as const;
  if (exposed === undefined) return refused(unknown);
  const decision = decisionWithoutArguments(asker, kind.kind, exposed, method);
  if (decision === null) return refused({ code: 'decision_unavailable', detail: 'a rule reads the arguments' });
  const told = { ...found, target: exposed.publicName, ruleIds: decision.ruleIds, reason: decision.reason };
  if (decision.allowed) return fulfilAlone({ ...asker, context, exposed, target: kind, decision, message: null }, told);
  if (!itemVisibility(asker, kind.kind, exposed).shown) return refuse(told, unknown);
  const { missingScopes } = decision;
  if (missingScopes.length === 0) return refuse(told, { code: 'policy_denied', detail: decision.reason });
  const challenge = ['www-authenticate', scopeChallenge(surface, principal.scopes, missingScopes)] as const;
  return refuse(told, { code: 'insufficient_scope', detail: missingScopes.join(' '), headers: [challenge] });
}

function holdsToHeaders({ versions }: CatalogServer): boolean {
  return versions.filter(isServed).every(({ discovered }) => discovered?.refusesDisagreement === true);
}

function targetKind({ target }: MethodRow) {
  return target ?? null;
}
