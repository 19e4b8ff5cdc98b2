import { describe, expect, test } from 'vitest';
import { endpoint, HTTP, problemsOf, server } from '../../../test/support/documents.ts';
import { parseDocument } from '../document.ts';
import { LIFECYCLE_STATES } from '../lifecycle.ts';
import { GOVERNED_MEMBERS } from './server.ts';

const CANARY = { state: 'canary', canary: { percent: 10 } };
const versions = (...each: object[]) => server({}, { versions: each.map((version) => ({ ...HTTP, ...version })) });

describe('a server', () => {
  test('over HTTP', () => {
    const { versions } = server({ ...HTTP, state: 'active' });
    expect(parseDocument(server(HTTP))).toEqual({ document: { ...server(HTTP), versions, labels: {} } });
  });
  test('over standard input and output', () => {
    const result = parseDocument(server({ stdio: { command: 'node' } }));
    expect(result).toMatchObject({ document: { versions: [{ stdio: { command: 'node', args: [], env: {} } }] } });
  });

  test.each<[string, unknown, string[]]>([
    ['without a version', server(HTTP, { versions: [] }), ['versions: Too small: expected array to have >=1 items']],
    [
      'with two active versions',
      versions({ version: '1' }, { version: '2', state: 'deprecated' }, { version: '3' }),
      ['versions.2.state: one version of a server is active at a time'],
    ],
    [
      'with two canaries',
      versions({ version: '1', ...CANARY }, { version: '2', ...CANARY }),
      ['versions.1.state: one version of a server is canary at a time'],
    ],
    [
      'with a version twice',
      versions({ version: '1' }, { version: '1', state: 'staging' }),
      ['versions.1.version: the version "1" is listed twice'],
    ],
    [
      'with more versions than there may be',
      versions(...Array.from({ length: 17 }, (_, index) => ({ version: `${index}`, state: 'staging' }))),
      ['versions: Too big: expected array to have <=16 items'],
    ],
    [
      'with a state that there is not',
      server({ ...HTTP, state: 'retired' }),
      [expect.stringMatching(/^versions\.0\.state: /)],
    ],
    [
      'with a canary that leads nobody',
      server({ ...HTTP, ...CANARY, canary: {} }),
      ['versions.0.canary: give percent, principals or both'],
    ],
    [
      'with a share of a version that is no canary',
      server({ ...HTTP, canary: { percent: 1 } }),
      ['versions.0.canary: "canary" is for a version in the state "canary", found "active"'],
    ],
    [
      'with a canary without a share',
      server({ ...HTTP, state: 'canary' }),
      ['versions.0.canary: a canary says who is led to it: percent, principals or both'],
    ],
    [
      'with a share of more than all',
      server({ ...HTTP, ...CANARY, canary: { percent: 100.5 } }),
      [expect.stringMatching(/^versions\.0\.canary\.percent: /)],
    ],
    [
      'with an end of an active version',
      server({ ...HTTP, sunset: '2099-01-31T00:00:00Z' }),
      ['versions.0.sunset: "sunset" is for a deprecated version'],
    ],
    [
      'with an end that is a day',
      server({ ...HTTP, state: 'deprecated', sunset: '2099-01-31' }),
      [expect.stringMatching(/^versions\.0\.sunset: /)],
    ],
    [
      'with a TLS context for what has none',
      server({ ...HTTP, tls: { serverName: 'a' } }),
      ['versions.0.tls: only https endpoints have a TLS context'],
    ],
    [
      'with credentials in a header that is not for them',
      server({ ...HTTP, auth: { type: 'header', header: 'mcp-session-id', secret: 's' } }),
      ['versions.0.auth.header: this header is not for credentials'],
    ],
    [
      'with a secret instead of the name of one',
      server({ ...HTTP, auth: { type: 'bearer', token: 'x' } }),
      [expect.stringMatching(/^versions\.0\.auth\.secret: /), 'versions.0.auth.token: unknown member "token"'],
    ],
    [
      'with credentials for a program',
      server({ stdio: { command: 'a' }, auth: { type: 'bearer', secret: 's' } }),
      ['versions.0.auth: a stdio server gets its credentials in stdio.env'],
    ],
    [
      'with a classification that there is not',
      server(HTTP, { classification: 'secret' }),
      [expect.stringMatching(/^classification: /)],
    ],
    [
      'with an annotation that tools do not have',
      server(HTTP, { annotations: { '*': { safeHint: true } } }),
      ['annotations.*.safeHint: unknown member "safeHint"'],
    ],
    ['with labels in capitals', server(HTTP, { labels: { Team: 'a' } }), [expect.stringMatching(/^labels/)]],
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
        'versions.0.endpoints: the https endpoints of a version share one host name, which their certificate is held against; or give tls.serverName',
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
      ['versions.0.healthCheck.path: a path begins with a slash and has no spaces'],
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

test('every state of a version can be written', () => {
  for (const state of LIFECYCLE_STATES) {
    const canary = state === 'canary' ? { canary: { percent: 0.5 } } : {};
    expect(problemsOf(server({ ...HTTP, state, ...canary }))).toEqual([]);
  }
});

test('what policies read of a server are members that a server has', () => {
  const known = server(HTTP, {
    labels: { a: 'b' },
    classification: 'internal',
    annotations: { a: { readOnlyHint: true } },
    toolLabels: { a: { egress: '' } },
    pinning: {},
  });
  const parsed = parseDocument(known);
  expect(parsed).toHaveProperty('document');
  expect(Object.keys('document' in parsed ? parsed.document : {})).toEqual(
    expect.arrayContaining([...GOVERNED_MEMBERS]),
  );
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
