// Decides how a client is answered while a call of its goes on: as JSON where there is only the answer, else as a stream of events.
import { LIMITS } from '../../core/limits.ts';
import type { CallHead } from '../../core/mcp/egress-call.ts';
import { errorTextFor } from '../../core/mcp/json-rpc.ts';
import { type OwnCall, withRecord } from '../call-record.ts';
import { EVENTS, eventText } from '../compose/event-text.ts';
import { immediate, type Leave, type Outcome } from '../outcome.ts';
import { Flow, type Holdable } from '../streams/flow.ts';
import type { StreamSink } from '../streams/table.ts';

/** A client's request that is open. */
export interface ClientEnd {
  tell(text: string): void;
  /** The last message; nothing can be told afterwards. `status`: where nothing was told before. */
  answer(text: string, status?: number): void;
  /** There will be no answer: it was cancelled. */
  end(): void;
}

/** What feeds a client: held up when it does not read, told when it leaves. */
export interface Feed extends Holdable {
  /** The client left before it was answered; with `cut`, its answer was ended because it is too long. */
  left(why?: 'cut'): void;
  /** How the server's latest answer began; null: it did not yet. */
  head(): CallHead | null;
}

const STREAM_HEADERS = [...EVENTS, ['x-accel-buffering', 'no']] as const;

/** `begin` is called once, before anything else. `idText`: of the client's request. `own`: what the access log shows of the call. */
export function answering(own: Omit<OwnCall, 'lane'>, idText: string, begin: (client: ClientEnd) => Feed): Outcome {
  return {
    kind: 'pending',
    start(settleWith) {
      const settle = (outcome: Outcome): void =>
        settleWith(withRecord(outcome, { ...own, lane: 'bridged' }, feed?.head() ?? null));
      let feed: Feed | null = null;
      let flow: Flow | null = null;
      let sink: StreamSink | null = null;
      let over = false;
      const left: Leave = (why) => {
        if (over) return;
        over = true;
        feed?.left(why);
      };
      const bound = {
        bytesMax: LIMITS.composedAnswerBytesMax,
        lastWords: () => eventText(errorTextFor('answer_too_large', idText), null, undefined),
      };
      feed = begin({
        tell(text) {
          if (over) return;
          if (sink === null) {
            settle({
              kind: 'stream',
              headers: STREAM_HEADERS,
              bound,
              open(opened) {
                sink = opened;
                flow = new Flow(opened, () => (feed === null ? [] : [feed]));
                return left;
              },
            });
          }
          flow?.write(eventText(text, null, undefined));
        },
        answer(text, status = 200) {
          if (over) return;
          over = true;
          if (sink === null) return settle(immediate(status, text, 'chancery_bridged'));
          sink.write(eventText(text, null, undefined));
          sink.end();
        },
        end() {
          if (over) return;
          over = true;
          if (sink !== null) return sink.end();
          const open = (opened: StreamSink): Leave => {
            opened.end();
            return left;
          };
          settle({ kind: 'stream', headers: STREAM_HEADERS, open });
        },
      });
      return left;
    },
  };
}
