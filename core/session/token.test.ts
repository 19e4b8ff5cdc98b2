import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { ChanceryError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { createSessionCodec, type SessionCodec } from './token.ts';
import type { SealingKey, SessionState } from './types.ts';

const START_MS = 1_800_000_000_000;
const key = (kid: string, active = true): SealingKey => ({ kid, key: randomBytes(32).toString('base64url'), active });
const K1 = key('k1');
const options = { now: () => START_MS, randomBytes };

function state(over: Partial<SessionState> = {}): SessionState {
  return {
    tokenId: randomBytes(16).toString('base64url'),
    surface: 'default',
    issuer: 'http://127.0.0.1:10000',
    subject: 'agent-ü',
    protocolVersion: '2025-11-25',
    clientCapabilities: { roots: { listChanged: true }, elicitation: {} },
    clientInfo: { name: 'inspector', version: '2' },
    issuedAtMs: START_MS,
    expiresAtMs: START_MS + 1000,
    backends: [
      { server: 'everything', version: '2026.8.31', sessionId: '0f8fad5b-d9cb-469f-a165-70867728950e' },
      { server: 'filesystem', version: '1', sessionId: 'MTI3LjAuMC4xOjMwMDE=;UV:c2Vzc2lvbg==' },
      { server: 'memory', version: '1', sessionId: '' },
      { server: 'upper', version: '1', sessionId: '0F8FAD5B-D9CB-469F-A165-70867728950E' },
    ],
    ...over,
  };
}

/** Replaces the character at `at` by another of the token's alphabet. */
function altered(token: string, at: number): string {
  const index = at < 0 ? token.length + at : at;
  return token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1);
}

test('a sealed state opens to the same state, in the same process and in another one', () => {
  const sealed = state();
  const codec = createSessionCodec([K1], options);
  const { token, kept } = codec.seal(sealed);
  expect(kept).toBe(4);
  for (const opener of [codec, codec, createSessionCodec([K1], options)]) {
    expect(opener.open(token)).toEqual({ ok: true, state: sealed });
  }
});

test('a token is visible ASCII, shows nothing of its content, and is another one each time', () => {
  const codec = createSessionCodec([K1], options);
  const sealed = state();
  const { token } = codec.seal(sealed);
  expect(token).toMatch(/^chs1\.k1\.[A-Za-z0-9_-]+$/);
  expect(Buffer.from(token.split('.')[2]!, 'base64url').toString('latin1')).not.toContain('everything');
  expect(codec.seal(sealed).token).not.toBe(token);
});

test('a new token id is 16 random bytes in base64url', () => {
  const codec = createSessionCodec([K1], options);
  expect(codec.newTokenId()).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(codec.newTokenId()).not.toBe(codec.newTokenId());
});

const TOKEN = createSessionCodec([K1], options).seal(state()).token;
const BODY_AT = 'chs1.k1.'.length;

const REFUSED: readonly [string, string, string][] = [
  ['an empty text', '', 'malformed'],
  ['a text that is no token', 'b7c1b7a5-1f3e-4a6e-9a7f-0d1f8f2f6f11', 'malformed'],
  ['another prefix version', TOKEN.replace('chs1', 'chs2'), 'malformed'],
  ['a prefix in upper case', TOKEN.replace('chs1', 'CHS1'), 'malformed'],
  ['a missing key id', TOKEN.replace('.k1.', '..'), 'malformed'],
  ['a missing body', 'chs1.k1.', 'malformed'],
  ['a body shorter than iv and tag', `chs1.k1.${'A'.repeat(36)}`, 'malformed'],
  ['a fourth part', `${TOKEN}.x`, 'malformed'],
  ['padding after the body', `${TOKEN}=`, 'malformed'],
  ['a line feed after the token', `${TOKEN}\n`, 'malformed'],
  ['standard base64 in the body', `${TOKEN.slice(0, -4)}++//`, 'malformed'],
  ['a token over the limit', `${TOKEN}${'A'.repeat(LIMITS.sessionTokenBytesMax)}`, 'malformed'],
  ['a key id that nobody has', TOKEN.replace('.k1.', '.k9.'), 'unknown_key'],
  ['an altered iv', altered(TOKEN, BODY_AT), 'forged'],
  ['an altered ciphertext', altered(TOKEN, BODY_AT + 60), 'forged'],
  ['an altered tag', altered(TOKEN, -8), 'forged'],
  ['a body cut short', TOKEN.slice(0, -4), 'forged'],
];

test.each(REFUSED)('%s is refused', (_name, token, reason) => {
  expect(createSessionCodec([K1], options).open(token)).toEqual({ ok: false, reason });
});

test('another spelling of the same bytes is not the token', () => {
  // One byte more or less moves the spare bits of base64: one of these lengths has some.
  const codec = createSessionCodec([K1], options);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let spelled = 0;
  for (const subject of ['a', 'ab', 'abc']) {
    const { token } = codec.seal(state({ subject }));
    const bytes = Buffer.from(token.split('.')[2]!, 'base64url');
    for (const last of alphabet) {
      const other = token.slice(0, -1) + last;
      if (other === token || !Buffer.from(other.split('.')[2]!, 'base64url').equals(bytes)) continue;
      spelled++;
      expect(codec.open(other)).toEqual({ ok: false, reason: 'malformed' });
    }
  }
  expect(spelled).toBeGreaterThan(0);
});

test('a token of another key with the same key id is forged', () => {
  const other = createSessionCodec([key('k1')], options).seal(state()).token;
  expect(createSessionCodec([K1], options).open(other)).toEqual({ ok: false, reason: 'forged' });
});

test('the key id is bound: the same key under another id does not open', () => {
  const twin = createSessionCodec([K1, { ...K1, kid: 'k2' }], options);
  expect(twin.open(TOKEN).ok).toBe(true);
  expect(twin.open(TOKEN.replace('.k1.', '.k2.'))).toEqual({ ok: false, reason: 'forged' });
});

test('an expired token is refused, also when it was opened before', () => {
  let nowMs = START_MS;
  const codec = createSessionCodec([K1], { now: () => nowMs, randomBytes });
  const { token } = codec.seal(state({ expiresAtMs: START_MS + 10 }));
  nowMs = START_MS + 9;
  expect(codec.open(token).ok).toBe(true);
  nowMs = START_MS + 10;
  expect(codec.open(token)).toEqual({ ok: false, reason: 'expired' });
  expect(codec.open(token)).toEqual({ ok: false, reason: 'expired' });
});

test('keys rotate with overlap: the last active one seals, all open', () => {
  const [k2, k3] = [key('k2'), key('k3', false)];
  const codec = createSessionCodec([K1, k2, k3], options);
  expect(codec.seal(state()).token).toMatch(/^chs1\.k2\./);
  expect(codec.open(TOKEN).ok).toBe(true);
  expect(createSessionCodec([k2], options).open(TOKEN)).toEqual({ ok: false, reason: 'unknown_key' });
});

test('without an active key nothing is sealed', () => {
  const codec = createSessionCodec([{ ...K1, active: false }], options);
  expect(refusal(codec, state()).code).toBe('not_ready');
  expect(codec.open(TOKEN).ok).toBe(true);
});

test.each([
  ['a short key', { ...K1, key: 'c2VjcmV0LXZhbHVl' }, 'must be 32 bytes'],
  ['a key id with a dot', { ...K1, kid: 'k.1' }, 'kid is 1 to 64'],
  ['an empty key id', { ...K1, kid: '' }, 'kid is 1 to 64'],
])('%s is an error that does not show the key', (_name, bad, message) => {
  expect(() => createSessionCodec([bad], options)).toThrow(message);
  expect(() => createSessionCodec([bad], options)).not.toThrow(bad.key);
});

test('backends that do not fit are dropped from the end, and the token keeps its bound', () => {
  const codec = createSessionCodec([K1], options);
  const backends = Array.from({ length: 64 }, (_, index) => ({
    server: `server-${index}`,
    version: '1.0.0',
    sessionId: randomBytes(80).toString('base64url'),
  }));
  const { token, kept } = codec.seal(state({ backends }));
  expect(token.length).toBeLessThanOrEqual(LIMITS.sessionTokenBytesMax);
  expect(kept).toBeGreaterThan(20);
  expect(kept).toBeLessThan(64);
  expect(codec.open(token)).toMatchObject({ ok: true, state: { backends: backends.slice(0, kept) } });
});

test('a backend that does not fit ends the list, though a later one would fit', () => {
  const codec = createSessionCodec([K1], options);
  const huge = { server: 'huge', version: '1', sessionId: 'x'.repeat(4000) };
  const small = { server: 'small', version: '1', sessionId: 'y' };
  expect(codec.seal(state({ backends: [small, huge, small] })).kept).toBe(1);
});

test('icons of a client go before a backend does', () => {
  const codec = createSessionCodec([K1], options);
  const clientInfo = { name: 'c', version: '1', icons: [{ src: `data:image/png;base64,${'A'.repeat(8000)}` }] };
  const { token, kept } = codec.seal(state({ clientInfo }));
  expect(kept).toBe(4);
  expect(codec.open(token)).toMatchObject({ ok: true, state: { clientInfo: { name: 'c', version: '1' } } });
});

test('the largest token that fits is sealed, and one byte more is refused', () => {
  const codec = createSessionCodec([K1], options);
  const sized = (chars: number): SessionState =>
    state({ backends: [], clientCapabilities: { experimental: { x: 'e'.repeat(chars) } } });
  let chars = 2000;
  while (codec.seal(sized(chars + 1)).token.length < LIMITS.sessionTokenBytesMax - 3) chars++;
  let last = '';
  let error: ChanceryError | undefined;
  for (let extra = 1; extra < 8 && error === undefined; extra++) {
    try {
      last = codec.seal(sized(chars + extra)).token;
    } catch (thrown) {
      error = thrown as ChanceryError;
    }
  }
  expect(last.length).toBeGreaterThan(LIMITS.sessionTokenBytesMax - 4);
  expect(last.length).toBeLessThanOrEqual(LIMITS.sessionTokenBytesMax);
  expect(codec.open(last).ok).toBe(true);
  expect(error).toBeInstanceOf(ChanceryError);
  expect(error?.code).toBe('invalid_params');
});

test('a token id that is not 16 bytes is an error of ours', () => {
  const codec = createSessionCodec([K1], options);
  expect(() => codec.seal(state({ tokenId: 'short' }))).toThrow('a token id is 16 bytes');
});

test('a token that the cache had to forget still opens', () => {
  const codec = createSessionCodec([K1], { ...options, cacheEntriesMax: 2 });
  const tokens = Array.from({ length: 5 }, (_, index) => codec.seal(state({ subject: `s${index}` })).token);
  for (const round of [1, 2]) {
    for (const [index, token] of tokens.entries()) {
      expect(codec.open(token), `round ${round}`).toMatchObject({ ok: true, state: { subject: `s${index}` } });
    }
  }
});

function refusal(codec: SessionCodec, value: SessionState): ChanceryError {
  try {
    codec.seal(value);
  } catch (error) {
    if (error instanceof ChanceryError) return error;
  }
  throw new Error('a ChanceryError was expected');
}
