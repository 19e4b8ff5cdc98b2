import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { messageOf, NOW_MS, stateOf, versionOf, type World, worldOf } from '../../test/support/ext-proc-world.ts';
import { askerOf, type Hop, openAsked, toClient } from './identifiers.ts';

let world: World;
beforeEach(() => {
  world = worldOf();
});
afterEach(() => world.close());

const hopOf = (over: Partial<Hop> = {}): Hop => ({
  gateway: world.gateway,
  session: stateOf(),
  version: versionOf('memory', []),
  backendSession: 'b1',
  ...over,
});
const sent = (text: string, hop = hopOf()): string | null => {
  const parts = toClient(hop, messageOf(text));
  return parts === null ? null : Buffer.concat(parts).toString();
};
/** The raw text of a member that is a string of ours, as a client would send it back. */
const handleIn = (text: string, member: string): string => new RegExp(`"${member}":\\s*("[^"]*")`).exec(text)![1]!;

describe('a request of a backend', () => {
  test.each(['0', '1', '-7', '9007199254740993', '1.50', '"0"', '"a\\u0062"', '"é"', '""'])(
    'with the id %s has one of ours, and every other byte is the same',
    (id) => {
      const before = '{ "method":"roots/list" , "x":9007199254740993, "id" : ';
      const after = ',"jsonrpc":"2.0","params":{"_meta":{"k":"\\u00e9"}}}';
      const text = sent(`${before}${id}${after}`)!;
      expect(text.startsWith(before)).toBe(true);
      expect(text.endsWith(after)).toBe(true);
      const handle = text.slice(before.length, text.length - after.length);
      expect(handle).toMatch(/^"chr1\.[\w.-]+"$/);
      expect(Buffer.byteLength(handle)).toBeLessThanOrEqual(LIMITS.requestIdBytesMax);
      expect(openAsked(world.gateway, stateOf(), 'id', handle)).toEqual({
        ok: true,
        asked: { server: 'memory', version: '1', asker: askerOf('b1'), idText: id },
      });
    },
  );

  test('has a progress token of ours as well, which is no id', () => {
    const text = sent(
      '{"jsonrpc":"2.0","id":0,"method":"roots/list","params":{"a":1,"_meta":{"progressToken":0,"b":[2]}}}',
    )!;
    expect(text).toContain('"b":[2]');
    const token = handleIn(text, 'progressToken');
    expect(openAsked(world.gateway, stateOf(), 'progress', token)).toMatchObject({ ok: true, asked: { idText: '0' } });
    expect(openAsked(world.gateway, stateOf(), 'id', token)).toMatchObject({ ok: false, reason: 'of another use' });
    const id = handleIn(text, 'id');
    expect(openAsked(world.gateway, stateOf(), 'progress', id)).toMatchObject({ ok: false });
  });

  test('cannot be passed on with an id, or a token, that is too long', () => {
    const long = `"${'x'.repeat(LIMITS.backendIdBytesMax)}"`;
    expect(sent(`{"jsonrpc":"2.0","id":${long},"method":"ping"}`)).toBeNull();
    expect(sent(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":${long}}}}`)).toBeNull();
  });

  test('that is taken back is named as before', () => {
    const id = handleIn(sent('{"jsonrpc":"2.0","id":3,"method":"ping"}')!, 'id');
    const cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"reason":"r","requestId":3}}';
    expect(sent(cancelled)).toBe(cancelled.replace('3}', `${id}}`));
    // Another backend's, another session's of the same backend, and one that nobody sent.
    expect(sent(cancelled, hopOf({ version: versionOf('files', []) }))).toBeNull();
    expect(sent(cancelled, hopOf({ backendSession: 'b2' }))).toBeNull();
    expect(sent(cancelled.replace('3}', '4}'))).toBeNull();
    expect(sent(cancelled.replace('3}', '"3"}'))).toBeNull();
    expect(sent('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}')).toBeNull();
  });
});

test.each([
  '{"jsonrpc":"2.0","id":9007199254740993,"result":{"x":1.0}}',
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}',
  '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"\\u0000"}}',
  '{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"e"}}',
])('%s stays as it is', (text) => {
  expect(sent(text)).toBe(text);
});

describe('an answer is for nobody', () => {
  test.each<[string, (handle: string) => string, Parameters<typeof stateOf>[0], string | RegExp]>([
    ['with a number', () => '0', {}, 'not one of ours'],
    ['with a string of the client’s own', () => '"0"', {}, 'malformed'],
    ['with an id that was altered', (handle) => `${handle.slice(0, -6)}AAAAA"`, {}, /forged|malformed/],
    ['with an id that is written otherwise', (handle) => handle.replace('chr1', '\\u0063hr1'), {}, 'not one of ours'],
    [
      'in another session',
      (handle) => handle,
      { tokenId: Buffer.alloc(16, 2).toString('base64url') },
      'of another session',
    ],
    ['of another principal', (handle) => handle, { subject: 'bob' }, 'forged'],
    ['of another issuer', (handle) => handle, { issuer: 'http://other' }, 'forged'],
    ['on another surface', (handle) => handle, { surface: 'one' }, 'forged'],
  ])('%s', (_, alter, over, reason) => {
    const handle = handleIn(sent('{"jsonrpc":"2.0","id":0,"method":"ping"}')!, 'id');
    const opened = openAsked(world.gateway, stateOf(over), 'id', alter(handle));
    expect(opened).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  test('when the session is over', () => {
    const handle = handleIn(sent('{"jsonrpc":"2.0","id":0,"method":"ping"}')!, 'id');
    world.nowMs = NOW_MS + 3_600_000;
    expect(openAsked(world.gateway, stateOf(), 'id', handle)).toMatchObject({ ok: false, reason: 'expired' });
  });
});
