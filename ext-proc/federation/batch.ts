// Decides how a batch is answered: each of its messages by itself, the answers together.
import { ERRORS } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { errorText } from '../../core/mcp/json-rpc.ts';
import { scanArray } from '../../core/mcp/scan.ts';
import type { Caller } from '../call.ts';
import { eventText } from '../compose/event-text.ts';
import { ACCEPTED, immediate, type Outcome, refuse } from '../outcome.ts';
import { openSession } from '../session.ts';
import type { StreamSink } from '../streams/table.ts';

/** "Implementations MAY support sending JSON-RPC batches, but MUST support receiving" them (MCP 2025-03-26, basic); no later version. */
const VERSION = '2025-03-26';

type Answer = (caller: Caller, bytes: Buffer) => Outcome | Promise<Outcome>;

export function answerBatch(caller: Caller, body: Buffer, answer: Answer): Outcome {
  const { protocolVersion, sessionToken } = caller.admitted;
  if (sessionToken === '' || (protocolVersion !== '' && protocolVersion !== VERSION))
    return refuse({ code: 'batch_unsupported' });
  const opened = openSession(caller);
  if (!opened.ok) return refuse(opened);
  if (opened.session.protocolVersion !== VERSION) return refuse({ code: 'batch_unsupported' });
  const spans = scanArray(body, LIMITS.jsonDepthMax);
  if (typeof spans === 'string') return refuse({ code: spans === 'duplicate_key' ? spans : 'parse_error' });
  if (spans.length === 0 || spans.length > LIMITS.batchMessagesMax)
    return refuse({ code: 'invalid_request', detail: `a batch has 1 to ${LIMITS.batchMessagesMax} messages` });
  const outcomes = spans.map(({ start, end }) => answer({ ...caller, batched: true }, body.subarray(start, end)));
  const texts: string[] = [];
  for (const outcome of outcomes) {
    if (outcome instanceof Promise || outcome.kind !== 'immediate') return together(caller, outcomes);
    if (outcome.answer.body.length > 0) texts.push(outcome.answer.body.toString());
  }
  // "If the input consists solely of (any number of) JSON-RPC responses or notifications … 202 Accepted with no body."
  return texts.length === 0 ? ACCEPTED : immediate(200, `[${texts.join(',')}]`, 'chancery_batch');
}

/** Some take their time: each answer goes out when it is there, and with it what is said before it. */
function together(caller: Caller, outcomes: readonly (Outcome | Promise<Outcome>)[]): Outcome {
  return {
    kind: 'stream',
    headers: [
      [':status', '200'],
      ['content-type', 'text/event-stream'],
      ['cache-control', 'no-store'],
    ],
    open: (sink) => {
      const leaves = new Set<() => void>();
      let open = outcomes.length;
      let left = false;
      const done = (): void => {
        open--;
        if (open === 0 && !left) sink.end();
      };
      for (const outcome of outcomes) {
        Promise.resolve(outcome).then(
          (settled) => {
            if (!left) run(settled, sink, leaves, done);
          },
          (error: unknown) => {
            caller.gateway.log.error({ err: error }, 'a message of a batch failed');
            run(refuse({ code: 'internal' }), sink, leaves, done);
          },
        );
      }
      return () => {
        left = true;
        for (const leave of leaves) leave();
      };
    },
  };
}

/** `done` is called once, when the outcome has said all. */
function run(outcome: Outcome, sink: StreamSink, leaves: Set<() => void>, done: () => void): void {
  switch (outcome.kind) {
    case 'immediate':
      if (outcome.answer.body.length > 0) sink.write(eventText(outcome.answer.body.toString(), null, undefined));
      return done();
    case 'relay': {
      // Only what is answered by Envoy alone; a batched call is composed.
      const { rpc, message } = ERRORS.internal;
      sink.write(eventText(errorText('null', rpc, message), null, undefined));
      return done();
    }
    case 'pending': {
      let leave = (): void => {};
      leave = outcome.start((settled) => {
        leaves.delete(leave);
        run(settled, sink, leaves, done);
      });
      leaves.add(leave);
      return;
    }
    case 'stream': {
      const inner: StreamSink = {
        write: (text) => sink.write(text),
        end: done,
        pendingBytes: () => sink.pendingBytes(),
        ...(sink.onDrain !== undefined && { onDrain: (listener) => sink.onDrain?.(listener) }),
      };
      leaves.add(outcome.open(inner));
    }
  }
}
