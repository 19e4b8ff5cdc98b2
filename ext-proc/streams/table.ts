// Decides which GET streams are open, one for each session, and what they are told when the catalog changes.
import { LIMITS } from '../../core/limits.ts';

/** The way out of a stream that we compose. */
export interface StreamSink {
  write(text: string): void;
  end(): void;
  /** Bytes that the caller has not taken. */
  pendingBytes(): number;
}

export interface OpenStream {
  readonly tokenId: string;
  readonly expiresAtMs: number;
  readonly sink: StreamSink;
  /**
   * What the session's caller sees of each list now, as one hash each, by the notification that tells of a change. Null:
   * the caller may not listen any more.
   */
  readonly digest: () => Readonly<Record<string, string>> | null;
}

export interface StreamTable {
  /**
   * Takes the place of the session's earlier stream, which may belong to a connection that died unseen. The result
   * forgets the stream when its caller left.
   */
  open(stream: OpenStream): () => void;
  readonly full: boolean;
  /** The session was ended: so is its stream. */
  end(tokenId: string): void;
  /** The catalog changed: every stream whose lists did is told, by name, soon; one whose caller may not listen ends. */
  changed(): void;
  close(): void;
  readonly size: number;
}

interface Entry {
  readonly stream: OpenStream;
  told: Readonly<Record<string, string>>;
}

/** A reader this far behind is cut off: it will connect again and list anew. */
const PENDING_BYTES_MAX = 256 * 1024;

/** False: the stream must end. */
function tell(entry: Entry): boolean {
  const seen = entry.stream.digest();
  if (seen === null) return false;
  for (const [method, hash] of Object.entries(seen)) {
    if (entry.told[method] !== hash) entry.stream.sink.write(`data: {"jsonrpc":"2.0","method":"${method}"}\n\n`);
  }
  entry.told = seen;
  return true;
}

export function createStreamTable({ now }: { readonly now: () => number }): StreamTable {
  const entries = new Map<string, Entry>();
  const end = (tokenId: string): void => {
    const entry = entries.get(tokenId);
    entries.delete(tokenId);
    entry?.stream.sink.end();
  };
  const tick = setInterval(() => {
    for (const [tokenId, { stream }] of entries) {
      if (stream.expiresAtMs <= now() || stream.sink.pendingBytes() > PENDING_BYTES_MAX) end(tokenId);
      // A comment keeps proxies and clients from taking a quiet stream for a dead one.
      else stream.sink.write(': keep-alive\n\n');
    }
  }, LIMITS.streamKeepAliveMs).unref();

  let waiting: string[] = [];
  let telling: NodeJS.Immediate | null = null;
  /** A few at a time: calls go on between them, and Envoy's keep-alive does not take this process for a dead one. */
  const tellSome = (): void => {
    for (const tokenId of waiting.splice(0, LIMITS.streamsBatchMax)) {
      const entry = entries.get(tokenId);
      if (entry !== undefined && !tell(entry)) end(tokenId);
    }
    telling = waiting.length === 0 ? null : setImmediate(tellSome);
  };

  return {
    open(stream) {
      end(stream.tokenId);
      entries.set(stream.tokenId, { stream, told: stream.digest() ?? {} });
      return () => {
        if (entries.get(stream.tokenId)?.stream === stream) entries.delete(stream.tokenId);
      };
    },
    end,
    changed() {
      // A round that is under way for an older catalog asks for the newest one itself: what it has passed is asked again.
      waiting = [...entries.keys()];
      telling ??= setImmediate(tellSome);
    },
    close() {
      clearInterval(tick);
      if (telling !== null) clearImmediate(telling);
      for (const tokenId of [...entries.keys()]) end(tokenId);
    },
    get full() {
      return entries.size >= LIMITS.streamsMax;
    },
    get size() {
      return entries.size;
    },
  };
}
