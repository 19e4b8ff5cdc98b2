import { describe, expect, test } from 'vitest';
import { META } from '../../core/mcp/inbound.ts';
import { failureText, legacyOutcome, missingCapability } from './legacy-answer.ts';
import { legacyRequest } from './legacy-request.ts';
import { modernAnswer, urlElicitations } from './modern-answer.ts';
import { modernRequest } from './modern-request.ts';
import { paramHeaders } from './param-headers.ts';

const PROTOCOL = `"${META.protocolVersion}":"2026-07-28","${META.clientCapabilities}":{"elicitation":{}},"${META.clientInfo}":{"name":"c","version":"1"},"${META.logLevel}":"info"`;

describe('a modern request for a legacy server', () => {
  test.each<[string, string, string]>([
    [
      'loses the protocol keys and nothing else',
      `{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t","_meta":{${PROTOCOL},"mine":9007199254740993},"x":1}}`,
      '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","_meta":{"mine":9007199254740993},"x":1}}',
    ],
    [
      'has a progress token of ours for its own',
      `{"id":1,"params":{"_meta":{"progressToken":"p",${PROTOCOL}}}}`,
      '{"id":7,"params":{"_meta":{"progressToken":7}}}',
    ],
    [
      'loses what a retry brings',
      '{"id":1,"params":{"inputResponses":{"a":{}},"name":"t","requestState":"s"}}',
      '{"id":7,"params":{"name":"t"}}',
    ],
  ])('%s', (_, text, wanted) => {
    expect(legacyRequest(text, '7').text).toBe(wanted);
  });
  test('says which progress token the client gave', () => {
    expect(legacyRequest('{"id":1,"params":{"_meta":{"progressToken":0}}}', '7').progressText).toBe('0');
    expect(legacyRequest('{"id":1,"params":{"_meta":{}}}', '7').progressText).toBe(null);
  });
});

describe('what a legacy server answers a modern client', () => {
  const context = { method: 'tools/call', idText: '"a"', serverInfo: '{"name":"s"}', uri: null };
  const info = `"_meta":{"${META.serverInfo}":{"name":"s"}}`;
  test.each<[string, string, { readonly method?: string; readonly uri?: string }, string]>([
    [
      'a result is complete and says whose it is; the rest stays',
      '{"jsonrpc":"2.0","id":7,"result":{"content":[],"n":9007199254740993}}',
      {},
      `{"jsonrpc":"2.0","id":"a","result":{"resultType":"complete",${info},"content":[],"n":9007199254740993}}`,
    ],
    [
      'a resource is private and not kept',
      '{"id":7,"result":{"contents":[]}}',
      { method: 'resources/read' },
      `{"id":"a","result":{"resultType":"complete","ttlMs":0,"cacheScope":"private",${info},"contents":[]}}`,
    ],
    [
      'a resource that is not found has the code of the revision and its URI',
      '{"id":7,"error":{"code":-32002,"message":"no"}}',
      { method: 'resources/read', uri: 'a:b' },
      '{"id":"a","error":{"data":{"uri":"a:b"},"code":-32602,"message":"no"}}',
    ],
    [
      'another error stays',
      '{"id":7,"error":{"code":-32603,"message":"no","data":{"x":1}}}',
      {},
      '{"id":"a","error":{"code":-32603,"message":"no","data":{"x":1}}}',
    ],
  ])('%s', (_, text, over, wanted) => {
    expect(modernAnswer(text, { ...context, ...over })).toBe(wanted);
  });
  test('-32042 becomes input requests without ids', () => {
    const data = '{"elicitations":[{"mode":"url","elicitationId":"e","url":"http://x","message":"m"}]}';
    expect(urlElicitations(`{"id":7,"error":{"code":-32042,"message":"no","data":${data}}}`)).toEqual([
      '{"method":"elicitation/create","params":{"mode":"url","url":"http://x","message":"m"}}',
    ]);
    expect(urlElicitations('{"id":7,"error":{"code":-32000,"message":"no"}}')).toBe(null);
    expect(urlElicitations('{"id":7,"result":{}}')).toBe(null);
  });
});

describe('a legacy request for a modern server', () => {
  const said = { clientCapabilities: { roots: {} }, clientInfo: { name: 'c', version: '1' }, logLevel: null };
  test('says in its body and its headers what its session said', () => {
    const { text, headers } = modernRequest(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ä","arguments":{"n":9007199254740993}}}',
      said,
      undefined,
    );
    expect(text).toBe(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"${META.protocolVersion}":"2026-07-28","${META.clientCapabilities}":{"roots":{}},"${META.clientInfo}":{"name":"c","version":"1"}},"name":"ä","arguments":{"n":9007199254740993}}}`,
    );
    expect(headers).toEqual({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?w6Q=?=',
    });
  });
  test('cannot say otherwise by itself', () => {
    const { text } = modernRequest(
      `{"id":1,"method":"x","params":{"_meta":{"${META.clientCapabilities}":{"sampling":{}},"mine":1},"requestState":"forged"}}`,
      { ...said, logLevel: 'info' },
      undefined,
    );
    const { params } = JSON.parse(text);
    expect(params._meta).toEqual({
      [META.protocolVersion]: '2026-07-28',
      [META.clientCapabilities]: { roots: {} },
      [META.clientInfo]: said.clientInfo,
      [META.logLevel]: 'info',
      mine: 1,
    });
    expect(params.requestState).toBe(undefined);
  });
  test('without params gets some', () => {
    expect(modernRequest('{"id":1,"method":"ping"}', said, undefined).text).toContain('"params":{"_meta":{');
  });
  test('a retry has another id, the answers, and the state byte for byte', () => {
    const retry = { idText: '"r"', inputResponses: '{"a":{"action":"accept"}}', requestState: '"\\u0061"' };
    const { text } = modernRequest('{"id":1,"method":"tools/call","params":{"name":"t"}}', said, undefined, retry);
    expect(text).toContain('{"id":"r","method"');
    expect(text).toContain('"inputResponses":{"a":{"action":"accept"}},"requestState":"\\u0061"');
  });
  test('repeats arguments in headers where the schema wants it', () => {
    const schema = {
      type: 'object',
      properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' },
        big: { type: 'integer', 'x-mcp-header': 'Big' },
        deep: { type: 'object', properties: { on: { type: 'boolean', 'x-mcp-header': 'On' } } },
        gone: { type: 'string', 'x-mcp-header': 'Gone' },
      },
    };
    const args = '{"region":" eu","big":9007199254740993,"deep":{"on":true},"gone":null}';
    expect(paramHeaders(schema, args)).toEqual({ 'mcp-param-region': '=?base64?IGV1?=', 'mcp-param-on': 'true' });
    expect(paramHeaders(schema, null)).toEqual({});
    expect(paramHeaders(undefined, args)).toEqual({});
  });
});

describe('what a modern server answers a legacy client', () => {
  test.each<[string, string, string, string]>([
    [
      'a result without what its era does not know',
      '{"id":1,"result":{"resultType":"complete","ttlMs":1,"cacheScope":"public","contents":[9007199254740993]}}',
      'resources/read',
      '{"id":"a","result":{"contents":[9007199254740993]}}',
    ],
    [
      'the name of the server goes, the rest of _meta stays',
      `{"id":1,"result":{"resultType":"complete","_meta":{"${META.serverInfo}":{},"k":1}}}`,
      'tools/call',
      '{"id":"a","result":{"_meta":{"k":1}}}',
    ],
    [
      'a server that says no type is complete',
      '{"id":1,"result":{"x":1}}',
      'tools/call',
      '{"id":"a","result":{"x":1}}',
    ],
    [
      '-32021',
      '{"id":1,"error":{"code":-32021,"message":"m"}}',
      'x',
      '{"id":"a","error":{"code":-32600,"message":"m"}}',
    ],
    [
      '-32020',
      '{"id":1,"error":{"code":-32020,"message":"m"}}',
      'x',
      '{"id":"a","error":{"code":-32603,"message":"m"}}',
    ],
    [
      'a resource that is not found',
      '{"id":1,"error":{"code":-32602,"message":"m","data":{"uri":"a:b"}}}',
      'resources/read',
      '{"id":"a","error":{"code":-32002,"message":"m","data":{"uri":"a:b"}}}',
    ],
    [
      'invalid params of anything else',
      '{"id":1,"error":{"code":-32602,"message":"m","data":{"uri":"a:b"}}}',
      'tools/call',
      '{"id":"a","error":{"code":-32602,"message":"m","data":{"uri":"a:b"}}}',
    ],
  ])('%s', (_, text, method, wanted) => {
    expect(legacyOutcome(text, method, '"a"')).toEqual({ kind: 'answer', text: wanted });
  });
  test.each<[string, string]>([
    ['nothing', '{"resultType":"input_required"}'],
    ['a state that is no string', '{"resultType":"input_required","requestState":1}'],
    ['a type that nobody asked for', '{"resultType":"task"}'],
  ])('asking %s is against the protocol', (_, result) => {
    expect(legacyOutcome(`{"id":1,"result":${result}}`, 'tools/call', '1')).toMatchObject({ kind: 'broken' });
  });
  test('what failed is a tool’s result, and an error of the others', () => {
    expect(JSON.parse(failureText('tools/call', '1', 's')).result).toEqual({
      content: [{ type: 'text', text: 's' }],
      isError: true,
    });
    expect(JSON.parse(failureText('prompts/get', '1', 's')).error).toEqual({ code: -32603, message: 's' });
  });
});

test.each<[string, string, string | null, object, object | null]>([
  ['declared', 'sampling/createMessage', '{}', { sampling: {} }, null],
  ['not declared', 'roots/list', null, { sampling: {} }, { roots: {} }],
  ['no object', 'roots/list', null, { roots: true }, { roots: {} }],
  ['a form', 'elicitation/create', '{"mode":"form"}', { elicitation: {} }, null],
  [
    'a page, of a client that shows none',
    'elicitation/create',
    '{"mode":"url"}',
    { elicitation: {} },
    { elicitation: { url: {} } },
  ],
  ['a page', 'elicitation/create', '{"mode":"url"}', { elicitation: { url: {} } }, null],
  ['no method of a client', 'tools/call', '{}', { tools: {} }, {}],
  ['a member of objects', 'constructor', '{}', {}, {}],
])('a capability: %s', (_, method, params, declared, wanted) => {
  expect(missingCapability(method, params, declared as never)).toEqual(wanted);
});
