import { expect, test } from 'vitest';
import { checkSession, type SessionUse } from './check.ts';
import type { SessionState } from './types.ts';

const STATE: SessionState = {
  tokenId: 'id-1',
  surface: 'default',
  issuer: 'https://issuer.example',
  subject: 'alice',
  protocolVersion: '2025-11-25',
  clientCapabilities: {},
  clientInfo: {},
  issuedAtMs: 0,
  expiresAtMs: 1,
  backends: [],
};
const USE: SessionUse = {
  surface: 'default',
  issuer: 'https://issuer.example',
  subject: 'alice',
  tombstones: new Set(['id-2']),
};

test.each<[string, Partial<SessionUse>, string | null]>([
  ['its own surface and principal', {}, null],
  ['another surface', { surface: 'ops' }, 'wrong_surface'],
  ['a surface in another case', { surface: 'Default' }, 'wrong_surface'],
  ['another subject', { subject: 'bob' }, 'wrong_principal'],
  ['the same subject of another issuer', { issuer: 'https://other.example' }, 'wrong_principal'],
  ['no subject', { subject: '' }, 'wrong_principal'],
  ['a tombstone', { tombstones: new Map([['id-1', {}]]) }, 'ended'],
  [
    'a tombstone and another principal: no hint that it ended',
    { subject: 'bob', tombstones: new Set(['id-1']) },
    'wrong_principal',
  ],
])('a session with %s', (_name, over, wanted) => {
  expect(checkSession(STATE, { ...USE, ...over })).toBe(wanted);
});
