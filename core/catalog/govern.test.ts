import { describe, expect, test } from 'vitest';
import {
  ALLOW_ALL,
  catalogOf,
  listed,
  messageOf,
  principalOf,
  readAs,
  request,
  serverOf,
  viewerOf,
} from '../../test/support/ext-proc-world.ts';
import { LIMITS } from '../limits.ts';
import { govern } from './govern.ts';

const CATALOG = catalogOf();
const governed = (value: object, viewer = viewerOf(CATALOG)) => govern(messageOf(value), viewer);

describe('a message', () => {
  test('that asks nothing is a response', () => {
    expect(governed({ jsonrpc: '2.0', id: 1, result: {} })).toEqual({ kind: 'response' });
  });

  test.each(['initialize', 'ping', 'tools/list', 'resources/templates/list'])('%s has no target', (method) => {
    expect(governed(request(method))).toMatchObject({ kind: 'lifecycle' });
  });

  test('that calls what is allowed is a call', () => {
    expect(governed(request('tools/call', { name: 'memory__read_graph' }))).toMatchObject({
      kind: 'call',
      exposed: { name: 'read_graph', publicName: 'memory__read_graph', server: { name: 'memory' } },
      decision: { id: 'd1', allowed: true, ruleIds: ['base/all'], revision: 7 },
    });
  });

  test.each<[string, object, string, string]>([
    ['an unknown method', request('x/y'), 'method_not_found', 'x/y'],
    [
      'a request as a notification',
      { jsonrpc: '2.0', method: 'tools/call', params: { name: 'memory__read_graph' } },
      'method_not_found',
      'tools/call',
    ],
    [
      'a notification as a request',
      request('notifications/initialized'),
      'method_not_found',
      'notifications/initialized',
    ],
    [
      'a call without params',
      { jsonrpc: '2.0', id: 1, method: 'tools/call' },
      'invalid_params',
      'params.name must be a string',
    ],
    [
      'a call of an array',
      request('tools/call', { name: ['memory__read_graph'] }),
      'invalid_params',
      'params.name must be a string',
    ],
    [
      'a resource without a URI',
      request('resources/read', { name: 'a' }),
      'invalid_params',
      'params.uri must be a string',
    ],
    ['an unknown tool', request('tools/call', { name: 'x' }), 'unknown_tool', 'x'],
    ['an unknown prompt', request('prompts/get', { name: 'x' }), 'unknown_prompt', 'x'],
    ['an unknown resource', request('resources/read', { uri: 'x' }), 'unknown_resource', 'x'],
  ])('%s is refused', (_, value, code, detail) => {
    const verdict = governed(value);
    expect(verdict).toMatchObject({ kind: 'refused', code, detail });
    expect(verdict).not.toHaveProperty('decision');
  });
});

describe('what is denied', () => {
  test('looks to the caller as what does not exist; the decision is for the log', () => {
    const denied = governed(request('tools/call', { name: 'memory__delete_entities' }));
    const unknown = governed(request('tools/call', { name: 'memory__delete_nothing' }));
    if (denied.kind !== 'refused' || unknown.kind !== 'refused') throw new Error('not refused');
    expect({ code: denied.code, detail: denied.detail.replace('entities', 'nothing') }).toEqual({
      code: unknown.code,
      detail: unknown.detail,
    });
    expect(denied.decision).toMatchObject({ allowed: false, ruleIds: ['base/keep'], reason: 'the memory is kept' });
  });

  test('is everything, when no rule speaks of it', () => {
    const none = catalogOf({ policies: [] });
    expect(governed(request('tools/call', { name: 'memory__read_graph' }), viewerOf(none))).toMatchObject({
      kind: 'refused',
      code: 'unknown_tool',
      decision: { allowed: false, ruleIds: [], reason: 'no rule allows it' },
    });
  });

  test('is everything on a surface of which no policy speaks', () => {
    const catalog = catalogOf({ policies: [{ ...ALLOW_ALL, surfaces: ['one'] }] });
    expect(governed(request('tools/call', { name: 'memory__read_graph' }), viewerOf(catalog))).toMatchObject({
      kind: 'refused',
    });
    expect(governed(request('tools/call', { name: 'read_graph' }), viewerOf(catalog, 'one'))).toMatchObject({
      kind: 'call',
    });
  });

  test('depends on who asks', () => {
    const catalog = catalogOf({
      policies: [{ ...ALLOW_ALL, rules: [{ id: 'a', effect: 'allow', tools: ['*'], who: { groups: ['ops'] } }] }],
    });
    const call = request('tools/call', { name: 'memory__read_graph' });
    expect(governed(call, viewerOf(catalog, 'default', principalOf('alice', { groups: ['ops'] })))).toMatchObject({
      kind: 'call',
    });
    expect(governed(call, viewerOf(catalog, 'default', principalOf('alice', { groups: ['dev'] })))).toMatchObject({
      kind: 'refused',
    });
  });

  test('is decided by the catalog that is asked, not by one that was asked before', () => {
    const call = request('tools/call', { name: 'memory__read_graph' });
    expect(governed(call)).toMatchObject({ kind: 'call' });
    const closed = catalogOf({ revision: 8, policies: [] });
    expect(governed(call, viewerOf(closed))).toMatchObject({ kind: 'refused', decision: { revision: 8 } });
    expect(governed(call)).toMatchObject({ kind: 'call', decision: { revision: 7 } });
  });
});

describe('a resource that a template offers', () => {
  const catalog = catalogOf({
    servers: [readAs('files', [], { resourceTemplates: listed({ uriTemplate: 'file:///{+path}', name: 'file' }) })],
    policies: [
      {
        ...ALLOW_ALL,
        rules: [
          { id: 'public', effect: 'allow', resources: ['files/file:///public/*', 'files/file:///drop%20box/*'] },
          { id: 'keys', effect: 'deny', resources: ['files/file:///public/keys/*'] },
        ],
      },
    ],
  });
  const read = (uri: string) => governed(request('resources/read', { uri }), viewerOf(catalog)).kind;

  test.each([
    'file:///public/a',
    'file:///public/a..b/.c/...',
    'file:///public/50%25',
    'file:///public/%zz',
    'file:///public/%C3%BC',
  ])('is read as %s', (uri) => expect(read(uri)).toBe('call'));

  test.each([
    ['a place above', 'file:///public/../secret'],
    ['a place above, encoded', 'file:///public/%2e%2e/secret'],
    ['a place above, encoded in part', 'file:///public/.%2E%2fsecret'],
    ['a place above, with a backslash', 'file:///public/..\\secret'],
    ['a place above, at the end', 'file:///public/..'],
    ['a place above, before a query', 'file:///public/..?x'],
    ['its own place', 'file:///public/./keys/a'],
    ['what is denied', 'file:///public/keys/a'],
    ['what is denied, encoded', 'file:///public/%6Beys/a'],
    ['what is denied, encoded beside what is no encoding', 'file:///public/%6Beys/%zz'],
    ['what is not allowed', 'file:///secret'],
  ])('is not read as %s', (_, uri) => expect(read(uri)).toBe('refused'));
});

describe('a name of megabytes', () => {
  const long = 'a'.repeat(1024 * 1024);
  test.each(['name', 'uri'])(
    'as a %s is refused before it is compared with anything, and is repeated only so far',
    (param) => {
      const method = param === 'name' ? 'tools/call' : 'resources/read';
      const verdict = governed(request(method, { [param]: long }));
      if (verdict.kind !== 'refused') throw new Error(verdict.kind);
      expect(verdict.detail).toHaveLength(LIMITS.echoedCharsMax);
      expect(verdict.target).toHaveLength(LIMITS.echoedCharsMax);
    },
  );

  test('is refused although its server lists it', () => {
    const catalog = catalogOf({ servers: [serverOf('memory', [long]), serverOf('files', [])] });
    expect(governed(request('tools/call', { name: `memory__${long}` }), viewerOf(catalog))).toMatchObject({
      kind: 'refused',
      code: 'unknown_tool',
    });
  });

  test('as a method is repeated only so far', () => {
    expect(governed(request(long))).toMatchObject({
      code: 'method_not_found',
      detail: 'a'.repeat(LIMITS.echoedCharsMax),
    });
  });
});
