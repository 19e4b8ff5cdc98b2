// Decides what a caller is told whose call waits for a person: as a page to open where his client can, else as an error.
import { pendingError } from '../../core/catalog/owed-call.ts';
import { APPROVALS_PATH } from '../../core/contract.ts';
import type { JsonObject } from '../../core/json.ts';
import { isObject } from '../../core/json.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { spanIn } from '../../core/mcp/tasks.ts';
import type { Approval } from '../../core/policy/ledger.ts';
import type { SessionCall } from '../call.ts';
import type { ModernCall } from '../modern/call.ts';
import { sealApproval } from '../modern/state.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';

/** "URL mode elicitation" (MCP 2025-11-25, client/elicitation) and its error code are of this version. */
const URLS_SINCE = '2025-11-25';

/** A client of the legacy era that declares it is given a page to open, and calls again. */
export function pendingInSession({ session, surface, message }: SessionCall, approval: Approval): Outcome {
  const { elicitation } = session.clientCapabilities;
  const shows = isObject(elicitation) && isObject(elicitation.url) && session.protocolVersion >= URLS_SINCE;
  return shows
    ? refuse({ code: 'elicitation_required', data: { elicitations: [pageOf(surface.url, approval)] } }, message.idText)
    : asError(approval, message.idText);
}

/** One of the modern era is asked, by a page, and comes back with the state that says which approval it waits for. */
export function pendingModern(call: ModernCall, approval: Approval): Outcome {
  const { message, envelope, surface, gateway } = call;
  const shows = spanIn(message, envelope.clientCapabilities, ['elicitation', 'url']) !== undefined;
  const state = shows ? sealApproval(gateway, call, approval.id, approval.expiresAtMs) : null;
  if (state === null) return asError(approval, message.idText);
  const { mode, url, message: sentence } = pageOf(surface.url, approval);
  const result = {
    resultType: 'input_required',
    inputRequests: { approval: { method: 'elicitation/create', params: { mode, url, message: sentence } } },
    requestState: state,
  };
  return immediate(200, resultText(message.idText, JSON.stringify(result)), 'chancery_approval_required');
}

/** Everything that its caller needs to come back: the same call again is the same approval. */
function asError(approval: Approval, idText: string): Outcome {
  return refuse({ code: 'approval_required', ...pendingError(approval) }, idText);
}

function pageOf(surfaceUrl: string, { id, target, reason }: Approval) {
  const why = reason === '' ? '' : ` (${reason})`;
  return {
    mode: 'url',
    elicitationId: id,
    url: `${new URL(surfaceUrl).origin}${APPROVALS_PATH}${id}`,
    message: `A person has to approve this call of ${target}${why}. Its approval is ${id}.`,
  } satisfies JsonObject;
}
