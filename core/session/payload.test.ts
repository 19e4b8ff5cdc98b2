import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { decodePayload, encodePayload } from './payload.ts';
import type { SessionState } from './types.ts';

const STATE: SessionState = {
  tokenId: randomBytes(16).toString('base64url'),
  surface: 'default',
  issuer: 'i',
  subject: 's'.repeat(300),
  protocolVersion: '2025-11-25',
  clientCapabilities: { a: 1 },
  clientInfo: {},
  issuedAtMs: 1,
  expiresAtMs: 2,
  backends: [{ server: 'a', version: '1', sessionId: '0f8fad5b-d9cb-469f-a165-70867728950e' }],
};
const { bytes } = encodePayload(STATE, 4096)!;

test('what was written is read', () => {
  expect(decodePayload(bytes)).toEqual(STATE);
});

test('every payload cut short is refused, or is the one with fewer backends', () => {
  const without = encodePayload({ ...STATE, backends: [] }, 4096)!.bytes.length;
  for (let length = 0; length < bytes.length; length++) {
    const read = decodePayload(bytes.subarray(0, length));
    expect(read === null, `${length} bytes`).toBe(length !== without);
  }
});

test('a payload with something behind it is refused', () => {
  expect(decodePayload(Buffer.concat([bytes, Buffer.of(0)]))).toBeNull();
  expect(decodePayload(Buffer.concat([bytes, Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff)]))).toBeNull();
});

test('an unknown form of a session id is refused', () => {
  const broken = Buffer.from(bytes);
  broken[bytes.length - 17] = 7;
  expect(decodePayload(broken)).toBeNull();
});

test('a state that does not fit without any backend gives nothing', () => {
  expect(encodePayload(STATE, 100)).toBeNull();
});
