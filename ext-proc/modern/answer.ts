// Decides which handler answers a request of the modern era.
import type { Act } from '../../core/mcp/methods.ts';
import { principalHolders } from '../../core/policy/holder.ts';
import { fulfil, type OwingCall } from '../obligations/fulfil.ts';
import { pendingModern } from '../obligations/pending.ts';
import { type Outcome, refuse } from '../outcome.ts';
import { withoutApproval } from './approved.ts';
import type { Governed, ModernCall } from './call.ts';
import { discover, listModern } from './catalog-answers.ts';
import { listen } from './listen.ts';
import { relayModern } from './relay.ts';
import { answerModernTask } from './tasks.ts';

/** One function for each act that a request of this era can have. */
const ACTS: Partial<Record<Act, (call: ModernCall, verdict: Governed) => Outcome | Promise<Outcome>>> = {
  discover: (call) => discover(call),
  list: (call, { row }) => listModern(call, row.list ?? 'tools'),
  relay: (asked, verdict) => {
    const call = withoutApproval(asked);
    return verdict.kind === 'call'
      ? fulfil(owing(call), verdict, () => relayModern(call, verdict))
      : refuse({ code: 'internal' }, call.message.idText);
  },
  listen: (call) => listen(call),
  task: (call) => answerModernTask(call),
};

/** What its obligations need of a call. */
function owing(call: ModernCall): OwingCall {
  const holders = principalHolders(call.principal);
  return { ...call, holders, pending: (approval) => pendingModern(call, approval) };
}

export function actModern(call: ModernCall, verdict: Governed): Outcome | Promise<Outcome> {
  const act = ACTS[verdict.row.act];
  return act === undefined ? refuse({ code: 'unknown_method' }, call.message.idText) : act(call, verdict);
}
