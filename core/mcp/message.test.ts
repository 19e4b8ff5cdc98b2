import { describe, expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { jsonParam, type Message, messagesIn, parseMessage, stringParam, withStringParam } from './message.ts';

const parse = (text: string) => parseMessage(Buffer.from(text));
const messageOf = (text: string): Message => {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(`${parsed.code}: ${parsed.detail}`);
  return parsed.message;
};

describe('the kind of a message', () => {
  test.each([
    ['a request', '{"jsonrpc":"2.0","id":1,"method":"ping"}', 'request', '1', 'ping'],
    ['a request whose id is a text', '{"jsonrpc":"2.0","id":"a\\"b","method":"ping"}', 'request', '"a\\"b"', 'ping'],
    [
      'an id beyond what JavaScript counts',
      '{"jsonrpc":"2.0","id":9007199254740993,"method":"p"}',
      'request',
      '9007199254740993',
      'p',
    ],
    ['an id that is a text of digits', '{"jsonrpc":"2.0","id":"7","method":"p"}', 'request', '"7"', 'p'],
    ['an empty id', '{"jsonrpc":"2.0","id":"","method":"p"}', 'request', '""', 'p'],
    ['a negative id', '{"jsonrpc":"2.0","id":-1,"method":"p"}', 'request', '-1', 'p'],
    [
      'a notification',
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      'notification',
      'null',
      'notifications/initialized',
    ],
    ['a result', '{"jsonrpc":"2.0","id":1,"result":{}}', 'response', '1', ''],
    ['an error', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}', 'response', '1', ''],
    [
      'a method that is spelled with an escape',
      '{"jsonrpc":"2.0","id":1,"method":"p\\u0069ng"}',
      'request',
      '1',
      'ping',
    ],
    ['members that nobody knows', '{"jsonrpc":"2.0","id":1,"method":"ping","x":{"y":1}}', 'request', '1', 'ping'],
  ])('%s', (_, text, kind, idText, method) => {
    expect(messageOf(text)).toMatchObject({ kind, idText, method });
  });
});

describe('what is no message is refused, with the id where there is one', () => {
  test.each([
    ['no JSON', '{', 'parse_error', undefined, 'null'],
    ['a repeated key', '{"id":1,"id":2}', 'duplicate_key', undefined, 'null'],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 'batch_unsupported', undefined, 'null'],
    ['an empty batch', '[]', 'batch_unsupported', undefined, 'null'],
    ['a text', '"ping"', 'invalid_request', undefined, 'null'],
    ['no version', '{"id":1,"method":"ping"}', 'invalid_request', 'jsonrpc must be "2.0"', '1'],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', 'invalid_request', 'jsonrpc must be "2.0"', '1'],
    [
      'a version that is a number',
      '{"jsonrpc":2.0,"id":1,"method":"ping"}',
      'invalid_request',
      'jsonrpc must be "2.0"',
      '1',
    ],
    [
      'a null id',
      '{"jsonrpc":"2.0","id":null,"method":"ping"}',
      'invalid_request',
      'id must be a string or a number',
      'null',
    ],
    [
      'an id that is true',
      '{"jsonrpc":"2.0","id":true,"method":"ping"}',
      'invalid_request',
      'id must be a string or a number',
      'null',
    ],
    [
      'an id that is an object',
      '{"jsonrpc":"2.0","id":{},"method":"ping"}',
      'invalid_request',
      'id must be a string or a number',
      'null',
    ],
    [
      'an id that is an array',
      '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
      'invalid_request',
      'id must be a string or a number',
      'null',
    ],
    [
      'neither method nor outcome',
      '{"jsonrpc":"2.0","id":1}',
      'invalid_request',
      'a message has either a method or a result or error',
      '1',
    ],
    [
      'method and result',
      '{"jsonrpc":"2.0","id":1,"method":"a","result":{}}',
      'invalid_request',
      'a message has either a method or a result or error',
      '1',
    ],
    ['a response without an id', '{"jsonrpc":"2.0","result":{}}', 'invalid_request', 'a response has an id', 'null'],
    [
      'a method that is a number',
      '{"jsonrpc":"2.0","id":1,"method":7}',
      'invalid_request',
      'method must be a string',
      '1',
    ],
    ['an empty method', '{"jsonrpc":"2.0","id":1,"method":""}', 'invalid_request', 'method must be a string', '1'],
    [
      'params that are an array',
      '{"jsonrpc":"2.0","id":1,"method":"a","params":[]}',
      'invalid_request',
      'params must be an object',
      '1',
    ],
    [
      'params that are null',
      '{"jsonrpc":"2.0","id":1,"method":"a","params":null}',
      'invalid_request',
      'params must be an object',
      '1',
    ],
  ])('%s', (_, text, code, detail, idText) => {
    expect(parse(text)).toEqual(
      detail === undefined ? { ok: false, code, idText } : { ok: false, code, detail, idText },
    );
  });

  test('an id that no header could carry', () => {
    const withId = (chars: number) => parse(`{"jsonrpc":"2.0","id":"${'ä'.repeat(chars)}","method":"ping"}`);
    expect(withId((LIMITS.requestIdBytesMax - 2) / 2).ok).toBe(true);
    expect(withId(LIMITS.requestIdBytesMax / 2)).toEqual({
      ok: false,
      code: 'invalid_request',
      detail: `id must have at most ${LIMITS.requestIdBytesMax} bytes`,
      idText: 'null',
    });
  });
});

describe('a member of params', () => {
  const message = messageOf(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\\u00e9\\n","plain":"é","number":7,"list":[1,{"x":9007199254740993}],"nothing":null}}',
  );
  test('is read as text when it is one', () => {
    expect(stringParam(message, 'name')).toBe('aé\n');
    expect(stringParam(message, 'plain')).toBe('é');
  });
  test.each(['number', 'list', 'nothing', 'absent', '__proto__', 'toString'])('%s is no text', (name) => {
    expect(stringParam(message, name)).toBeNull();
  });
  test('is read as a value', () => {
    expect(jsonParam(message, 'number')).toBe(7);
    expect(jsonParam(message, 'nothing')).toBeNull();
    expect(jsonParam(message, 'absent')).toBeUndefined();
  });
  test('of a message without params is absent', () => {
    const bare = messageOf('{"jsonrpc":"2.0","id":1,"method":"tools/call"}');
    expect(stringParam(bare, 'name')).toBeNull();
    expect(jsonParam(bare, 'name')).toBeUndefined();
    expect(() => withStringParam(bare, 'name', 'x')).toThrow('the message has no params.name');
  });

  test('is replaced, and every other byte stays', () => {
    const text =
      '{ "params" : {"x":9007199254740993, "name" : "a__b" ,"ü":1e400},"jsonrpc":"2.0","id":1,"method":"tools/call" }';
    const changed = Buffer.concat(withStringParam(messageOf(text), 'name', 'b"\ud800')).toString();
    expect(changed).toBe(text.replace('"a__b"', '"b\\"\\ud800"'));
  });
});

test.each<[string, string, readonly string[]]>([
  ['one message', '{"a":[1]}', ['{"a":[1]}']],
  ['several', ' [{"id":9007199254740993}, {"b":2}] ', ['{"id":9007199254740993}', '{"b":2}']],
  ['one in an array', '[{"a":1}]', ['{"a":1}']],
  ['an empty array', '[]', ['[]']],
  ['an array that is none', '[{"a":1}', ['[{"a":1}']],
  ['nothing', '', ['']],
  ['more than a batch may have', JSON.stringify(Array(101).fill({})), [JSON.stringify(Array(101).fill({}))]],
])('what a server wrote as %s is that', (_, text, messages) => {
  expect(messagesIn(text).map(String)).toEqual(messages);
});
