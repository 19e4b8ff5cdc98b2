// Decides what is remembered of a session's subscriptions to resources: what a new backend session has to be told.
import type { Verdict } from '../../core/catalog/govern.ts';
import { isModernOnly } from '../../core/mcp/era.ts';
import { subscribeHere } from '../bridging/bridge.ts';
import type { SessionCall } from '../call.ts';
import { questionOf } from '../instances/question.ts';
import type { Outcome } from '../outcome.ts';
import { relay } from './relay.ts';

/**
 * Before the server answers: one that refuses it refuses it again, and nobody is told of a resource that he may not read.
 * What finds no room goes on all the same, and is forgotten with its backend session.
 */
export function subscribe(call: SessionCall, verdict: Extract<Verdict, { kind: 'call' }>): Outcome | Promise<Outcome> {
  const { gateway, message } = call;
  // Those of modern servers are the bridge's, which asks for them anew with each stream.
  if (!isModernOnly(verdict.exposed.version.discovered)) {
    subscribeHere(call, verdict);
    gateway.instances.tell(questionOf('notice', call, message));
  }
  return relay(call, verdict);
}
