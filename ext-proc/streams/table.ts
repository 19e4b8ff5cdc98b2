// Decides which streams are open, one for each session and some beside it, and what they are told when the catalog changes.
import { LIMITS } from '../../core/limits.ts';

/** The way out of a stream that we compose. */
export interface StreamSink {
  write(text: string): void;
  end(): void;
  /** Bytes that the caller has not taken. */
  pendingBytes(): number;
  /** Calls `listener` once, when the caller has taken what was written. */
  onDrain?(listener: () => void): void;
}

/** Of each list what its caller sees, as a hash, by the notification that tells of a change. */
export type Digests = Readonly<Record<string, string>>;

/** What belongs to a stream beside its sink. */
export interface StreamWriter {
  /** The client was told, or is about to be, of these lists. */
  told(digests: Digests): void;
  /** A notification of ours, by its method. */
  tell(method: string): void;
  /** As `StreamTable.opening`. */
  opening?(cluster: string): Promise<void> | null;
  /** The stream is at its end. Called once. */
  close(): void;
}

export interface OpenStream {
  readonly tokenId: string;
  readonly expiresAtMs: number;
  readonly sink: StreamSink;
  /** Absent: notifications go into the sink. */
  readonly writer?: StreamWriter;
  /** The rest of another stream, beside the session's own. It is told of no change. */
  readonly beside?: boolean;
  /** Of which lists the client was told in a stream that this one goes on with; absent: it begins. */
  readonly before?: Digests;
  /** What the session's caller sees now. Null: the caller may not listen any more. */
  readonly digest: () => Digests | null;
}

export interface StreamTable {
  /**
   * Takes the place of the session's earlier stream, which may belong to a connection that died unseen. The result
   * forgets the stream when its caller left.
   */
  open(stream: OpenStream): () => void;
  readonly full: boolean;
  /** How many streams a session has beside its own. */
  beside(tokenId: string): number;
  /**
   * While the stream of a backend into the session's own is being opened; null when there is nothing to wait for. A call
   * that overtook it could make its server say something that nobody hears.
   */
  opening(tokenId: string, cluster: string): Promise<void> | null;
  /** Ends the session's own stream, where it has one. */
  endOwn(tokenId: string): void;
  /** The session was ended: so are its streams. */
  end(tokenId: string): void;
  /** The catalog changed: every stream whose lists did is told, by name, soon; one whose caller may not listen ends. */
  changed(): void;
  close(): void;
  readonly size: number;
}

interface Entry {
  readonly stream: OpenStream;
  told: Digests;
}

function notification(method: string): string {
  return `data: {"jsonrpc":"2.0","method":"${method}"}\n\n`;
}

/** False: the stream must end. */
function tell(entry: Entry): boolean {
  const { sink, writer, digest } = entry.stream;
  const seen = digest();
  if (seen === null) return false;
  const before = entry.told;
  entry.told = seen;
  writer?.told(seen);
  for (const [method, hash] of Object.entries(seen)) {
    if (before[method] === hash) continue;
    if (writer === undefined) sink.write(notification(method));
    else writer.tell(method);
  }
  return true;
}

export function createStreamTable({ now }: { readonly now: () => number }): StreamTable {
  const own = new Map<string, Entry>();
  const besides = new Map<string, Set<Entry>>();
  const entries = new Set<Entry>();
  const forget = (entry: Entry): boolean => {
    if (!entries.delete(entry)) return false;
    const { tokenId, writer } = entry.stream;
    if (own.get(tokenId) === entry) own.delete(tokenId);
    const beside = besides.get(tokenId);
    if (beside?.delete(entry) === true && beside.size === 0) besides.delete(tokenId);
    writer?.close();
    return true;
  };
  const end = (entry: Entry | undefined): void => {
    if (entry === undefined || !forget(entry)) return;
    entry.stream.sink.end();
  };
  const tick = setInterval(() => {
    for (const entry of entries) {
      const { expiresAtMs, sink } = entry.stream;
      // A reader this far behind is cut off: it will connect again, and go on or list anew.
      if (expiresAtMs <= now() || sink.pendingBytes() > LIMITS.streamPendingBytesMax) end(entry);
      // A comment keeps proxies and clients from taking a quiet stream for a dead one.
      else sink.write(': keep-alive\n\n');
    }
  }, LIMITS.streamKeepAliveMs).unref();

  let waiting: Entry[] = [];
  let telling: NodeJS.Immediate | null = null;
  /** A few at a time: calls go on between them, and Envoy's keep-alive does not take this process for a dead one. */
  const tellSome = (): void => {
    for (const entry of waiting.splice(0, LIMITS.streamsBatchMax)) {
      if (entries.has(entry) && !tell(entry)) end(entry);
    }
    telling = waiting.length === 0 ? null : setImmediate(tellSome);
  };

  return {
    open(stream) {
      const { tokenId } = stream;
      const entry: Entry = { stream, told: stream.before ?? {} };
      if (stream.beside === true) besides.set(tokenId, (besides.get(tokenId) ?? new Set()).add(entry));
      else {
        end(own.get(tokenId));
        own.set(tokenId, entry);
      }
      entries.add(entry);
      // What changed while nobody listened is told at once; to who begins nothing changed.
      if (stream.before !== undefined) {
        if (!tell(entry)) end(entry);
      } else {
        entry.told = stream.digest() ?? {};
        stream.writer?.told(entry.told);
      }
      return () => void forget(entry);
    },
    end(tokenId) {
      end(own.get(tokenId));
      for (const entry of besides.get(tokenId) ?? []) end(entry);
    },
    opening: (tokenId, cluster) => own.get(tokenId)?.stream.writer?.opening?.(cluster) ?? null,
    endOwn: (tokenId) => end(own.get(tokenId)),
    beside: (tokenId) => besides.get(tokenId)?.size ?? 0,
    changed() {
      // A round that is under way for an older catalog asks for the newest one itself: what it has passed is asked again.
      waiting = [...entries];
      telling ??= setImmediate(tellSome);
    },
    close() {
      clearInterval(tick);
      if (telling !== null) clearImmediate(telling);
      for (const entry of entries) end(entry);
    },
    get full() {
      return entries.size >= LIMITS.streamsMax;
    },
    get size() {
      return entries.size;
    },
  };
}
