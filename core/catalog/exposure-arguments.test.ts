import { describe, expect, test } from 'vitest';
import { versionedServer, versionOf } from '../../test/support/catalog-world.ts';
import { messageOf, request } from '../../test/support/ext-proc-world.ts';
import { NO_FACTS } from '../policy/types.ts';
import type { MappedTool } from './documents/surface.ts';
import { argumentsProblem, forwardedBody } from './exposure-arguments.ts';
import { type Exposed, fixingOf } from './exposure-item.ts';

const version = versionOf('db', ['query']);
const exposedWith = (over: Partial<Pick<MappedTool, 'hide' | 'fix' | 'name'>> = {}): Exposed => ({
  server: versionedServer('db', [version]),
  version,
  name: 'query',
  publicName: over.name ?? 'ask',
  fixing: fixingOf({ tool: 'query', hide: over.hide ?? [], fix: over.fix ?? {} }),
  facts: NO_FACTS,
  inputSchema: null,
});
const FIXED = exposedWith({ hide: ['debug'], fix: { database: 'orders', limits: [1, { rows: null }] } });
const MEMBERS = '"database":"orders","limits":[1,{"rows":null}]';
const call = (params: object | string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${typeof params === 'string' ? params : JSON.stringify(params)}}`;
const forwarded = (text: string, exposed = FIXED): string =>
  Buffer.concat([...forwardedBody(messageOf(text), 'name', exposed)]).toString();

describe('what is fixed is put in, and every other byte stays', () => {
  test.each<[string, string, string]>([
    [
      'before the caller’s own',
      '{"name":"ask","arguments":{"sql":"x","n":9007199254740993}}',
      `{"name":"query","arguments":{${MEMBERS},"sql":"x","n":9007199254740993}}`,
    ],
    [
      'when the arguments come first',
      '{ "arguments" : { "sql":1e400 } ,"name": "ask" }',
      `{ "arguments" : {${MEMBERS}, "sql":1e400 } ,"name": "query" }`,
    ],
    ['into none', '{"name":"ask","arguments":{}}', `{"name":"query","arguments":{${MEMBERS}}}`],
    [
      'into none over lines',
      '{"name":"ask","arguments":{ \r\n\t}}',
      `{"name":"query","arguments":{${MEMBERS} \r\n\t}}`,
    ],
    ['where there are no arguments', '{"name":"ask"}', `{"name":"query","arguments":{${MEMBERS}}}`],
    [
      'where there are none between other members',
      '{"name":"ask","_meta":{"progressToken":1}}',
      `{"name":"query","arguments":{${MEMBERS}},"_meta":{"progressToken":1}}`,
    ],
  ])('%s', (_, params, wanted) => {
    expect(forwarded(call(params))).toBe(call(wanted));
    expect(JSON.parse(forwarded(call(params))).params.arguments).toMatchObject({ database: 'orders' });
  });

  test('not where nothing is fixed', () => {
    const text = call({ name: 'ask', arguments: { sql: 1 } });
    expect(forwarded(text, exposedWith({ hide: ['debug'] }))).toBe(text.replace('"ask"', '"query"'));
    expect(forwarded(text, exposedWith())).toBe(text.replace('"ask"', '"query"'));
  });

  test('a body in which nothing changes is not copied', () => {
    const message = messageOf(call({ name: 'query' }));
    const body = forwardedBody(message, 'name', exposedWith({ name: 'query' }));
    expect(body).toHaveLength(1);
    expect(body[0]).toBe(message.bytes);
  });
});

const OBJECT = 'params.arguments must be an object of at most 256 members';

describe('an argument that is hidden or fixed does not come from the caller', () => {
  const problem = (params: object | string, exposed = FIXED) => argumentsProblem(messageOf(call(params)), exposed);
  test.each<[string, object | string, string | null]>([
    ['its own arguments', { name: 'ask', arguments: { sql: 'x' } }, null],
    ['no arguments', { name: 'ask', arguments: {} }, null],
    ['not even an object of them', { name: 'ask' }, null],
    ['the name inside of another', { name: 'ask', arguments: { sql: { database: 'x' } } }, null],
    ['a fixed one', { name: 'ask', arguments: { database: 'x' } }, '"database" is not an argument of this tool'],
    [
      'a fixed one as it is',
      { name: 'ask', arguments: { database: 'orders' } },
      '"database" is not an argument of this tool',
    ],
    ['a hidden one', { name: 'ask', arguments: { sql: '', debug: true } }, '"debug" is not an argument of this tool'],
    ['one in capitals', { name: 'ask', arguments: { DataBase: 'x' } }, '"DataBase" is not an argument of this tool'],
    [
      'one with a long s',
      '{"name":"ask","arguments":{"limit\u017f":1}}',
      '"limit\u017f" is not an argument of this tool',
    ],
    [
      'one that is escaped',
      '{"name":"ask","arguments":{"d\\u0061tabase":1}}',
      '"database" is not an argument of this tool',
    ],
    ['arguments in a list', { name: 'ask', arguments: [] }, OBJECT],
    ['arguments that are null', { name: 'ask', arguments: null }, OBJECT],
    ['arguments in a text', { name: 'ask', arguments: '{}' }, OBJECT],
    [
      'one that is escaped, behind an object that makes JSON.parse of V8 13.6 misread it',
      '{"name":"ask","arguments":{"c":{"c":0,"\\u0000":1},"x":{"d":[{"d":0,"\\u0000":1}]},"\\u0064atabase":1}}',
      '"database" is not an argument of this tool',
    ],
    [
      'an argument in two cases, of which a server may take either',
      { name: 'ask', arguments: { sql: 1, SQL: 2 } },
      'params.arguments names an argument twice, in the same or in another case',
    ],
    ['arguments in capitals', { name: 'ask', Arguments: {} }, 'params.Arguments must be written "arguments"'],
  ])('%s', (_, params, wanted) => {
    expect(problem(params)).toBe(wanted);
  });

  test('of a tool that takes all of them from its caller, nothing is asked', () => {
    expect(problem({ name: 'ask', arguments: null, Argument: 1 }, exposedWith())).toBeNull();
    expect(argumentsProblem(messageOf(request('tools/call', { name: 'ask' })), exposedWith())).toBeNull();
  });
});
