// Decides how a client is answered while a call of its goes on: as JSON where there is only the answer, else as a stream of events.
import { eventText } from '../compose/event-text.ts';
import { immediate, type Outcome } from '../outcome.ts';
import { Flow, type Holdable } from '../streams/flow.ts';
import type { StreamSink } from '../streams/table.ts';

/** A client's request that is open. */
export interface ClientEnd {
  tell(text: string): void;
  /** The last message; nothing can be told afterwards. `status`: where nothing was told before. */
  answer(text: string, status?: number): void;
}

/** What feeds a client: held up when it does not read, told when it leaves. */
export interface Feed extends Holdable {
  /** The client left before it was answered. */
  left(): void;
}

const STREAM_HEADERS = [
  [':status', '200'],
  ['content-type', 'text/event-stream'],
  ['cache-control', 'no-store'],
  ['x-accel-buffering', 'no'],
] as const;

/** `begin` is called once, before anything else. */
export function answering(begin: (client: ClientEnd) => Feed): Outcome {
  return {
    kind: 'pending',
    start(settle) {
      let feed: Feed | null = null;
      let flow: Flow | null = null;
      let sink: StreamSink | null = null;
      let over = false;
      const left = (): void => {
        if (over) return;
        over = true;
        feed?.left();
      };
      feed = begin({
        tell(text) {
          if (over) return;
          if (sink === null) {
            settle({
              kind: 'stream',
              headers: STREAM_HEADERS,
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
      });
      return left;
    },
  };
}
