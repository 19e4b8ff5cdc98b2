// Decides what of a request that comes back from its approval goes on: the call as it was, without our own question.
import { classifyInbound } from '../../core/mcp/inbound.ts';
import { parseMessage, stringParam, withoutParams } from '../../core/mcp/message.ts';
import type { ModernCall } from './call.ts';
import { isApprovalState } from './state.ts';

/** The same call where its state is none of an approval. The server never asked, so it gets neither state nor response. */
export function withoutApproval(call: ModernCall): ModernCall {
  const { message, gateway } = call;
  const state = message.params?.has('requestState') === true ? stringParam(message, 'requestState') : null;
  if (state === null || !isApprovalState(gateway, call, state)) return call;
  const parsed = parseMessage(withoutParams(message, ['requestState', 'inputResponses']));
  if (!parsed.ok) throw new Error(`the body of ${message.method} was written wrongly`);
  // What it says of its client stands at other places now.
  const inbound = classifyInbound(parsed.message, call.admitted.standard);
  if (inbound.era !== 'modern' || inbound.envelope === null)
    throw new Error(`the envelope of ${message.method} was written wrongly`);
  return { ...call, message: parsed.message, envelope: inbound.envelope };
}
