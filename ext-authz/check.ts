// Decides one request: the same identity and policy as ext-proc, over what Envoy's ext_authz filter shows.
import { hash } from 'node:crypto';
import type { Catalog, CatalogSurface } from '../core/catalog/catalog.ts';
import { everyExposure } from '../core/catalog/exposure.ts';
import { govern, type Situation, type Verdict } from '../core/catalog/govern.ts';
import { shownTo } from '../core/catalog/tool-candidates.ts';
import { HEADERS } from '../core/contract.ts';
import type { ErrorCode } from '../core/errors.ts';
import { challenge, scopeChallenge } from '../core/identity/metadata.ts';
import { ANONYMOUS, type Identity, type Verifier } from '../core/identity/verify.ts';
import type { JsonObject } from '../core/json.ts';
import type { DecisionRecord } from '../core/ledger-client/decision-record.ts';
import { recordDecision } from '../core/ledger-client/recorded.ts';
import { parseBatch } from '../core/mcp/batch.ts';
import type { Era } from '../core/mcp/era.ts';
import { classifyInbound } from '../core/mcp/inbound.ts';
import { type Message, type ParsedMessage, parseMessage, stringParam } from '../core/mcp/message.ts';
import { isSealedTask } from '../core/mcp/tasks.ts';
import { labelsOf, principalHolders } from '../core/policy/holder.ts';
import type { Ledger } from '../core/policy/ledger.ts';
import type { Principal } from '../core/policy/types.ts';
import { admit, type Header } from './admit.ts';
import { ruleAlone } from './alone.ts';
import type { CheckRequest } from './check-request.ts';
import { ruleHeaders } from './headers.ts';

/** What was found out on the way to a ruling; for the log, and for ext-proc. */
export interface Findings {
  readonly decisionId: string;
  readonly revision?: number;
  readonly surface?: string;
  readonly principal?: Principal;
  /** JSON-RPC method. */
  readonly method?: string;
  /** Public name or URI of what was called. */
  readonly target?: string;
  readonly ruleIds?: readonly string[];
  readonly reason?: string;
  /** Of a batch: each of its messages, in their order. */
  readonly messages?: readonly Ruling[];
}

export interface Known extends Findings {
  readonly revision: number;
  readonly surface: string;
  readonly principal: Principal;
}

export interface Allowed extends Known {
  readonly allowed: true;
  /** SHA-256 of the body that was decided on, hex. */
  readonly bodySha256: string;
}

export interface Refused extends Findings {
  readonly allowed: false;
  readonly code: ErrorCode;
  /** Added to the public sentence. */
  readonly detail?: string;
  /** JSON-RPC's `error.data`. */
  readonly data?: JsonObject | undefined;
  /** Raw JSON of the request's id, `null` where none is known. */
  readonly idText: string;
  readonly headers: readonly Header[];
  /** JSON-RPC 2.0 §4.1: a notification is never answered, not even with an error. */
  readonly silent: boolean;
  /** The caller's model is told so, where the protocol has tool errors for it. */
  readonly toolError?: { readonly era: Era; readonly text: string };
}

export type Ruling = Allowed | Refused;

export interface CheckContext {
  /** The newest complete catalog; null before the first. */
  readonly catalog: Catalog | null;
  readonly verifier: Verifier;
  readonly bodyBytesMax: number;
  readonly decisionId: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** What calls leave behind. */
  readonly ledger: Ledger;
  /** A decision was made here that nobody behind makes again; kept where that is possible. */
  readonly recorded: (record: DecisionRecord) => void;
}

/** Total: what is not understood is refused. At once when the token was seen before. */
export function check(request: CheckRequest, context: CheckContext): Ruling | Promise<Ruling> {
  const { catalog, decisionId, verifier } = context;
  if (catalog === null) return refuse({ decisionId }, { code: 'not_ready' });
  const { revision } = catalog;
  const admission = admit(request, catalog, context.bodyBytesMax);
  if (!admission.ok) {
    const { surface, reason, ok: _ok, ...refusal } = admission;
    return refuse(
      { decisionId, revision, ...(surface !== undefined && { surface }), ...(reason !== undefined && { reason }) },
      refusal,
    );
  }
  const { surface, want } = admission;
  const proceed = (identity: Identity): Ruling | Promise<Ruling> => {
    const found = { decisionId, revision, surface: surface.name };
    if (!identity.ok) {
      const headers: Header[] = [['www-authenticate', challenge(surface, catalog.issuers, identity.reason)]];
      return refuse({ ...found, reason: identity.reason }, { code: 'unauthenticated', headers });
    }
    const known = { ...found, principal: identity.principal };
    const deciding = { request, known, catalog, surface, context };
    if (want === 'headers') return ruleHeaders(deciding);
    return want === 'message' ? ruleBody(deciding) : allow(known, request.body);
  };
  const identity = identify(request, surface, catalog, verifier);
  return identity instanceof Promise ? identity.then(proceed) : proceed(identity);
}

function identify(
  request: CheckRequest,
  surface: CatalogSurface,
  catalog: Catalog,
  verifier: Verifier,
): Identity | Promise<Identity> {
  if (surface.auth === 'none') return { ok: true, principal: ANONYMOUS };
  // Certificates are for surfaces on which ext-proc decides: see check-surface.
  if (surface.auth === 'certificate') return { ok: false, reason: 'missing' };
  const authorization = request.headers.get('authorization');
  return verifier.verify({ authorization, surface, catalog });
}

function ruleBody(deciding: Deciding): Ruling | Promise<Ruling> {
  const { request, known } = deciding;
  const { body } = request;
  const parsed = parseMessage(body);
  const isBatch = !parsed.ok && parsed.code === 'batch_unsupported';
  if (!isBatch) return ruleMessage(parsed, body, deciding);
  const batch = parseBatch(body, request.headers.get(HEADERS.protocolVersion) ?? '');
  if (!batch.ok) return refuse(known, batch);
  const messages = batch.spans.map(({ start, end }) => {
    const bytes = body.subarray(start, end);
    return ruleMessage(parseMessage(bytes), bytes, { ...deciding, batched: true });
  });
  const settled = messages.some((each) => each instanceof Promise) ? Promise.all(messages) : (messages as Ruling[]);
  return settled instanceof Promise
    ? settled.then((all) => together(request, known, all))
    : together(request, known, settled);
}

function together(request: CheckRequest, known: Known, messages: readonly Ruling[]): Ruling {
  const found = { ...known, messages };
  const refused = messages.find((each) => !each.allowed);
  if (refused === undefined || request.translated) return allow(found, request.body);
  // Nobody behind us would take it out of the batch.
  const { code, detail, data } = refused;
  return refuse(found, { code, ...(detail !== undefined && { detail }), data });
}

export interface Deciding {
  readonly request: CheckRequest;
  readonly known: Known;
  readonly catalog: Catalog;
  readonly surface: CatalogSurface;
  readonly context: CheckContext;
  readonly batched?: true;
}

function ruleMessage(
  parsed: ParsedMessage,
  bytes: Buffer,
  { request, known, catalog, surface, context, batched = undefined }: Deciding,
): Ruling | Promise<Ruling> {
  if (!parsed.ok) {
    const { code, idText, detail } = parsed;
    return refuse(known, { code, idText, ...(detail !== undefined && { detail }) });
  }
  const { message } = parsed;
  const { headers, translated } = request;
  const inbound = classifyInbound(message, {
    protocolVersion: headers.get(HEADERS.protocolVersion),
    method: headers.get(HEADERS.method),
    name: headers.get(HEADERS.name),
  });
  if (inbound.era === null) {
    const { code, detail, data } = inbound;
    const found = { ...known, method: message.method };
    return refuse(found, { code, detail, data, idText: message.idText, silent: message.kind === 'notification' });
  }
  const { era } = inbound;
  const { principal, decisionId } = known;
  const situation: Situation = {
    era,
    protocolVersion: headers.get(HEADERS.protocolVersion) ?? '',
    address: request.address,
    // Session tokens are closed to us: of a session's labels ext-proc decides, which is behind.
    labels: translated && era === 'legacy' ? () => [] : labelsOf(context.ledger, principalHolders(principal)),
    now: () => context.nowMs,
  };
  // Likewise: ext-proc refuses what the session's own version does not have.
  const exposure = everyExposure(catalog, surface, (version) => shownTo(version, principal));
  const viewer = { catalog, surface, principal, decisionId, situation, exposure };
  const verdict = govern(message, viewer, era);
  const found = { ...known, ...findingsOf(message, verdict) };
  if (verdict.kind === 'refused') {
    recordDecision(context.recorded, viewer, message.method, verdict, verdict.code);
    return refuse(found, refusalOf(verdict, message, era, surface, principal));
  }
  if (!translated) return ruleAlone({ ...viewer, message, verdict, batched: batched === true, context }, found, bytes);
  // Which tool a task came from is sealed in its id, where the gateway gave it: ext-proc decides by that. Any other id is a
  // server's own, of which nobody would decide.
  if (verdict.kind === 'lifecycle' && verdict.row.act === 'task' && !isSealedTask(stringParam(message, 'taskId') ?? ''))
    return refuse(found, { code: 'unknown_task', idText: message.idText });
  return allow(found, bytes);
}

function refusalOf(
  { code, detail, data, missingScopes, result }: Extract<Verdict, { kind: 'refused' }>,
  message: Message,
  era: Era,
  surface: CatalogSurface,
  principal: Principal,
): Refusal {
  const challenges: Header[] =
    missingScopes === undefined ? [] : [['www-authenticate', scopeChallenge(surface, principal.scopes, missingScopes)]];
  return {
    code,
    detail,
    data,
    idText: message.idText,
    headers: challenges,
    silent: message.kind === 'notification',
    ...(result !== undefined && { toolError: { era, text: result } }),
  };
}

function findingsOf(message: Message, verdict: Verdict): Partial<Findings> {
  const target =
    verdict.kind === 'call' ? verdict.exposed.publicName : verdict.kind === 'refused' ? verdict.target : undefined;
  const decision = verdict.kind === 'call' || verdict.kind === 'refused' ? verdict.decision : undefined;
  return {
    method: message.method,
    ...(target !== undefined && { target }),
    ...(decision !== undefined && { ruleIds: decision.ruleIds, reason: decision.reason }),
  };
}

export function allow(known: Known, body: Buffer): Allowed {
  return { ...known, allowed: true, bodySha256: hash('sha256', body, 'hex') };
}

export type Refusal = Pick<Refused, 'code' | 'detail' | 'data'> &
  Partial<Pick<Refused, 'idText' | 'headers' | 'silent' | 'toolError'>>;

export function refuse(found: Findings, refusal: Refusal): Refused {
  return { idText: 'null', headers: [], silent: false, ...found, ...refusal, allowed: false };
}
