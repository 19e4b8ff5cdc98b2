// Decides what must hold of session tokens: what we sealed opens, and nothing else does.
import { createHash } from 'node:crypto';
import fc, { type Arbitrary } from 'fast-check';
import type { JsonObject } from '../../core/json.ts';
import { decodePayload, encodePayload } from '../../core/session/payload.ts';
import { createSessionCodec, type SessionCodec } from '../../core/session/token.ts';
import type { SessionState } from '../../core/session/types.ts';
import { TOKEN_TEXTS } from './corpus.ts';
import { bytes, mutated } from './json-inputs.ts';
import { holds, type Property, property, same } from './property.ts';

const NOW_MS = 1_800_000_000_000;
const PAYLOAD_BYTES_MAX = 2_000;
export const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Fixed keys, and randomness that is counted: the same seed gives the same tokens. */
const key = (name: string): string => createHash('sha256').update(name).digest('base64url');
function codec(...kids: string[]): SessionCodec {
  let count = 0;
  return createSessionCodec(
    kids.map((kid) => ({ kid, key: key(kid), active: true })),
    {
      now: () => NOW_MS,
      randomBytes: (size) => createHash('sha256').update(String(count++)).digest().subarray(0, size),
      cacheEntriesMax: 16,
    },
  );
}
const ours = codec('k0', 'k1');
const theirs = codec('k2');

const word = fc.string({ unit: 'binary-ascii', maxLength: 12 });
const anyText = fc.string({ unit: 'grapheme', maxLength: 12 });
const sessionId = fc.oneof(
  word,
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
);
/** No key needs escapes: of those JSON.parse itself may lose one (see `jsonValueOf`). */
const memberName = fc.stringMatching(/^[a-z_./-]{1,6}$/);
const scalar = fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.integer(), fc.boolean(), fc.constant(null));
const flat = fc.dictionary(memberName, scalar, { maxKeys: 3, noNullPrototype: true });
const json = fc.dictionary(memberName, fc.oneof(scalar, flat, fc.array(scalar, { maxLength: 3 })), {
  maxKeys: 3,
  noNullPrototype: true,
});
const states: Arbitrary<SessionState> = fc.record({
  tokenId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString('base64url')),
  surface: word,
  issuer: anyText,
  subject: anyText,
  protocolVersion: word,
  clientCapabilities: json as Arbitrary<JsonObject>,
  clientInfo: json as Arbitrary<JsonObject>,
  issuedAtMs: fc.nat(NOW_MS),
  expiresAtMs: fc.integer({ min: NOW_MS + 1, max: 2 * NOW_MS }),
  backends: fc.array(fc.record({ server: word, version: word, sessionId }), { maxLength: 4 }),
});

function opensAgain(state: SessionState): void {
  const { token, kept } = ours.seal(state);
  const wanted = { ...state, backends: state.backends.slice(0, kept) };
  // Twice: the second comes from what is remembered.
  for (let turn = 0; turn < 2; turn++) same(ours.open(token), { ok: true, state: wanted }, 'opened');
  const elsewhere = theirs.open(token);
  same(elsewhere, { ok: false, reason: 'unknown_key' }, 'opened with other keys');
}

interface Forgery {
  readonly state: SessionState;
  readonly way: number;
  readonly place: number;
  readonly char: string;
}

const forgeries: Arbitrary<Forgery> = fc.record({
  state: states,
  way: fc.nat(7),
  place: fc.nat(),
  char: fc.constantFrom(...ALPHABET, '.', '=', '+', '/', ' ', '\u0000', 'é'),
});

/** Every way in which a sealed text may be changed; some leave it as it was. */
export const CHANGES: readonly ((token: string, at: number, char: string) => string)[] = [
  (token, at, char) => token.slice(0, at) + char + token.slice(at + 1),
  (token, at, char) => token.slice(0, at) + char + token.slice(at),
  (token, at) => token.slice(0, at) + token.slice(at + 1),
  (token, at) => token.slice(0, at),
  (token, at) => token + token.slice(at),
  (token, _at, char) => token + char,
  (token) => token.replace('.k1.', '.k0.'),
  // One bit of the sealed bytes.
  (token, at) => {
    const [head = '', kid = '', body = ''] = token.split('.');
    const sealed = Buffer.from(body, 'base64url');
    const bit = at % (sealed.length * 8);
    sealed[bit >> 3] = sealed[bit >> 3]! ^ (1 << (bit & 7));
    return `${head}.${kid}.${sealed.toString('base64url')}`;
  },
];

function staysShut({ state, way, place, char }: Forgery): void {
  const { token } = ours.seal(state);
  const forged = CHANGES[way]!(token, place % token.length, char);
  if (forged !== token) holds(!ours.open(forged).ok, 'a token that was changed opens');
}

export const TOKEN_PROPERTIES: readonly Property[] = [
  property('a session that was sealed opens as it was, and with its own keys only', 1, { inputs: states }, opensAgain),
  property('a token that was changed in any way stays shut', 2, { inputs: forgeries }, staysShut),
  property(
    'no other text opens',
    1,
    {
      inputs: fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.base64String().map((body) => `chs1.k1.${body}`),
      ),
      corpus: TOKEN_TEXTS,
    },
    (text) => holds(!ours.open(text).ok, 'a text that nobody sealed opens'),
  ),
  property(
    'a payload is read as it was written, and other bytes are none or another',
    1,
    { inputs: fc.tuple(states, bytes(200), mutated(bytes(200))) },
    ([state, some, others]) => {
      const payload = encodePayload(state, PAYLOAD_BYTES_MAX);
      if (payload !== null) {
        same(decodePayload(payload.bytes), { ...state, backends: state.backends.slice(0, payload.kept) }, 'read again');
        for (const cut of [1, payload.bytes.length >> 1])
          decodePayload(payload.bytes.subarray(0, payload.bytes.length - cut));
        decodePayload(Buffer.concat([payload.bytes, some]));
      }
      decodePayload(some);
      decodePayload(others);
    },
  ),
];
