import { describe, expect, test } from 'vitest';
import { DOCUMENT_KINDS, type EndpointAddress, parseDocument, parseEndpoint } from './document.ts';

const problemsOf = (value: unknown): string[] => {
  const result = parseDocument(value);
  return 'problems' in result ? result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`) : [];
};

describe('an endpoint', () => {
  const tcp: EndpointAddress = {
    kind: 'tcp',
    tls: false,
    host: '127.0.0.1',
    port: 3001,
    path: '/mcp',
    authority: '127.0.0.1:3001',
  };
  const unix: EndpointAddress = {
    kind: 'unix',
    tls: false,
    host: 'a.sock',
    port: 0,
    path: '/mcp',
    authority: 'localhost',
  };
  test.each<[string, EndpointAddress]>([
    ['http://127.0.0.1:3001/mcp', tcp],
    ['http://api.example.com/', { ...tcp, host: 'api.example.com', port: 80, path: '/', authority: 'api.example.com' }],
    ['http://api.example.com', { ...tcp, host: 'api.example.com', port: 80, path: '/', authority: 'api.example.com' }],
    [
      'https://API.example.com:443/Mcp',
      { ...tcp, tls: true, host: 'api.example.com', port: 443, path: '/Mcp', authority: 'api.example.com' },
    ],
    [
      'https://api.example.com:8443/a/../b',
      { ...tcp, tls: true, host: 'api.example.com', port: 8443, path: '/b', authority: 'api.example.com:8443' },
    ],
    ['http://[::1]:3001/mcp', { ...tcp, host: '::1', authority: '[::1]:3001' }],
    // One spelling of an address: no filter on the text is fooled by another.
    ['http://2130706433:3001/mcp', tcp],
    ['http://0x7f.1:3001/mcp', tcp],
    ['unix:a.sock:/mcp', unix],
    ['unix:/srv/a.sock:/mcp', { ...unix, host: '/srv/a.sock' }],
    ['unix:@abstract:/mcp', { ...unix, host: '@abstract' }],
  ])('%s', (text, wanted) => {
    expect(parseEndpoint(text)).toEqual(wanted);
  });

  test.each([
    '',
    'http://',
    'ftp://127.0.0.1/mcp',
    'file:///etc/passwd',
    'HTTP://127.0.0.1/mcp',
    'http:127.0.0.1/mcp',
    'http://user@127.0.0.1/mcp',
    'http://user:secret@127.0.0.1/mcp',
    'http://127.0.0.1/mcp?x=1',
    'http://127.0.0.1/mcp#x',
    'http://127.0.0.1:0/mcp',
    'http://127.0.0.1:65536/mcp',
    'http://127.0.0.1:3001/m cp',
    'http://127.0.0.1:3001/mcp\n',
    ' http://127.0.0.1:3001/mcp',
    'http://exämple.com/mcp',
    'unix:a.sock',
    'unix:a.sock:mcp',
    'unix::/mcp',
    'unix:../a.sock:/mcp',
    'unix:/srv/../a.sock:/mcp',
    'unix:a b.sock:/mcp',
    'unix:a.sock:/m cp',
    'unix:a\0.sock:/mcp',
  ])('%j is none', (text) => {
    expect(parseEndpoint(text)).toBeNull();
  });
});

const endpoint = (url: string) => ({ url });
const server = (version: object, over: object = {}) => ({
  kind: 'Server',
  name: 'a',
  versions: [{ version: '1', ...version }],
  ...over,
});
const HTTP = { endpoints: [endpoint('http://127.0.0.1:3001/mcp')] };

describe('a server', () => {
  test('over HTTP', () => {
    expect(parseDocument(server(HTTP))).toEqual({ document: { ...server(HTTP), labels: {} } });
  });
  test('over standard input and output', () => {
    const result = parseDocument(server({ stdio: { command: 'node' } }));
    expect(result).toMatchObject({ document: { versions: [{ stdio: { command: 'node', args: [], env: {} } }] } });
  });

  test.each<[string, unknown, string[]]>([
    ['without a version', server(HTTP, { versions: [] }), ['versions: Too small: expected array to have >=1 items']],
    [
      'with two versions',
      server(HTTP, {
        versions: [
          { version: '1', ...HTTP },
          { version: '2', ...HTTP },
        ],
      }),
      ['versions: one version is served at a time'],
    ],
    ['with neither endpoints nor a program', server({}), ['versions.0: give either endpoints or stdio']],
    ['with both', server({ ...HTTP, stdio: { command: 'node' } }), ['versions.0: give either endpoints or stdio']],
    [
      'with endpoints of two paths',
      server({ endpoints: [endpoint('http://127.0.0.1:1/a'), endpoint('http://127.0.0.1:2/b')] }),
      ['versions.0.endpoints: the endpoints of a version share one path'],
    ],
    [
      'with endpoints of two schemes',
      server({ endpoints: [endpoint('http://127.0.0.1:1/a'), endpoint('https://127.0.0.1:2/a')] }),
      ['versions.0.endpoints: the endpoints of a version are all http or all https'],
    ],
    [
      'with https endpoints of two names, of which one certificate is looked at',
      server({ endpoints: [endpoint('https://a.example.com/mcp'), endpoint('https://b.example.com/mcp')] }),
      [
        'versions.0.endpoints: the https endpoints of a version share one host name, which their certificate is held against',
      ],
    ],
    [
      'with a wrong endpoint',
      server({ endpoints: [endpoint('127.0.0.1:1')] }),
      ['versions.0.endpoints.0.url: an endpoint is http://HOST:PORT/PATH, https://HOST:PORT/PATH or unix:SOCKET:/PATH'],
    ],
    [
      'with a health check that is no path',
      server({ ...HTTP, healthCheck: { path: 'health' } }),
      ['versions.0.healthCheck.path: a path begins with a slash'],
    ],
    [
      'with an environment of wrong names',
      server({ stdio: { command: 'a', env: { 'A=B': 'x' } } }),
      [expect.stringContaining('versions.0.stdio.env')],
    ],
    [
      'with a command of nothing',
      server({ stdio: { command: '' } }),
      [expect.stringContaining('versions.0.stdio.command')],
    ],
    [
      'with control characters',
      server({ stdio: { command: 'a\u001b[2J' } }),
      ['versions.0.stdio.command: control characters are not allowed'],
    ],
  ])('%s', (_, value, problems) => {
    expect(problemsOf(value)).toEqual(problems);
  });
});

describe('a name', () => {
  test.each(['a', 'a-b', '0', 'a0-9', 'a'.repeat(32)])('%s', (name) => {
    expect(problemsOf(server(HTTP, { name }))).toEqual([]);
  });
  test.each(['', '-a', 'a-', 'A', 'a_b', 'a__b', 'a.b', 'a/b', 'ä', 'a b', 'a\n', 'a'.repeat(33)])(
    '%j is none',
    (name) => {
      expect(problemsOf(server(HTTP, { name })).length).toBeGreaterThan(0);
    },
  );
});

describe('a surface', () => {
  const surface = (over: object = {}) => ({ kind: 'Surface', name: 's', servers: [{ server: 'a' }], ...over });
  test('has everything of its servers, wants a token, and is decided on by ext-proc, unless it says otherwise', () => {
    expect(parseDocument(surface())).toEqual({
      document: {
        ...surface(),
        auth: 'token',
        decision: 'ext_proc',
        servers: [{ server: 'a', tools: ['*'], prompts: ['*'], resources: ['*'] }],
      },
    });
  });
  test.each<[string, object, RegExp]>([
    ['without a server', surface({ servers: [] }), /^servers: /],
    ['with a server of no name', surface({ servers: [{ tools: ['*'] }] }), /^servers\.0\.server: /],
    ['with another way to authenticate', surface({ auth: 'basic' }), /^auth: /],
    ['with another way to decide', surface({ decision: 'none' }), /^decision: /],
    ['with an empty pattern', surface({ servers: [{ server: 'a', tools: [''] }] }), /^servers\.0\.tools\.0: /],
    [
      'with more servers than a call is fanned out to',
      surface({ servers: Array.from({ length: 65 }, (_, i) => ({ server: `s${i}` })) }),
      /^servers: /,
    ],
  ])('%s', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([expect.stringMatching(problem)]);
  });
});

describe('a policy', () => {
  const policy = (...rules: object[]) => ({ kind: 'Policy', name: 'p', version: 'tbac/v1', rules });
  const rule = (over: object = {}) => ({ id: 'r', effect: 'allow', tools: ['*'], ...over });
  test('speaks of all surfaces unless it names some', () => {
    expect(parseDocument(policy(rule()))).toEqual({ document: { ...policy(rule()), surfaces: ['*'] } });
  });
  test('does not grow members that it did not have', () => {
    const result = parseDocument(policy(rule({ who: { subjects: ['a'] } })));
    if ('problems' in result || result.document.kind !== 'Policy') throw new Error('no policy');
    expect(Object.keys(result.document.rules[0]!)).toEqual(['id', 'effect', 'who', 'tools']);
    expect(Object.keys(result.document.rules[0]!.who!)).toEqual(['subjects']);
  });
  test.each<[string, object, string | RegExp]>([
    ['without a rule', policy(), /^rules: /],
    ['of another version', { ...policy(rule()), version: 'tbac/v2' }, /^version: /],
    [
      'with a rule that speaks of nothing',
      policy({ id: 'r', effect: 'allow' }),
      'rules.0: a rule names tools, prompts or resources',
    ],
    ['with a rule of another effect', policy(rule({ effect: 'log' })), /^rules\.0\.effect: /],
    ['with an id that is used twice', policy(rule(), rule()), 'rules.1.id: the rule id "r" is used twice'],
    [
      'with a condition, which this version does not know',
      policy(rule({ when: 'true' })),
      'rules.0.when: unknown member "when"',
    ],
    ['with nobody where somebody is meant', policy(rule({ who: { subjects: [] } })), /^rules\.0\.who\.subjects: /],
    [
      'with a not in a not',
      policy(rule({ who: { not: { not: { subjects: ['a'] } } } })),
      'rules.0.who.not.not: unknown member "not"',
    ],
    [
      'with a reason of two lines',
      policy(rule({ reason: 'a\nb' })),
      'rules.0.reason: control characters are not allowed',
    ],
  ])('%s', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([typeof problem === 'string' ? problem : expect.stringMatching(problem)]);
  });
});

describe('what is no document', () => {
  test.each<[unknown, string]>([
    [null, 'nothing'],
    [undefined, 'nothing'],
    [7, 'nothing'],
    ['Server', 'nothing'],
    [[], 'nothing'],
    [{}, 'nothing'],
    [{ kind: 7 }, '7'],
    [{ kind: 'server' }, '"server"'],
    [{ kind: 'toString' }, '"toString"'],
    [{ kind: '__proto__' }, '"__proto__"'],
  ])('%j', (value, found) => {
    expect(problemsOf(value)).toEqual([`kind: kind must be one of Server, Surface, Policy, found ${found}`]);
  });

  test('says all of its problems at once, each at its own place', () => {
    expect(
      problemsOf({
        kind: 'Server',
        name: 'A',
        versions: [{ version: '', stdio: { command: 'x', shell: true }, more: 1 }],
        owner: 'me',
      }),
    ).toEqual([
      'name: a name is lower-case letters, digits and inner hyphens, e.g. "github-prod"',
      'versions.0.version: a version is letters, digits, dots, hyphens, e.g. "1.4.0"',
      'versions.0.stdio.shell: unknown member "shell"',
      'versions.0.more: unknown member "more"',
      'owner: unknown member "owner"',
    ]);
  });
});

test('the table of kinds is in the order in which they are written', () => {
  expect(Object.keys(DOCUMENT_KINDS)).toEqual(['Server', 'Surface', 'Policy']);
});

test.each(['args', 'env'])('a NUL in what a program is given by %s is refused: it could not be started', (member) => {
  const given = member === 'args' ? { args: ['a\0b'] } : { env: { A: 'a\0b' } };
  const parsed = parseDocument({
    kind: 'Server',
    name: 'a',
    versions: [{ version: '1', stdio: { command: 'c', ...given } }],
  });
  expect(parsed).toMatchObject({ problems: [{ message: 'a NUL is not allowed' }] });
});
