import { describe, expect, test } from 'vitest';
import { catalogOf } from '../test/support/ext-proc-world.ts';
import { admit } from './admit.ts';

const BODY_BYTES_MAX = 1000;
const CATALOG = catalogOf();
const POST = {
  ':method': 'POST',
  ':path': '/mcp',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};
/** A good POST with headers replaced, or left out with undefined. */
const admitted = (over: Readonly<Record<string, string | undefined>>, catalog = CATALOG) => {
  const headers = Object.entries({ ...POST, ...over }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return admit(new Map(headers), catalog, BODY_BYTES_MAX);
};
const get = (over: Readonly<Record<string, string | undefined>> = {}) => ({
  ':method': 'GET',
  accept: 'text/event-stream',
  'content-type': undefined,
  ...over,
});

describe('what is let in', () => {
  test.each<[string, Readonly<Record<string, string | undefined>>, object]>([
    ['a POST', {}, { want: 'post', sessionToken: '', protocolVersion: '' }],
    ['on another surface', { ':path': '/mcp/one' }, { surface: CATALOG.surfaces.get('one') }],
    [
      'with a query, which means nothing',
      { ':path': '/mcp?surface=one' },
      { surface: CATALOG.surfaces.get('default') },
    ],
    [
      'with a session and a version',
      { 'mcp-session-id': 't', 'mcp-protocol-version': '2025-06-18' },
      { sessionToken: 't', protocolVersion: '2025-06-18' },
    ],
    [
      'with the headers by which its era is decided, together with its body',
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'a',
        'mcp-param-x': '1',
      },
      {
        standard: { protocolVersion: '2026-07-28', method: 'tools/call', name: 'a' },
        paramHeaders: new Map([['mcp-param-x', '1']]),
      },
    ],
    [
      'with a version that the body may explain',
      { 'mcp-protocol-version': '1999-01-01' },
      { standard: { protocolVersion: '1999-01-01', method: undefined, name: undefined } },
    ],
    ['with a charset', { 'content-type': 'Application/JSON; charset="UTF-8"' }, { want: 'post' }],
    ['with another parameter', { 'content-type': 'application/json;x=y' }, { want: 'post' }],
    [
      'with an Accept in another order and with weights',
      { accept: 'text/event-stream;q=0.5 , APPLICATION/JSON; q=1' },
      { want: 'post' },
    ],
    ['with an encoding that is none', { 'content-encoding': 'Identity' }, { want: 'post' }],
    ['with a body of just the limit', { 'content-length': String(BODY_BYTES_MAX) }, { want: 'post' }],
    ['a GET', get(), { want: 'stream' }],
    [
      'a DELETE, whatever it accepts',
      { ':method': 'DELETE', accept: undefined, 'content-type': undefined },
      { want: 'end' },
    ],
    [
      'the view of the tools',
      get({ ':path': '/v1/surfaces/one/tools', accept: undefined }),
      { want: 'tools', surface: CATALOG.surfaces.get('one') },
    ],
  ])('%s', (_, over, wanted) => {
    expect(admitted(over)).toMatchObject({ ok: true, ...wanted });
  });
});

describe('what is turned away', () => {
  const notAllowed = (allow: string) => ({ code: 'method_not_allowed', headers: [['allow', allow]] });
  test.each<[string, Readonly<Record<string, string | undefined>>, object]>([
    ['an unknown surface', { ':path': '/mcp/none' }, { code: 'unknown_surface' }],
    ['a path that only begins like one', { ':path': '/mcpx' }, { code: 'unknown_surface' }],
    ['a path with a slash too many', { ':path': '/mcp/' }, { code: 'unknown_surface' }],
    ['the default surface by its name', { ':path': '/mcp/default' }, { code: 'unknown_surface' }],
    ['a surface that is a member of objects', { ':path': '/mcp/__proto__' }, { code: 'unknown_surface' }],
    ['no path', { ':path': undefined }, { code: 'unknown_surface' }],
    ['a PUT', { ':method': 'PUT' }, notAllowed('GET, POST, DELETE')],
    ['an OPTIONS', { ':method': 'OPTIONS' }, notAllowed('GET, POST, DELETE')],
    ['a HEAD', { ':method': 'HEAD' }, notAllowed('GET, POST, DELETE')],
    ['a post in small letters', { ':method': 'post' }, notAllowed('GET, POST, DELETE')],
    ['a method that is a member of objects', { ':method': 'constructor' }, notAllowed('GET, POST, DELETE')],
    ['no method', { ':method': undefined }, notAllowed('GET, POST, DELETE')],
    ['a POST of the view', { ':path': '/v1/surfaces/one/tools' }, notAllowed('GET')],
    [
      'a version that we do not speak',
      get({ 'mcp-protocol-version': '2024-11-05' }),
      { code: 'unsupported_version', detail: '"2024-11-05"' },
    ],
    ['a version twice', get({ 'mcp-protocol-version': '2025-11-25, 2025-11-25' }), { code: 'unsupported_version' }],
    ['an empty version', get({ 'mcp-protocol-version': '' }), { code: 'unsupported_version' }],
    ['a GET of the modern era', get({ 'mcp-protocol-version': '2026-07-28' }), notAllowed('POST')],
    ['a GET of an era after it', get({ 'mcp-protocol-version': '2099-01-01' }), notAllowed('POST')],
    ['a DELETE of the modern era', { ':method': 'DELETE', 'mcp-protocol-version': '2026-07-28' }, notAllowed('POST')],
    [
      'a long version, which is not repeated whole',
      get({ 'mcp-protocol-version': 'x'.repeat(5000) }),
      { code: 'unsupported_version', detail: `"${'x'.repeat(32)}"` },
    ],
    ['no Accept', { accept: undefined }, { code: 'not_acceptable' }],
    ['an Accept without event streams', { accept: 'application/json' }, { code: 'not_acceptable' }],
    ['an Accept without JSON', { accept: 'text/event-stream' }, { code: 'not_acceptable' }],
    ['an Accept of everything', { accept: '*/*' }, { code: 'not_acceptable' }],
    ['an Accept that refuses one', { accept: 'application/json, text/event-stream;q=0' }, { code: 'not_acceptable' }],
    [
      'an Accept that refuses one to three places',
      { accept: 'application/json;q=0.000, text/event-stream' },
      { code: 'not_acceptable' },
    ],
    [
      'a GET that accepts JSON only',
      get({ accept: 'application/json' }),
      { code: 'not_acceptable', detail: 'a GET must accept text/event-stream' },
    ],
    ['no Content-Type', { 'content-type': undefined }, { code: 'unsupported_media_type' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, { code: 'unsupported_media_type' }],
    ['plain text', { 'content-type': 'text/plain' }, { code: 'unsupported_media_type' }],
    ['JSON of another kind', { 'content-type': 'application/json-rpc' }, { code: 'unsupported_media_type' }],
    ['two Content-Types', { 'content-type': 'application/json, text/plain' }, { code: 'unsupported_media_type' }],
    // A body parser that honours this reads "+ACI-" as a quotation mark: another message than the one decided on.
    [
      'a charset in which the same bytes say something else',
      { 'content-type': 'application/json; charset=utf-7' },
      { code: 'unsupported_media_type', detail: 'in UTF-8' },
    ],
    [
      'a charset in quotes',
      { 'content-type': 'application/json; charset="utf-16"' },
      { code: 'unsupported_media_type' },
    ],
    [
      'a second charset',
      { 'content-type': 'application/json; charset=utf-8; Charset = utf-7' },
      { code: 'unsupported_media_type' },
    ],
    ['a compressed body', { 'content-encoding': 'gzip' }, { code: 'unsupported_encoding' }],
    ['a body that is compressed twice', { 'content-encoding': 'identity, gzip' }, { code: 'unsupported_encoding' }],
    ['an empty encoding', { 'content-encoding': '' }, { code: 'unsupported_encoding' }],
    [
      'a body that says that it is too large',
      { 'content-length': String(BODY_BYTES_MAX + 1) },
      { code: 'body_too_large' },
    ],
  ])('%s', (_, over, wanted) => {
    expect(admitted(over)).toMatchObject({ ok: false, ...wanted });
  });

  test('everything before there is a catalog', () => {
    expect(admit(new Map(Object.entries(POST)), null, BODY_BYTES_MAX)).toEqual({ ok: false, code: 'not_ready' });
  });
});
