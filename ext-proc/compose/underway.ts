// Decides which backend has a request of a client, while its answer is being composed here.

export interface Underway {
  readonly tokenId: string;
  /** Raw JSON of the client's id. */
  readonly idText: string;
  /** Of the server version that has it. */
  readonly cluster: string;
  /** Its client does not want the answer any more, and the backend was told. */
  cancelled(): void;
}

export interface UnderwayTable {
  add(call: Underway): void;
  remove(call: Underway): void;
  /** Undefined when it is not composed here. */
  find(tokenId: string, idText: string): Underway | undefined;
  readonly size: number;
}

/** As many entries as there are answers under way. */
export function createUnderwayTable(): UnderwayTable {
  const calls = new Map<string, Underway>();
  const keyOf = (tokenId: string, idText: string): string => `${tokenId} ${idText}`;
  return {
    add: (call) => void calls.set(keyOf(call.tokenId, call.idText), call),
    remove(call) {
      // A client that used an id twice has the later call under it.
      const key = keyOf(call.tokenId, call.idText);
      if (calls.get(key) === call) calls.delete(key);
    },
    find: (tokenId, idText) => calls.get(keyOf(tokenId, idText)),
    get size() {
      return calls.size;
    },
  };
}
