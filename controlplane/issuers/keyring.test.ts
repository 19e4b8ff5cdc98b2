import { generateKeyPairSync } from 'node:crypto';
import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { StoredDocument } from '../registry/types.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { createKeptWorld } from './testdata/kept.ts';

const keyOf = (kid: string): JsonObject => ({
  ...(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as JsonObject),
  kid,
});
const [A, B] = [keyOf('a'), keyOf('b')];
const ISSUER = 'https://login.example';

let nowMs: number;
let timers: { readonly atMs: number; readonly work: () => void }[];
let answer: () => Promise<JsonObject>;
let asked: number;
let changes: number;
let kept: ReturnType<typeof createKeptWorld>;
let ring: Keyring;
beforeEach(() => {
  [nowMs, timers, asked, changes] = [0, [], 0, 0];
  answer = async () => ({ keys: [A] });
  kept = createKeptWorld();
  ring = open();
});

function open(): Keyring {
  return createKeyring({
    fetchJson: () => {
      asked += 1;
      return answer();
    },
    kept,
    clock: {
      nowMs: () => nowMs,
      after(ms, work) {
        const timer = { atMs: nowMs + ms, work };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
    },
    log: pino({ level: 'silent' }),
    random: () => 0.5,
    onChange: () => {
      changes += 1;
    },
  });
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Everything that is due until then happens. */
async function at(ms: number): Promise<void> {
  for (;;) {
    await settled();
    const [next] = timers.filter(({ atMs }) => atMs <= ms).sort((a, b) => a.atMs - b.atMs);
    if (next === undefined) break;
    timers = timers.filter((timer) => timer !== next);
    nowMs = Math.max(nowMs, next.atMs);
    next.work();
  }
  nowMs = ms;
}
const stored = (over: object = {}): StoredDocument => ({
  document: {
    ...{ kind: 'Issuer', name: 'corp', labels: {}, issuer: ISSUER, jwksUri: `${ISSUER}/keys`, algorithms: ['EdDSA'] },
    ...over,
  } as unknown as StoredDocument['document'],
  hash: '',
  revision: 1,
  updatedAtMs: 0,
});
const sync = (...all: StoredDocument[]): void => ring.sync(new Map(all.map((one) => [one.document.name, one])));
const kids = (one: StoredDocument): unknown[] => ring.issuerOf(one).jwks.keys.map(({ kid }) => kid);

describe('an issuer whose keys are elsewhere', () => {
  test('has none at first, then those that were read, and publishes once', async () => {
    const corp = stored();
    sync(corp);
    expect(kids(corp)).toEqual([]);
    await settled();
    expect(kids(corp)).toEqual(['a']);
    expect([asked, changes]).toEqual([1, 1]);
    expect(ring.status('corp')).toEqual({ keys: ['a'], readAtMs: 0, error: null });
    expect(ring.issuerOf(corp)).toBe(ring.issuerOf(corp));
  });

  test('is asked again after a while, and what is the same is not published again', async () => {
    sync(stored());
    await at(LIMITS.issuerRefreshMs * 0.99);
    expect(asked).toBe(1);
    await at(LIMITS.issuerRefreshMs * 1.01);
    expect([asked, changes]).toEqual([2, 1]);
  });

  test('keeps a key that it lists no more until the overlap is over', async () => {
    const corp = stored({ keyOverlap: 60 });
    sync(corp);
    await settled();
    answer = async () => ({ keys: [B] });
    await at(LIMITS.issuerRefreshMs);
    expect(kids(corp)).toEqual(['b', 'a']);
    await at(LIMITS.issuerRefreshMs + 59_999);
    expect(kids(corp)).toEqual(['b', 'a']);
    await at(LIMITS.issuerRefreshMs + 60_000);
    expect([kids(corp), changes]).toEqual([['b'], 3]);
  });

  test('that cannot be asked keeps what it had, says why, and is asked again sooner', async () => {
    const corp = stored();
    sync(corp);
    await settled();
    answer = () => Promise.reject(new Error('it is away'));
    await at(LIMITS.issuerRefreshMs);
    expect(kids(corp)).toEqual(['a']);
    expect(ring.status('corp')).toEqual({ keys: ['a'], readAtMs: 0, error: 'it is away' });
    answer = async () => ({ keys: [A, B] });
    await at(LIMITS.issuerRefreshMs + LIMITS.issuerPauseMinMs);
    expect(kids(corp)).toEqual(['a', 'b']);
    expect(ring.status('corp')?.error).toBeNull();
  });

  test('is asked at once for a key that a service does not know, but not often', async () => {
    const corp = stored();
    sync(corp);
    await settled();
    answer = async () => ({ keys: [A, B] });
    ring.unknownKey(ISSUER, 'b');
    await at(LIMITS.issuerRefreshMinMs - 1);
    expect(asked).toBe(1);
    await at(LIMITS.issuerRefreshMinMs);
    expect([asked, kids(corp)]).toEqual([2, ['a', 'b']]);
    ring.unknownKey(ISSUER, 'b');
    ring.unknownKey('https://other.example', 'x');
    await at(2 * LIMITS.issuerRefreshMinMs);
    expect(asked).toBe(2);
  });

  test('that left is asked no more', async () => {
    sync(stored());
    await settled();
    sync();
    await at(10 * LIMITS.issuerRefreshMs);
    expect(asked).toBe(1);
    expect(ring.status('corp')).toBeNull();
  });

  test('whose address is another begins anew', async () => {
    sync(stored());
    await settled();
    answer = async () => ({ keys: [B] });
    const moved = stored({ jwksUri: `${ISSUER}/other` });
    sync(moved);
    expect(kids(moved)).toEqual([]);
    await settled();
    expect(kids(moved)).toEqual(['b']);
  });

  test('has after a restart what it had before, while it is away', async () => {
    sync(stored());
    await settled();
    answer = () => Promise.reject(new Error('it is away'));
    ring.close();
    ring = open();
    const corp = stored();
    sync(corp);
    await settled();
    expect(kids(corp)).toEqual(['a']);
  });
});

test('keys that are in the document are not asked for', async () => {
  const own = stored({ jwksUri: undefined, jwks: { keys: [A] } });
  sync(own);
  await settled();
  expect([asked, kids(own), ring.status('corp')]).toEqual([0, ['a'], null]);
});
