// Decides when backends are held up because a client does not read what they say.
import { LIMITS } from '../../core/limits.ts';
import type { StreamSink } from './table.ts';

export interface Holdable {
  pause(): void;
  resume(): void;
}

/** Looked at after each write; a client that never reads again is cut off by the table. */
export class Flow {
  readonly #sink: StreamSink;
  readonly #sources: () => Iterable<Holdable>;
  #held = false;

  constructor(sink: StreamSink, sources: () => Iterable<Holdable>) {
    this.#sink = sink;
    this.#sources = sources;
  }

  write(text: string): void {
    this.#sink.write(text);
    if (this.#held || this.#sink.onDrain === undefined) return;
    if (this.#sink.pendingBytes() <= LIMITS.streamPendingBytesMax) return;
    this.#held = true;
    for (const source of this.#sources()) source.pause();
    this.#sink.onDrain(() => {
      this.#held = false;
      for (const source of this.#sources()) source.resume();
    });
  }

  get held(): boolean {
    return this.#held;
  }
}
