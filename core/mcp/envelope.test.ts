import { describe, expect, test } from 'vitest';
import { openEnvelope, sealEnvelope } from './envelope.ts';

describe('an envelope', () => {
  test.each([
    ['around a session', '127.0.0.1:3001', '6f1c'],
    ['around no session', '127.0.0.1:3001', ''],
    ['of a Unix socket', '/run/a b/everything-0.sock', 'é;UV:x'],
    ['of an IPv6 address', '[::1]:3001', 's'],
  ])('%s comes back as it went', (_, address, sessionId) => {
    expect(openEnvelope(sealEnvelope(address, sessionId))).toEqual({ address, sessionId });
  });

  test('is spelled as Envoy spells it', () => {
    expect(sealEnvelope('127.0.0.1:1', 'abc')).toBe('MTI3LjAuMC4xOjE=;UV:YWJj');
  });

  test.each(['', 'plain-session', ';UV:YWJj', 'a;uv:b'])('is not %j', (value) => {
    expect(openEnvelope(value)).toBeNull();
  });

  test('ends at the first separator', () => {
    const inner = sealEnvelope('b:2', 'inner');
    expect(openEnvelope(sealEnvelope('a:1', inner))).toEqual({ address: 'a:1', sessionId: inner });
  });
});
