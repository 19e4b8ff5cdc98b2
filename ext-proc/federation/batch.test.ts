import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AUTHZ_METADATA, AUTHZ_METADATA_NAMESPACE } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { callerOf, ISSUER, request, type World, worldOf } from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { answerPost } from '../route.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

const NOTE = { jsonrpc: '2.0', method: 'notifications/initialized' };

async function answered(batch: unknown, protocolVersion = '2025-03-26', header = ''): Promise<Outcome> {
  const sessionToken = world.token({ protocolVersion });
  const body = Buffer.from(typeof batch === 'string' ? batch : JSON.stringify(batch));
  return answerPost(callerOf(world, { sessionToken, protocolVersion: header }), body, null);
}
const bodyOf = (outcome: Outcome): unknown =>
  outcome.kind === 'immediate' && outcome.answer.body.length > 0
    ? JSON.parse(outcome.answer.body.toString())
    : outcome.kind;

describe('a batch', () => {
  test('is answered by what each request alone would be, and notifications by nothing', async () => {
    const batch = [request('ping', {}, 1), NOTE, request('ping', {}, 'two'), request('none', {}, 3)];
    expect(bodyOf(await answered(batch))).toEqual([
      { jsonrpc: '2.0', id: 1, result: {} },
      { jsonrpc: '2.0', id: 'two', result: {} },
      { jsonrpc: '2.0', id: 3, error: expect.objectContaining({ code: -32601 }) },
    ]);
  });

  test('of notifications alone is accepted', async () => {
    expect(await answered([NOTE, NOTE])).toMatchObject({ kind: 'immediate', answer: { status: 202, body: '' } });
  });

  test('with calls is a stream of their answers, each decided by itself', async () => {
    const calls = ['memory__read_graph', 'files__read', 'memory__delete_entities'].map((name, index) =>
      request('tools/call', { name }, index),
    );
    const outcome = await answered([...calls, request('ping', {}, 9)]);
    if (outcome.kind !== 'stream') throw new Error(outcome.kind);
    const written: string[] = [];
    const ended = new Promise<void>((resolve) => {
      outcome.open({ write: (text) => void written.push(text), end: resolve, pendingBytes: () => 0 });
    });
    await new Promise(setImmediate);
    expect(world.calls.made.map(({ request: { cluster } }) => cluster)).toEqual(['mcp.memory.1', 'mcp.files.1']);
    world.calls.to('mcp.files.1').head(200, 'application/json');
    world.calls.to('mcp.files.1').event('{"jsonrpc":"2.0","id":1,"result":{"big":9007199254740993}}');
    world.calls.to('mcp.files.1').end();
    world.calls.to('mcp.memory.1').head();
    world.calls.to('mcp.memory.1').event('{"jsonrpc":"2.0","method":"notifications/message","params":{}}');
    world.calls.to('mcp.memory.1').event('{"jsonrpc":"2.0","id":0,"result":{}}');
    await ended;
    const messages = written.map((text) => /^data: (.*)$/m.exec(text)?.[1] ?? '');
    expect(messages).toHaveLength(5);
    expect(messages).toContain('{"jsonrpc":"2.0","id":1,"result":{"big":9007199254740993}}');
    expect(messages).toContain('{"jsonrpc":"2.0","id":9,"result":{}}');
    expect(messages.filter((text) => text.includes('"id":2,"error":{"code":-32602'))).toHaveLength(1);
  });

  test.each([
    ['without messages', [], -32600],
    ['with too many', Array.from({ length: LIMITS.batchMessagesMax + 1 }, () => NOTE), -32600],
    ['that is cut', '[{"jsonrpc":"2.0","id":1,"method":"ping"}', -32700],
    ['that repeats a key', '[{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}]', -32600],
  ])('%s is refused', async (_, batch, code) => {
    expect(bodyOf(await answered(batch))).toMatchObject({ id: null, error: { code } });
  });

  test.each([
    ['initialize', request('initialize', { protocolVersion: '2025-03-26' }, 1), 1],
    ['a batch', [request('ping')], null],
    ['a number', 1, null],
  ])('with %s in it has an error for that, and goes on', async (_, message, id) => {
    expect(bodyOf(await answered([message, request('ping', {}, 2)]))).toEqual([
      { jsonrpc: '2.0', id, error: expect.objectContaining({ code: -32600 }) },
      { jsonrpc: '2.0', id: 2, result: {} },
    ]);
  });

  test.each([
    ['2025-06-18', ''],
    ['2025-11-25', '2025-11-25'],
    ['2025-03-26', '2025-06-18'],
  ])('in a session of %s, with the header %j, is refused', async (version, header) => {
    expect(bodyOf(await answered([request('ping')], version, header))).toMatchObject({ error: { code: -32600 } });
  });
});

describe('a batch where ext-authz decides', () => {
  const word = (body: Buffer, refused: readonly unknown[] | undefined) =>
    new Map([
      [
        AUTHZ_METADATA_NAMESPACE,
        new Map([
          [AUTHZ_METADATA.surface, 'judged'],
          [AUTHZ_METADATA.issuer, ISSUER],
          [AUTHZ_METADATA.subject, 'alice'],
          [AUTHZ_METADATA.bodySha256, hash('sha256', body, 'hex')],
          ...(refused === undefined ? [] : ([[AUTHZ_METADATA.refused, JSON.stringify(refused)]] as const)),
        ]),
      ],
    ]);
  const judged = async (batch: unknown, refused: readonly unknown[] | undefined): Promise<Outcome> => {
    const sessionToken = world.token({ protocolVersion: '2025-03-26', surface: 'judged' });
    const body = Buffer.from(JSON.stringify(batch));
    return answerPost(callerOf(world, { sessionToken, surfaceName: 'judged' }), body, word(body, refused));
  };

  test('what it refuses is refused alone, a notification silently, though here it would be allowed', async () => {
    const batch = [request('ping', {}, 1), request('ping', {}, 'two'), NOTE, 7];
    const refused = [
      [1, 'unknown_tool', 'x'],
      [2, 'unknown_method'],
      [3, 'invalid_request'],
    ];
    expect(bodyOf(await judged(batch, refused))).toEqual([
      { jsonrpc: '2.0', id: 1, result: {} },
      { jsonrpc: '2.0', id: 'two', error: { code: -32602, message: 'unknown tool: x' } },
      { jsonrpc: '2.0', id: null, error: expect.objectContaining({ code: -32600 }) },
    ]);
  });

  test('what it allows is decided here as well', async () => {
    const call = request('tools/call', { name: 'memory__delete_entities' }, 1);
    expect(bodyOf(await judged([call], []))).toEqual([
      { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'unknown tool: memory__delete_entities' } },
    ]);
  });

  test('without a word on its messages is refused', async () => {
    expect(await judged([request('ping')], undefined)).toMatchObject({
      kind: 'immediate',
      answer: { status: 503, details: 'chancery_decision_unavailable' },
    });
  });
});
