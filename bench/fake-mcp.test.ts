// Decides whether the fake server tells a right call from a wrong one, on its short way and on its long one.
import { expect, test } from 'vitest';
import { callBytes } from './call.ts';
import { createFakeMcp, resultText, TOOL } from './fake-mcp.ts';

const HEAD = 'POST /mcp HTTP/1.1\r\nhost: x\r\n';
const SESSION = `${HEAD}Mcp-Session-Id: s1\r\n`;

function opened(): (head: string, message: unknown) => string {
  const answer = createFakeMcp(() => 's1');
  const ask = (head: string, message: unknown): string =>
    answer(head, Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)));
  expect(ask(HEAD, { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })).toContain(
    '\r\nmcp-session-id: s1\r\n',
  );
  return ask;
}

const call = (name: string, args: unknown): object => ({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name, arguments: args },
});
const bodyOf = (response: string): string => response.slice(response.indexOf('\r\n\r\n') + 4);

test("the generator's own bytes, and the same call written otherwise, are answered with the same bytes", () => {
  const ask = opened();
  const target = { port: 1, path: '/mcp', headers: {}, tool: TOOL };
  const [head = '', body = ''] = callBytes(target, 's1', 64).bytes.toString('latin1').split('\r\n\r\n');
  const short = ask(`${head}\r\n`, body);
  const { params, ...rest } = JSON.parse(body) as { readonly params: object };
  const long = ask(SESSION, { params, ...rest });
  expect(bodyOf(short)).toContain(`"text":"${resultText(64)}"`);
  expect(long).toBe(short);
  const length = /content-length: (\d+)/.exec(short)?.[1];
  expect(bodyOf(short)).toHaveLength(Number(length));
});

test('a result is of the same length for every size', () => {
  const ask = opened();
  expect(ask(SESSION, call(TOOL, { text: 'x' }))).toHaveLength(
    ask(SESSION, call(TOOL, { text: 'x'.repeat(100_000) })).length,
  );
});

test.each([
  ['a name that still has its prefix', SESSION, call(`one__${TOOL}`, { text: 'x' }), '200', '-32602'],
  ['no argument', SESSION, call(TOOL, {}), '200', '-32602'],
  ['an unknown method', SESSION, { jsonrpc: '2.0', id: 7, method: 'server/discover' }, '200', '-32601'],
  ['no session', HEAD, call(TOOL, { text: 'x' }), '400', 'is required'],
  ['an unknown session', `${HEAD}mcp-session-id: s2\r\n`, call(TOOL, { text: 'x' }), '404', 'not found'],
  [
    'half a body',
    SESSION,
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x',
    '202',
    '',
  ],
  ['a GET', 'GET /mcp HTTP/1.1\r\n', '', '405', 'allow: POST'],
  ['a notification', SESSION, { jsonrpc: '2.0', method: 'notifications/initialized' }, '202', ''],
  ['a ping', SESSION, { jsonrpc: '2.0', id: 7, method: 'ping' }, '200', '"result":{}'],
  ['a list', SESSION, { jsonrpc: '2.0', id: 7, method: 'tools/list' }, '200', '"name":"echo"'],
])('%s gets its answer', (_, head, message, status, words) => {
  const response = opened()(head, message);
  expect(response.slice(9, 12)).toBe(status);
  expect(response).toContain(words);
});

test('an ended session is unknown', () => {
  const ask = opened();
  expect(ask('DELETE /mcp HTTP/1.1\r\nmcp-session-id: s1\r\n', '')).toMatch(/^HTTP\/1\.1 204 /);
  expect(ask(SESSION, call(TOOL, { text: 'x' }))).toMatch(/^HTTP\/1\.1 404 /);
});
