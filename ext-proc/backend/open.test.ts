import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import type { EgressAnswer, EgressRequest } from '../../core/mcp/egress.ts';
import { answered, unreachable, versionOf } from '../../test/support/ext-proc-world.ts';
import { openBackend } from './open.ts';

const opening = async (
  initialize: EgressAnswer,
  initialized: EgressAnswer = { ok: true, status: 202, sessionId: '', message: null },
  over = {},
) => {
  const sent: EgressRequest[] = [];
  const egress = {
    send: async (request: EgressRequest) => {
      sent.push(request);
      return sent.length === 1 ? initialize : initialized;
    },
    close() {},
  };
  const request = {
    version: versionOf('memory', []),
    protocolVersion: '2025-11-25',
    clientInfo: { name: 'c', version: '1' },
    capabilities: { roots: { listChanged: true } },
    ...over,
  };
  return { opened: await openBackend(egress, request), sent };
};

test('a session is opened with what the client said of itself, and what it can do', async () => {
  const { opened, sent } = await opening(answered({ protocolVersion: '2025-06-18' }, 's1'), undefined, {
    replica: 'a:1',
  });
  expect(opened).toEqual({ ok: true, sessionId: 's1', protocolVersion: '2025-06-18' });
  expect(sent).toHaveLength(2);
  expect(sent[0]).toMatchObject({
    cluster: 'mcp.memory.1',
    path: '/mcp',
    method: 'POST',
    replica: 'a:1',
    idempotent: true,
  });
  expect(sent[0]).not.toHaveProperty('sessionId');
  expect(JSON.parse(sent[0]?.body ?? '')).toMatchObject({
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: { roots: { listChanged: true } },
      clientInfo: { name: 'c', version: '1' },
    },
  });
  // In the version that the backend chose, within the session that it gave.
  expect(sent[1]).toMatchObject({
    sessionId: 's1',
    protocolVersion: '2025-06-18',
    body: '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  });
});

test('a backend without sessions has one without an id', async () => {
  expect((await opening(answered({ protocolVersion: '2025-11-25' }))).opened).toMatchObject({
    ok: true,
    sessionId: '',
  });
});

describe('a backend that does not open one is a value', () => {
  const error = {
    ok: true,
    status: 200,
    sessionId: '',
    message: { error: { code: 1, message: 'x'.repeat(10_000) } },
  } as const;
  test.each<[string, EgressAnswer, string | RegExp]>([
    ['is away', unreachable, 'status: HTTP 503'],
    ['answers nothing', { ok: true, status: 202, sessionId: '', message: null }, 'initialize was answered with null'],
    ['answers an error, of which so much is logged', error, /^initialize was answered with \{"code":1,"message":"x+$/],
    [
      'answers a text',
      { ok: true, status: 200, sessionId: '', message: { result: 'x' } },
      'initialize was answered with null',
    ],
    [
      'answers an array',
      { ok: true, status: 200, sessionId: '', message: { result: [] } },
      'initialize was answered with null',
    ],
    ['names no version', answered({}), 'initialize was answered with the protocol version null'],
    [
      'names a version that is a number',
      answered({ protocolVersion: 3 }),
      'initialize was answered with the protocol version 3',
    ],
    [
      'names a version that no header can hold',
      answered({ protocolVersion: '2025-11-25\r\nx: y' }),
      /protocol version "2025-11-25\\r\\n/,
    ],
  ])('it %s', async (_, answer, why) => {
    const { opened, sent } = await opening(answer);
    if (opened.ok) throw new Error('it was opened');
    expect(opened.why).toMatch(why);
    expect(opened.why.length).toBeLessThan(LIMITS.echoedCharsMax + 100);
    expect(sent).toHaveLength(1);
  });

  test('it does not take the notification', async () => {
    expect((await opening(answered({ protocolVersion: '2025-11-25' }, 's1'), unreachable)).opened).toEqual({
      ok: false,
      why: 'notifications/initialized: status: HTTP 503',
    });
  });
});
