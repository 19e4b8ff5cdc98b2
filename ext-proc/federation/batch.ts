// Decides how a batch is answered: each of its messages by itself, the answers together.
import { ERRORS } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { BATCH_VERSION, parseBatch } from '../../core/mcp/batch.ts';
import { errorText, errorTextFor } from '../../core/mcp/json-rpc.ts';
import { parseMessage } from '../../core/mcp/message.ts';
import type { Caller } from '../call.ts';
import { eventText } from '../compose/event-text.ts';
import { ACCEPTED, immediate, type Leave, type Outcome, type Refusal, refuse } from '../outcome.ts';
import { openSession } from '../session.ts';
import type { StreamSink } from '../streams/table.ts';

type Answer = (caller: Caller, bytes: Buffer) => Outcome | Promise<Outcome>;

/** `refused`: by their place the messages that ext-authz refuses, where it decides. */
export function answerBatch(
  caller: Caller,
  body: Buffer,
  refused: ReadonlyMap<number, Refusal>,
  answer: Answer,
): Outcome {
  const { protocolVersion, sessionToken } = caller.admitted;
  if (sessionToken === '') return refuse({ code: 'batch_unsupported' });
  const opened = openSession(caller);
  if (!opened.ok) return refuse(opened);
  if (opened.session.protocolVersion !== BATCH_VERSION) return refuse({ code: 'batch_unsupported' });
  const batch = parseBatch(body, protocolVersion);
  if (!batch.ok) return refuse(batch);
  const outcomes = batch.spans.map(({ start, end }, index) => {
    const bytes = body.subarray(start, end);
    const refusal = refused.get(index);
    return refusal === undefined ? answer({ ...caller, batched: true }, bytes) : refuseMessage(bytes, refusal);
  });
  const texts: string[] = [];
  for (const outcome of outcomes) {
    if (outcome instanceof Promise || outcome.kind !== 'immediate') return together(caller, outcomes);
    if (outcome.answer.body.length > 0) texts.push(outcome.answer.body.toString());
  }
  // "If the input consists solely of (any number of) JSON-RPC responses or notifications … 202 Accepted with no body."
  return texts.length === 0 ? ACCEPTED : immediate(200, `[${texts.join(',')}]`, 'chancery_batch');
}

/** JSON-RPC 2.0 §4.1: a notification is never answered, not even with an error. */
function refuseMessage(bytes: Buffer, refusal: Refusal): Outcome {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) return refuse(refusal, parsed.idText);
  return parsed.message.kind === 'request' ? refuse(refusal, parsed.message.idText) : ACCEPTED;
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
    bound: {
      bytesMax: LIMITS.composedAnswerBytesMax,
      lastWords: () => eventText(errorTextFor('answer_too_large'), null, undefined),
    },
    open: (sink) => {
      const leaves = new Set<Leave>();
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
      return (why) => {
        left = true;
        for (const leave of leaves) leave(why);
      };
    },
  };
}

/** `done` is called once, when the outcome has said all. */
function run(outcome: Outcome, sink: StreamSink, leaves: Set<Leave>, done: () => void): void {
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
