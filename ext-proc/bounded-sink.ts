// Decides how much of an answer of ours goes to Envoy, which takes all of it and holds what its client does not read.
import { LIMITS } from '../core/limits.ts';
import type { Leave, Outcome } from './outcome.ts';
import type { StreamSink } from './streams/table.ts';

/** Of an answer that cannot be gone on with later. */
export interface Bound {
  readonly bytesMax: number;
  /** Events in place of what does not fit; '': its client comes back for it. Called once, if at all. */
  readonly lastWords: () => string;
}

/**
 * Envoy's filter gives no sign of how much of such an answer its client has read, so all that was written counts. Nothing is
 * ever cut within an event. `bound` absent: a stream of notifications, whose client comes back with the last event's id:
 * the event that crosses LIMITS.listenedBytesMax is its last. `onCut` is called once, when the answer has been ended.
 */
export function boundedSink(sink: StreamSink, bound: Bound | undefined, onCut: () => void): StreamSink {
  let written = 0;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    sink.end();
  };
  const cut = (): void => {
    end();
    onCut();
  };
  return {
    ...sink,
    write(text) {
      if (over) return;
      const bytes = Buffer.byteLength(text);
      // An answer that is one message is as long as a message may be.
      if (bound !== undefined && written > 0 && written + bytes > bound.bytesMax) {
        const words = bound.lastWords();
        if (words !== '') sink.write(words);
        return cut();
      }
      written += bytes;
      sink.write(text);
      if (bound === undefined && written > LIMITS.listenedBytesMax) cut();
    },
    end,
  };
}

/** Opens an answer into `sink` with its bound; the result is what is called when its client left. `onCut`: as above. */
export function openBounded(
  { open, bound }: Extract<Outcome, { kind: 'stream' }>,
  sink: StreamSink,
  onCut: () => void = () => {},
): Leave {
  let cut = false;
  let leave: Leave | null = null;
  const bounded = boundedSink(sink, bound, () => {
    cut = true;
    onCut();
    leave?.('cut');
  });
  leave = open(bounded);
  if (cut) leave('cut');
  return leave;
}
