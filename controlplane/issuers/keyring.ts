// Decides which keys are known of each declared issuer, and when they are read again.
import type { CatalogIssuer, JsonObject } from '../../core/catalog/catalog.ts';
import type { IssuerDocument } from '../../core/catalog/document.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { catalogIssuer, inlineKeys } from '../catalog/issuers.ts';
import type { Clock } from '../discovery/clock.ts';
import type { StoredDocument } from '../registry/types.ts';
import type { FetchJson } from './fetch-json.ts';
import type { KeptKeys } from './kept-keys.ts';
import { type KeySet, keysIn, NO_KEYS, nextPruneMs, pruned, rotated } from './key-set.ts';
import { readKeys } from './read-keys.ts';

export interface IssuerStatus {
  /** `kid`s of the keys that are good now; '' for a key without one. */
  readonly keys: readonly string[];
  /** When they were last read, epoch milliseconds; null: never, or they are in the document. */
  readonly readAtMs: number | null;
  /** Why the latest attempt failed; what was read before is still good. */
  readonly error: string | null;
}

export interface Keyring {
  /** What a document means with the keys that are known now. The same object until something is another. */
  issuerOf(stored: StoredDocument): CatalogIssuer;
  /** These are the issuers there are: those that are new are asked at once, those that left no more. */
  sync(documents: ReadonlyMap<string, StoredDocument>): void;
  status(name: string): IssuerStatus | null;
  /** A service met a token of this issuer, signed with a key that it was not told of. */
  unknownKey(issuer: string, kid: string): void;
  close(): void;
}

export interface KeyringOptions {
  readonly fetchJson: FetchJson;
  readonly kept: KeptKeys;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 up to 1; spreads the pauses. */
  readonly random: () => number;
  /** An issuer has other keys. */
  readonly onChange: () => void;
}

interface Watched {
  stored: StoredDocument;
  readonly document: IssuerDocument;
  keys: KeySet;
  readAtMs: number | null;
  error: string | null;
  failures: number;
  askedAtMs: number;
  asking: boolean;
  nextMs: number;
  cancel: () => void;
}

export function createKeyring({ fetchJson, kept, clock, log, random, onChange }: KeyringOptions): Keyring {
  const watched = new Map<string, Watched>();
  const made = new WeakMap<StoredDocument, { readonly keys: KeySet | null; readonly issuer: CatalogIssuer }>();
  let closed = false;

  const overlapMs = ({ keyOverlap }: IssuerDocument): number =>
    keyOverlap === undefined ? LIMITS.issuerKeyOverlapMs : keyOverlap * 1000;

  const replaced = (watch: Watched, keys: KeySet): void => {
    if (JSON.stringify([...keys.keys()]) === JSON.stringify([...watch.keys.keys()])) {
      watch.keys = keys;
      return;
    }
    watch.keys = keys;
    onChange();
  };

  const plan = (watch: Watched): void => {
    watch.cancel();
    const dueMs = Math.min(watch.nextMs, nextPruneMs(watch.keys, overlapMs(watch.document)));
    watch.cancel = clock.after(Math.max(0, dueMs - clock.nowMs()), () => {
      replaced(watch, pruned(watch.keys, clock.nowMs(), overlapMs(watch.document)));
      if (clock.nowMs() >= watch.nextMs) void ask(watch);
      else plan(watch);
    });
  };

  const ask = async (watch: Watched): Promise<void> => {
    const { document } = watch;
    watch.asking = true;
    watch.askedAtMs = clock.nowMs();
    let listed: readonly JsonObject[] | null = null;
    let failure = '';
    try {
      listed = await readKeys(document, fetchJson);
    } catch (error) {
      failure = error instanceof Error ? error.message.slice(0, LIMITS.echoedCharsMax) : 'it could not be asked';
    }
    watch.asking = false;
    if (closed || watched.get(document.name) !== watch) return;
    const nowMs = clock.nowMs();
    if (listed === null) {
      if (watch.error !== failure)
        log.warn({ issuer: document.name, error: failure }, 'the keys of an issuer could not be read');
      watch.error = failure;
      watch.failures += 1;
    } else {
      watch.error = null;
      watch.failures = 0;
      watch.readAtMs = nowMs;
      const keys = rotated(watch.keys, listed, nowMs, overlapMs(document));
      if (keys !== watch.keys) kept.save(document, listed, nowMs);
      replaced(watch, keys);
    }
    const pauseMs =
      watch.failures === 0
        ? LIMITS.issuerRefreshMs
        : Math.min(LIMITS.issuerPauseMinMs * 2 ** (watch.failures - 1), LIMITS.issuerPauseMaxMs);
    watch.nextMs = nowMs + pauseMs * (0.8 + 0.4 * random());
    plan(watch);
  };

  const start = (stored: StoredDocument, document: IssuerDocument, before: Watched | undefined): void => {
    before?.cancel();
    const same = before?.document.issuer === document.issuer && before.document.jwksUri === document.jwksUri;
    const saved = same ? null : kept.of(document);
    const watch: Watched = {
      stored,
      document,
      keys: same ? before.keys : saved === null ? NO_KEYS : rotated(NO_KEYS, saved.keys, clock.nowMs(), 0),
      readAtMs: same ? before.readAtMs : (saved?.readAtMs ?? null),
      error: null,
      failures: 0,
      askedAtMs: Number.NEGATIVE_INFINITY,
      asking: false,
      nextMs: clock.nowMs(),
      cancel: () => undefined,
    };
    watched.set(document.name, watch);
    if (watch.keys !== NO_KEYS && !same) onChange();
    void ask(watch);
  };

  /** null: its keys are in it. */
  const keysOf = (document: IssuerDocument): KeySet | null => {
    if (inlineKeys(document) !== null) return null;
    const watch = watched.get(document.name);
    const same = watch?.document.issuer === document.issuer && watch.document.jwksUri === document.jwksUri;
    return same ? watch.keys : NO_KEYS;
  };

  return {
    issuerOf(stored) {
      const document = stored.document as IssuerDocument;
      const keys = keysOf(document);
      const before = made.get(stored);
      if (before !== undefined && before.keys === keys) return before.issuer;
      const issuer = catalogIssuer(document, keys === null ? inlineKeys(document)! : keysIn(keys));
      made.set(stored, { keys, issuer });
      return issuer;
    },
    sync(documents) {
      if (closed) return;
      for (const [name, stored] of documents) {
        const document = stored.document as IssuerDocument;
        const before = watched.get(name);
        if (before?.stored === stored || inlineKeys(document) !== null) continue;
        start(stored, document, before);
      }
      for (const [name, watch] of watched) {
        const stored = documents.get(name);
        if (stored !== undefined && inlineKeys(stored.document as IssuerDocument) === null) continue;
        watch.cancel();
        watched.delete(name);
        kept.drop(name);
      }
    },
    status(name) {
      const watch = watched.get(name);
      if (watch === undefined) return null;
      const { keys, readAtMs, error } = watch;
      return { keys: keysIn(keys).map(({ kid }) => (typeof kid === 'string' ? kid : '')), readAtMs, error };
    },
    unknownKey(issuer, kid) {
      const watch = [...watched.values()].find(({ document }) => document.issuer === issuer);
      if (watch === undefined || keysIn(watch.keys).some((key) => key.kid === kid)) return;
      // Anybody can write a token with any `kid`: he makes us ask, but not often.
      const dueMs = Math.max(clock.nowMs(), watch.askedAtMs + LIMITS.issuerRefreshMinMs);
      if (watch.asking || dueMs >= watch.nextMs) return;
      watch.nextMs = dueMs;
      plan(watch);
    },
    close() {
      closed = true;
      for (const { cancel } of watched.values()) cancel();
      watched.clear();
    },
  };
}
