import { describe, expect, test } from 'vitest';
import {
  asData,
  asLine,
  type ChildMessage,
  keyOfText,
  keyOfValue,
  negotiatedVersion,
  readChildLine,
  unreachableAnswer,
} from './child-message.ts';

const LINES: readonly [sentence: string, line: string, message: ChildMessage][] = [
  ['a result is a response', '{"jsonrpc":"2.0","id":1,"result":{}}', { kind: 'response', key: 'n:1', failed: false }],
  [
    'an error is a failed response',
    '{"jsonrpc":"2.0","id":"1","error":{"code":1,"message":""}}',
    { kind: 'response', key: 's:1', failed: true },
  ],
  ['id 0 is an id', '{"jsonrpc":"2.0","id":0,"result":{}}', { kind: 'response', key: 'n:0', failed: false }],
  ['an empty string is an id', '{"jsonrpc":"2.0","id":"","result":{}}', { kind: 'response', key: 's:', failed: false }],
  [
    'a method with an id is a request',
    '{"jsonrpc":"2.0","id":"x","method":"ping"}',
    { kind: 'request', idText: '"x"', method: 'ping' },
  ],
  [
    'a method without an id is a notification',
    '{"jsonrpc":"2.0","method":"a/b"}',
    { kind: 'notification', method: 'a/b', progress: null },
  ],
  [
    'progress carries its token',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":0,"progress":1}}',
    { kind: 'notification', method: 'notifications/progress', progress: 'n:0' },
  ],
  [
    'progress without a token has none',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}',
    { kind: 'notification', method: 'notifications/progress', progress: null },
  ],
  [
    'a token in another notification is none',
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"progressToken":1}}',
    { kind: 'notification', method: 'notifications/message', progress: null },
  ],
  [
    'a response that repeats keys is still routed',
    '{"jsonrpc":"2.0","id":7,"result":{"a":1,"a":2}}',
    { kind: 'response', key: 'n:7', failed: false },
  ],
  [
    'a response nested deeply is still routed',
    `{"jsonrpc":"2.0","id":7,"result":${'['.repeat(500)}${']'.repeat(500)}}`,
    { kind: 'response', key: 'n:7', failed: false },
  ],
  [
    'a request that repeats keys is still routed',
    '{"jsonrpc":"2.0","id":"a","method":"ping","a":1,"a":2}',
    { kind: 'request', idText: '"a"', method: 'ping' },
  ],
  [
    'a response to id null is nothing',
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}',
    { kind: 'garbage' },
  ],
  ['a batch is nothing', '[{"jsonrpc":"2.0","id":1,"result":{}}]', { kind: 'garbage' }],
  ['text is nothing', 'Server running on stdio', { kind: 'garbage' }],
  ['a half message is nothing', '{"jsonrpc":"2.0","id":1,"result":', { kind: 'garbage' }],
  ['an object without members is nothing', '{}', { kind: 'garbage' }],
];

describe('readChildLine', () => {
  test.each(LINES)('%s', (_sentence, line, message) => {
    expect(readChildLine(Buffer.from(line))).toEqual(message);
  });

  test('a response that is not UTF-8 is still routed, and relayed as UTF-8', () => {
    const line = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"t":"'),
      Buffer.from([0xff]),
      Buffer.from('"}}'),
    ]);
    expect(readChildLine(line)).toEqual({ kind: 'response', key: 'n:1', failed: false });
    expect(asData(line).toString()).toContain('"\ufffd"');
  });
});

describe('keys of ids', () => {
  test('a string and a number differ', () => expect(keyOfText('"1"')).not.toBe(keyOfText('1')));
  test('1 and 1.0 are the same number', () => expect(keyOfText('1.0')).toBe(keyOfText('1')));
  test('0 and -0 are the same number', () => expect(keyOfText('-0')).toBe(keyOfText('0')));
  test('an escaped string is the same string', () => expect(keyOfText('"\\u0061"')).toBe(keyOfText('"a"')));
  test('a big integer is found by the rounded one', () =>
    expect(keyOfText('9007199254740993')).toBe(keyOfValue(9007199254740992)));
  test.each([null, undefined, true, {}, []])('%j is no key', (value) => expect(keyOfValue(value)).toBeNull());
});

describe('bytes that are relayed', () => {
  test('a pretty-printed body becomes one line, and nothing but line ends changes', () => {
    const body = '{\r\n  "a": "x\\n\u20ac",\n  "b": 12345678901234567890\n}';
    expect(asLine(Buffer.from(body)).toString()).toBe('{    "a": "x\\n\u20ac",   "b": 12345678901234567890 }\n');
  });

  test('a line without CR is the same buffer', () => {
    const line = Buffer.from('{"a":1.50}');
    expect(asData(line)).toBe(line);
  });

  test('a CR, which would end an SSE line, becomes a space', () => {
    expect(asData(Buffer.from('{"a":1,\r"b":2}')).toString()).toBe('{"a":1, "b":2}');
  });
});

describe('what the bridge itself reads and says', () => {
  test('a ping is answered', () =>
    expect(unreachableAnswer('"a"', 'ping')).toBe('{"jsonrpc":"2.0","id":"a","result":{}}'));
  test('any other request gets an error with its own id', () => {
    expect(JSON.parse(unreachableAnswer('0', 'roots/list'))).toMatchObject({ id: 0, error: { code: -32000 } });
  });
  test('the negotiated version is read from the result', () => {
    expect(negotiatedVersion(Buffer.from('{"result":{"protocolVersion":"2025-06-18"}}'))).toBe('2025-06-18');
  });
  test.each(['{}', '{"result":{"protocolVersion":1}}', 'null', '{'])('%s has no version', (line) => {
    expect(negotiatedVersion(Buffer.from(line))).toBe('');
  });
});
