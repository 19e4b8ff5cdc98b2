import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type ApiWorld, openApiWorld } from '../../test/support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const endpoints = [{ url: 'http://127.0.0.1:3001/mcp' }];
const put = (body: unknown, name = 'a') => world.ask('PUT', `/v1/servers/${name}`, { body });
const server = (rest: object = {}) => ({ versions: [{ version: '1', endpoints }], ...rest });
const at = (url: string) => ({ versions: [{ version: '1', endpoints: [{ url }] }] });
const text = (members: string) => `{"versions":${JSON.stringify(server().versions)}${members}}`;

afterEach(() => {
  expect(world.registry.snapshot().documents.map(({ document }) => document.name)).toEqual([]);
});

describe('a body', () => {
  const deep = (open: string, close: string, depth: number) => `{"x":${open.repeat(depth)}0${close.repeat(depth)}}`;
  test.each<[string, string, number, string]>([
    ['nested 100,000 deep in arrays', deep('[', ']', 100_000), 400, 'invalid_json'],
    ['nested 100,000 deep in objects', deep('{"x":', '}', 100_000), 400, 'invalid_json'],
    ['of nothing but openings', '['.repeat(1_000_000), 400, 'invalid_json'],
    ['nested one too deep', deep('[', ']', LIMITS.jsonDepthMax), 400, 'invalid_json'],
    ['that repeats a key', text(',"versions":[]'), 400, 'duplicate_key'],
    ['that repeats a key in other letters', text(',"v\\u0065rsions":[]'), 400, 'duplicate_key'],
    ['that repeats a key deep inside', text(',"labels":{"a":"1","a":"2"}'), 400, 'duplicate_key'],
    ['with a prototype', text(',"__proto__":{"labels":{}}'), 400, 'invalid_json'],
    ['with a prototype in other letters', text(',"\\u005f_proto__":{}'), 400, 'invalid_json'],
    ['with a prototype among labels', text(',"labels":{"__proto__":"x"}'), 400, 'invalid_json'],
    ['with a constructor', text(',"constructor":{"prototype":{}}'), 422, 'invalid_documents'],
    ['with a lone surrogate', text(',"description":"\\ud800"'), 400, 'invalid_json'],
    ['with a lone surrogate in a key', text(',"labels":{"\\udc00":"x"}'), 400, 'invalid_json'],
    ['with a raw control character', text(',"description":"a\u0001b"'), 400, 'invalid_json'],
    ['with something behind it', `${text('')} x`, 400, 'invalid_json'],
    ['with a comment', text('/* */'), 400, 'invalid_json'],
    ['that is a text', '"text"', 400, 'invalid_request'],
    ['that is a number', '1', 400, 'invalid_request'],
  ])('%s is refused', async (_, body, status, code) => {
    expect(await put(body)).toMatchObject({ status, body: { code } });
  });

  test('that is not UTF-8 is refused', async () => {
    const request = {
      method: 'PUT',
      headers: {
        host: '127.0.0.1:8080',
        authorization: `Bearer ${await world.keyOf('admin')}`,
        'content-type': 'application/json',
      },
      body: Buffer.from('{"title":"\xff"}', 'latin1'),
    };
    expect((await world.app.request('http://127.0.0.1:8080/v1/servers/a', request)).status).toBe(400);
  });

  test('of ten megabytes is read when it fits, and is answered with its problems', async () => {
    const description = 'x'.repeat(LIMITS.apiBodyBytesMax - 1_000);
    const answer = await put(server({ description }));
    expect([answer.status, answer.body.problems?.[0].path]).toEqual([422, ['description']]);
    expect(answer.text.length).toBeLessThan(10_000);
    expect((await put(server({ description: `${description}${'x'.repeat(1_000)}` }))).status).toBe(413);
  });

  test('with ten thousand members is refused', async () => {
    const members = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`m${index}`, index]));
    expect(await put(server(members))).toMatchObject({ status: 400, body: { code: 'invalid_json' } });
  });

  test('with a name of megabytes is not repeated in the answer', async () => {
    const answer = await put(server({ name: 'x'.repeat(1_000_000) }));
    expect([answer.status, answer.text.length < 10_000]).toEqual([422, true]);
  });
});

describe('a name or label', () => {
  test.each([
    ['a NUL', '%00'],
    ['a line break', 'a%0Ab'],
    ['a slash', 'a%2Fb'],
    ['a parent', '%252E%252E'],
    ['a letter that looks alike', '%D0%B0'],
    ['what turns text around', 'a%E2%80%AEb'],
    ['a full-width letter', '%EF%BD%81'],
    ['bytes that are no UTF-8', '%FF%FE'],
    ['a percent sign that means nothing', '%zz'],
    ['too many letters', 'a'.repeat(33)],
    ['what objects have', '__proto__'],
  ])('with %s is refused', async (_, name) => {
    const answer = await put(server(), name);
    expect([answer.status, answer.type]).toEqual([422, 'application/problem+json']);
  });

  test.each<[string, object]>([
    ['a key with capitals', { Team: 'x' }],
    ['a key with a space', { 'a b': 'x' }],
    ['an empty key', { '': 'x' }],
    ['a value with a line break', { a: 'x\ny' }],
    ['a value with an escape of a terminal', { a: '\u001b[31m' }],
    ['a value that turns text around', { a: '\u202e' }],
    ['a value that is no text', { a: 1 }],
    ['too many', Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, 'x']))],
  ])('labels with %s are refused', async (_, labels) => {
    expect((await put(server({ labels }))).status).toBe(422);
  });
});

describe('an endpoint', () => {
  test.each([
    ['with a user', 'http://127.0.0.1@169.254.169.254/mcp'],
    ['with a fragment', 'http://127.0.0.1:3001/mcp#x'],
    ['with a query', 'http://127.0.0.1:3001/mcp?x=1'],
    ['at the metadata of a cloud', 'http://169.254.169.254/latest/meta-data'],
    ['there, as a number', 'http://2852039166/latest'],
    ['there, in octal', 'http://0251.0376.0251.0376/latest'],
    ['there, in hexadecimal', 'http://0xa9fea9fe/latest'],
    ['there, in IPv6', 'http://[::ffff:169.254.169.254]/latest'],
    ['in a private network', 'http://10.0.0.1/mcp'],
    ['in a private network, shortened', 'http://10.1/mcp'],
    ['nowhere', 'http://0.0.0.0/mcp'],
    ['of another scheme', 'file:///etc/passwd'],
    ['with a line break', 'http://127.0.0.1:3001/mcp\r\nHost: evil'],
    ['with a backslash', 'http:\\\\127.0.0.1\\mcp'],
    ['in letters that become digits', 'http://①②⑦.0.0.1/mcp'],
    ['of a socket above its folder', 'unix:../../x.sock:/mcp'],
    ['with port 0', 'http://127.0.0.1:0/mcp'],
    ['without a host', 'http:///mcp'],
    ['with a backslash before another host', 'http://127.0.0.1\\@evil.example/mcp'],
  ])('%s is refused', async (_, url) => {
    const answer = await put(at(url));
    expect([answer.status, answer.body.problems?.[0].path.slice(0, 4)]).toEqual([422, ['versions', 0, 'endpoints', 0]]);
  });
});

describe('a method', () => {
  test.each(['POST', 'PATCH', 'OPTIONS', 'PROPFIND'])('%s at a document is not allowed', async (method) => {
    const answer = await world.ask(method, '/v1/servers/a');
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, PUT, DELETE, HEAD']);
  });

  test('may not be overridden', async () => {
    const headers = { 'x-http-method-override': 'DELETE' };
    expect((await world.ask('GET', '/v1/servers', { headers })).status).toBe(200);
  });
});
