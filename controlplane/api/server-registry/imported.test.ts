import { describe, expect, test } from 'vitest';
import { serverSchema } from '../../../core/catalog/documents/server.ts';
import { type ImportChoice, imported } from './imported.ts';
import { serverJsonSchema } from './server-json.ts';

const BASE = { name: 'io.github.example/weather', description: 'Forecasts.', version: '1.2.0' };
const remote = (rest: object = {}) => ({ type: 'streamable-http', url: 'https://weather.example.com/mcp', ...rest });
const npm = (rest: object = {}) => ({
  registryType: 'npm',
  identifier: '@example/weather-mcp',
  version: '1.2.0',
  transport: { type: 'stdio' },
  ...rest,
});
const take = (server: object, choice: ImportChoice = {}) =>
  imported(serverJsonSchema.parse({ ...BASE, ...server }), choice);

/** What the version becomes; it must be one that a document may have. */
function versionOf(server: object, choice: ImportChoice = {}) {
  const result = take(server, choice);
  if ('problem' in result) throw new Error(result.problem.message);
  const { name, title, description, version } = result;
  serverSchema.parse({
    kind: 'Server',
    name,
    ...(title === undefined ? {} : { title }),
    description,
    versions: [version],
  });
  return { ...result, version: version as Record<string, unknown> };
}
const refusal = (server: object, choice: ImportChoice = {}) => {
  const result = take(server, choice);
  return 'problem' in result ? `${result.problem.path.join('.')}: ${result.problem.message}` : 'taken';
};

describe('a remote', () => {
  test('becomes an endpoint of a version that is asked for', () => {
    expect(versionOf({ remotes: [remote()] })).toMatchObject({
      name: 'weather',
      version: { version: '1.2.0', state: 'requested', endpoints: [{ url: 'https://weather.example.com/mcp' }] },
      secrets: [],
      notes: [],
    });
  });

  test('comes before a package, unless one is chosen', () => {
    const server = { packages: [npm()], remotes: [remote({ type: 'sse' }), remote()] };
    expect(versionOf(server).version).toHaveProperty('endpoints');
    expect(versionOf(server, { package: 0 }).version).toHaveProperty('stdio');
    expect(refusal(server, { remote: 0 })).toBe('server.remotes.0: the transport is "sse", wanted streamable-http');
    expect(refusal(server, { remote: 2 })).toBe('server.remotes: there is no number 2');
  });

  test('with a secret header gets a credential, and others are noted', () => {
    const headers = [
      { name: 'X-Api-Key', isSecret: true },
      { name: 'X-Region', value: 'eu' },
    ];
    expect(versionOf({ remotes: [remote({ headers })] })).toMatchObject({
      version: { auth: { type: 'header', header: 'x-api-key', secret: 'weather-x-api-key' } },
      secrets: ['weather-x-api-key'],
      notes: ['the header "X-Region" is not sent'],
    });
    const bearer = [{ name: 'Authorization', value: 'Bearer {token}' }];
    expect(versionOf({ remotes: [remote({ headers: bearer })] }).version).toMatchObject({
      auth: { type: 'bearer', secret: 'weather-authorization' },
    });
  });

  test('with variables needs their values', () => {
    const url = 'https://{tenant}.example.com/mcp';
    expect(refusal({ remotes: [remote({ url })] })).toContain('its URL has the variable {tenant} without a value');
    const variables = { tenant: { default: 'acme' } };
    expect(versionOf({ remotes: [remote({ url, variables })] }).version).toMatchObject({
      endpoints: [{ url: 'https://acme.example.com/mcp' }],
    });
  });

  test.each([
    ['with a user', 'https://user:pass@example.com/mcp'],
    ['with a query', 'https://example.com/mcp?key=1'],
    ['of another scheme', 'ftp://example.com/mcp'],
    ['that is a socket', 'unix:/run/x.sock:/mcp'],
    ['that is none', 'example.com'],
    ['whose variable brings another host', 'https://{x}/mcp'],
  ])('%s is refused', (_, url) => {
    const variables = { x: { value: 'user@evil.example' } };
    expect(refusal({ remotes: [remote({ url, variables })] })).toContain('is not http(s)://HOST:PORT/PATH');
  });
});

describe('a package', () => {
  test('of npm is run by npx in one version, with its arguments and environment', () => {
    const packageArguments = [
      { type: 'positional', value: '/data' },
      { type: 'named', name: '--units', default: 'metric' },
      { type: 'named', name: '--verbose', value: '' },
      { type: 'named', name: '--optional' },
      { type: 'positional', valueHint: 'place', isRequired: true },
      { type: 'named', name: '--token', isSecret: true, value: 'x' },
    ];
    const environmentVariables = [
      { name: 'API_KEY', isSecret: true, isRequired: true },
      { name: 'OTHER_KEY', isSecret: true },
      { name: 'UNITS', default: 'metric' },
      { name: 'PLACE', isRequired: true },
      { name: 'NOT-ONE' },
    ];
    const result = versionOf({
      packages: [npm({ packageArguments, environmentVariables, runtimeArguments: [{ type: 'named', name: '--x' }] })],
    });
    expect(result.version).toMatchObject({
      stdio: {
        command: 'npx',
        args: ['-y', '@example/weather-mcp@1.2.0', '/data', '--units=metric', '--verbose'],
        env: { API_KEY: { secret: 'weather-api-key' }, UNITS: 'metric' },
      },
    });
    expect(result.secrets).toEqual(['weather-api-key']);
    expect(result.notes).toEqual([
      'an argument for npx itself is left out',
      'the argument "place" needs a value: put it into stdio.args',
      'the argument "--token" is a secret, which arguments cannot be: left out',
      'the variable OTHER_KEY may hold a secret: left out',
      'the variable PLACE needs a value: put it into stdio.env',
      '"NOT-ONE" is not the name of a variable: left out',
    ]);
    expect(JSON.stringify(result)).not.toContain('"x"');
  });

  test('of PyPI is run by uvx', () => {
    const packages = [npm({ registryType: 'pypi', identifier: 'weather-mcp', version: '0.3.1' })];
    expect(versionOf({ packages }).version).toMatchObject({ stdio: { command: 'uvx', args: ['weather-mcp@0.3.1'] } });
  });

  test.each<[string, object, string]>([
    ['of another kind', { registryType: 'oci' }, 'packages of "oci" are not run'],
    ['of a kind that every object has', { registryType: 'constructor' }, 'are not run'],
    ['of another registry', { registryBaseUrl: 'https://evil.example' }, 'wanted the public registry'],
    [
      'of a registry that only begins alike',
      { registryBaseUrl: 'https://registry.npmjs.org.evil.example' },
      'wanted the public registry',
    ],
    ['with another transport', { transport: { type: 'sse' } }, 'wanted stdio'],
    ['that is a flag', { identifier: '--call=evil' }, 'is not the name of a package'],
    ['that is an address', { identifier: 'https://evil.example/x.tgz' }, 'is not the name of a package'],
    ['that is a path', { identifier: '../evil' }, 'is not the name of a package'],
    ['of a repository', { identifier: 'evil/repository' }, 'is not the name of a package'],
    ['of no version', { version: undefined }, 'wanted one version'],
    ['of the latest version', { version: 'latest' }, 'wanted one version'],
    ['of a range', { version: '^1.2.0' }, 'wanted one version'],
    ['of a range with x', { version: '1.x' }, 'wanted one version'],
    ['of a version that is two words', { version: '1.0.0 --call=evil' }, 'wanted one version'],
  ])('%s is refused', (_, rest, words) => {
    expect(refusal({ packages: [npm(rest)] })).toContain(words);
  });
});

describe('the name and the version', () => {
  test.each([
    ['io.github.example/Weather_MCP', 'weather-mcp'],
    ['io.github.example/..weather..', 'weather'],
    [`io.github.example/${'very-'.repeat(20)}long`, 'very-very-very-very-very-very-ve'],
  ])('%s becomes %s', (name, wanted) => {
    expect(versionOf({ name, remotes: [remote()] }).name).toBe(wanted);
  });

  test('are as they are asked for', () => {
    expect(versionOf({ remotes: [remote()] }, { name: 'mine' }).name).toBe('mine');
  });

  test('of a build is written so that it may be one', () => {
    const result = versionOf({ version: '1.0.0+build.7', remotes: [remote()] });
    expect([result.version.version, result.notes]).toEqual([
      '1.0.0-build.7',
      ['the version is written "1.0.0-build.7" here'],
    ]);
  });

  test('with nothing behind them are refused', () => {
    expect(refusal({})).toBe('server: it has neither remotes nor packages');
  });
});
