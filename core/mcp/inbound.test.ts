import { describe, expect, test } from 'vitest';
import { classifyInbound, ERA_TABLE, META, type StandardHeaders } from './inbound.ts';
import { parseMessage } from './message.ts';

const ENVELOPE = { [META.protocolVersion]: '2026-07-28', [META.clientCapabilities]: { sampling: {} } };
const call = (params: object = {}, meta: unknown = ENVELOPE) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'a', ...params, ...(meta !== null && { _meta: meta }) },
});
const bodyOf = (method: string, meta: unknown = ENVELOPE) => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  params: { ...(meta !== null && { _meta: meta }) },
});
const CALL = { protocolVersion: '2026-07-28', method: 'tools/call', name: 'a' };
const classified = (body: object | string, headers: Partial<StandardHeaders> = {}) => {
  const parsed = parseMessage(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  if (!parsed.ok) throw new Error(parsed.code);
  return classifyInbound(parsed.message, {
    protocolVersion: undefined,
    method: undefined,
    name: undefined,
    ...headers,
  });
};
const note = (meta?: object) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId: 1, ...(meta !== undefined && { _meta: meta }) },
});

describe('of the legacy era is', () => {
  test.each<[string, object, Partial<StandardHeaders>]>([
    ['a request without headers and without envelope', call({}, null), {}],
    ['one with a legacy version', call({}, null), { protocolVersion: '2025-11-25' }],
    ['one with other members of _meta', call({}, { progressToken: 1 }), { protocolVersion: '2025-06-18' }],
    ['one with a _meta that is no object', call({}, 'x'), {}],
    ['an initialize', { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2026-07-28' } }, {}],
    ['a notification', note(), { protocolVersion: '2025-11-25' }],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, { protocolVersion: '2025-11-25' }],
    ['one whose other headers say something', call({}, null), { method: 'x', name: 'y' }],
  ])('%s', (_, body, headers) => {
    expect(classified(body, headers)).toEqual({ era: 'legacy' });
  });
});

describe('of the modern era is', () => {
  test.each<[string, object, Partial<StandardHeaders>]>([
    ['a call with envelope and headers', call(), CALL],
    ['one whose name is encoded', call({ name: 'ä' }), { ...CALL, name: '=?base64?w6Q=?=' }],
    [
      'one with space around its headers',
      call(),
      { protocolVersion: ' 2026-07-28', method: 'tools/call ', name: ' a' },
    ],
    ['a method without name', bodyOf('tools/list'), { protocolVersion: '2026-07-28', method: 'tools/list' }],
    ['an unknown method', bodyOf('x/y'), { protocolVersion: '2026-07-28', method: 'x/y' }],
    ['an initialize with an envelope', bodyOf('initialize'), { protocolVersion: '2026-07-28', method: 'initialize' }],
    ['a call without a name, which is for who reads it', bodyOf('tools/call'), { ...CALL, name: undefined }],
    ['a notification without Mcp-Method', note(), { protocolVersion: '2026-07-28' }],
    ['a notification with an envelope and no headers', note({ [META.protocolVersion]: '2026-07-28' }), {}],
  ])('%s', (_, body, headers) => {
    expect(classified(body, headers)).toMatchObject({ era: 'modern' });
  });

  test('a request with what it says of its client', () => {
    const found = classified(call(), CALL);
    expect(found).toMatchObject({ envelope: { protocolVersion: '2026-07-28', capabilities: new Set(['sampling']) } });
  });
});

describe('refused is', () => {
  const MODERN = { protocolVersion: '2026-07-28' };
  test.each<[string, object | string, Partial<StandardHeaders>, string, RegExp]>([
    ['a legacy body under a modern header', call({}, null), CALL, 'invalid_envelope', /has no "io\.model/],
    ['an initialize under a modern header', bodyOf('initialize', null), MODERN, 'header_mismatch', /session/],
    [
      'a modern body under a legacy header',
      call(),
      { ...CALL, protocolVersion: '2025-11-25' },
      'header_mismatch',
      /MCP-Protocol-Version says "2025-11-25", the body "2026-07-28"/,
    ],
    [
      'a modern body without the version header',
      call(),
      { ...CALL, protocolVersion: undefined },
      'header_mismatch',
      /MCP-Protocol-Version is missing/,
    ],
    ['without Mcp-Method', call(), { ...CALL, method: undefined }, 'header_mismatch', /Mcp-Method is missing/],
    [
      'another Mcp-Method',
      call(),
      { ...CALL, method: 'tools/list' },
      'header_mismatch',
      /Mcp-Method says "tools\/list"/,
    ],
    ['Mcp-Method in another case', call(), { ...CALL, method: 'Tools/Call' }, 'header_mismatch', /Mcp-Method/],
    ['without Mcp-Name', call(), { ...CALL, name: undefined }, 'header_mismatch', /Mcp-Name is missing/],
    ['another Mcp-Name', call(), { ...CALL, name: 'b' }, 'header_mismatch', /Mcp-Name says "b", the body "a"/],
    ['an Mcp-Name that is encoded wrongly', call(), { ...CALL, name: '=?base64?*?=' }, 'header_mismatch', /Mcp-Name/],
    [
      'without capabilities',
      call({}, { [META.protocolVersion]: '2026-07-28' }),
      CALL,
      'invalid_envelope',
      /clientCapabilities/,
    ],
    [
      'with capabilities that are no object',
      call({}, { ...ENVELOPE, [META.clientCapabilities]: [] }),
      CALL,
      'invalid_envelope',
      /clientCapabilities/,
    ],
    ['a version that is no text', call({}, { ...ENVELOPE, [META.protocolVersion]: 1 }), {}, 'invalid_envelope', /read/],
    [
      'an envelope that says its version twice',
      `{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"${META.protocolVersion}":"2026-07-28","${META.protocolVersion.toUpperCase()}":"2025-11-25"}}}`,
      {},
      'invalid_envelope',
      /read/,
    ],
    [
      'a version that nobody speaks',
      call({}, { ...ENVELOPE, [META.protocolVersion]: '2099-01-01' }),
      { ...CALL, protocolVersion: '2099-01-01' },
      'unsupported_protocol_version',
      /2099-01-01/,
    ],
    [
      'a legacy version in an envelope',
      call({}, { ...ENVELOPE, [META.protocolVersion]: '2025-11-25' }),
      { ...CALL, protocolVersion: '2025-11-25' },
      'unsupported_protocol_version',
      /2025-11-25/,
    ],
    [
      'a header that is no version, without envelope',
      call({}, null),
      { protocolVersion: 'x' },
      'unsupported_version',
      /"x"/,
    ],
    [
      'the version header twice',
      call(),
      { ...CALL, protocolVersion: '2026-07-28, 2026-07-28' },
      'header_mismatch',
      /Version/,
    ],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, MODERN, 'invalid_request', /servers send no requests/],
    ['a notification whose header disagrees', note(), { ...MODERN, method: 'x' }, 'header_mismatch', /Mcp-Method/],
  ])('%s', (_, body, headers, code, detail) => {
    expect(classified(body, headers)).toMatchObject({ era: null, code, detail: expect.stringMatching(detail) });
  });

  test('a version that nobody speaks, with those that we do', () => {
    const found = classified(call({}, { ...ENVELOPE, [META.protocolVersion]: '2099-01-01' }), {
      ...CALL,
      protocolVersion: '2099-01-01',
    });
    expect(found).toMatchObject({ data: { supported: ['2026-07-28'], requested: '2099-01-01' } });
  });
});

test('the table has a row for whatever comes, and says of each why', () => {
  const last = ERA_TABLE.at(-1)!;
  expect([last.kind, last.claim, last.header]).toEqual(['*', '*', '*']);
  for (const { because } of ERA_TABLE) expect(because).not.toBe('');
});
