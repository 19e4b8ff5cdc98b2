import { describe, expect, test } from 'vitest';
import { refusalOf, versionRefusal } from './request-checks.ts';

const POST = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
const GET = { accept: 'text/event-stream', 'mcp-session-id': 'a' };

const CASES: readonly [
  sentence: string,
  method: string,
  target: string,
  headers: Record<string, string>,
  code: string | null,
][] = [
  ['a POST that accepts both and sends JSON is taken', 'POST', '/mcp', POST, null],
  ['a query is ignored', 'POST', '/mcp?x=1', POST, null],
  [
    'case, order and parameters of media types do not matter',
    'POST',
    '/mcp',
    { accept: 'Text/Event-Stream;q=1, APPLICATION/json', 'content-type': 'application/JSON; charset=utf-8' },
    null,
  ],
  [
    'a POST that accepts JSON only is refused',
    'POST',
    '/mcp',
    { ...POST, accept: 'application/json' },
    'not_acceptable',
  ],
  [
    'a POST that accepts anything is refused: both must be listed',
    'POST',
    '/mcp',
    { ...POST, accept: '*/*' },
    'not_acceptable',
  ],
  ['a POST without Accept is refused', 'POST', '/mcp', { 'content-type': 'application/json' }, 'not_acceptable'],
  [
    'a POST of another type is refused',
    'POST',
    '/mcp',
    { ...POST, 'content-type': 'text/plain' },
    'unsupported_media_type',
  ],
  ['a POST without a type is refused', 'POST', '/mcp', { accept: POST.accept }, 'unsupported_media_type'],
  ['a compressed POST is refused', 'POST', '/mcp', { ...POST, 'content-encoding': 'gzip' }, 'unsupported_encoding'],
  ['identity is no encoding', 'POST', '/mcp', { ...POST, 'content-encoding': 'identity' }, null],
  ['a GET that accepts events is taken', 'GET', '/mcp', GET, null],
  ['a GET that accepts JSON only is refused', 'GET', '/mcp', { ...GET, accept: 'application/json' }, 'not_acceptable'],
  ['a GET without session is refused', 'GET', '/mcp', { accept: 'text/event-stream' }, 'session_required'],
  ['a DELETE with a session is taken', 'DELETE', '/mcp', { 'mcp-session-id': 'a' }, null],
  ['a DELETE without one is refused', 'DELETE', '/mcp', {}, 'session_required'],
  ['another method is refused', 'PUT', '/mcp', POST, 'method_not_allowed'],
  ['a method named like a member of every object is refused', 'constructor', '/mcp', POST, 'method_not_allowed'],
  ['another path is refused', 'POST', '/', POST, 'unknown_surface'],
  ['a longer path is refused', 'POST', '/mcp/x', POST, 'unknown_surface'],
];

describe('refusalOf', () => {
  test.each(CASES)('%s', (_sentence, method, target, headers, code) => {
    expect(refusalOf(method, target, headers)?.code ?? null).toBe(code);
  });
});

const VERSIONS: readonly [sentence: string, header: string | undefined, negotiated: string, taken: boolean][] = [
  ['an absent header is taken', undefined, '2025-11-25', true],
  ['the negotiated version is taken', '2025-11-25', '2025-11-25', true],
  ['another released legacy version is taken', '2025-06-18', '2025-11-25', true],
  ['what an old server negotiated is taken', '2024-10-07', '2024-10-07', true],
  ['what it did not negotiate is refused', '2024-10-07', '2025-11-25', false],
  ['the modern era is refused', '2026-07-28', '2025-11-25', false],
  ['an empty header is refused', '', '2025-11-25', false],
  ['an empty header is refused before there is a session, too', '', '', false],
];

describe('versionRefusal', () => {
  test.each(VERSIONS)('%s', (_sentence, header, negotiated, taken) => {
    const headers = header === undefined ? {} : { 'mcp-protocol-version': header };
    expect(versionRefusal(headers, negotiated)).toEqual(taken ? null : { code: 'unsupported_version' });
  });
});
