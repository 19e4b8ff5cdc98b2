import { expect, test } from 'vitest';
import { causeOf } from './cause.ts';

test.each([
  [
    'nobody listens',
    'HTTP 503: no healthy upstream',
    'none of its endpoints accepts connections: is it running, are host and port right? (no healthy upstream)',
  ],
  [
    'what listens speaks something else',
    'HTTP 502: upstream connect error or disconnect/reset before headers. retried and the latest reset reason: protocol error',
    'its endpoint does not speak HTTP: is it http or https? (protocol error)',
  ],
  [
    'the connection breaks',
    'HTTP 503: upstream connect error or disconnect/reset before headers. reset reason: connection termination',
    'the connection to its endpoint failed (connection termination)',
  ],
  [
    'it wants credentials',
    'HTTP 401: {"error":"unauthorized"}',
    'it refuses us (HTTP 401): it wants credentials, or others than those of "auth"',
  ],
  [
    'it leads elsewhere',
    'HTTP 307: <html>',
    'it answers with a redirect (HTTP 307), which is never followed: register where it leads to',
  ],
  [
    'it speaks versions that we do not',
    'HTTP 400: {"jsonrpc":"2.0","error":{"code":-32022,"message":"Unsupported","data":{"supported":["2026-07-28"],"requested":"2025-11-25"}}}',
    'it speaks only "2026-07-28", and not to us (HTTP 400)',
  ],
  ['the path is another', 'HTTP 404: <html>', 'no MCP endpoint at /mcp (HTTP 404): is the path right?'],
  [
    'the bridge says why a child did not start',
    'HTTP 502: {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"could not be started: \\"x\\" is missing"}}',
    'could not be started: "x" is missing (HTTP 502)',
  ],
  [
    'a JSON-RPC error was cut in the middle of its message',
    'HTTP 502: {"error":{"message":"could not be sta\\',
    'could not be sta (HTTP 502)',
  ],
  [
    'a web page answers',
    'found "text/html", wanted application/json or text/event-stream',
    'found "text/html", wanted application/json or text/event-stream: is /mcp an MCP endpoint?',
  ],
  ['what nobody foresaw stays as it is', 'HTTP 500: boom', 'HTTP 500: boom'],
  ['Envoy has no such cluster', 'HTTP 503: ', 'Envoy does not have it (yet), or refused it: see "chancery get nodes"'],
  ['another 503 stays as it is', 'HTTP 503: down', 'HTTP 503: down'],
])('%s', (_name, detail, wanted) => {
  expect(causeOf({ detail }, '/mcp')).toBe(wanted);
});
