import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../limits.ts';
import { isLoopback, resolveSettings, SETTINGS, SettingError, settingsToEnv } from './settings.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chy-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (text: string): string => {
  const path = join(folder, `${files++}.yaml`);
  writeFileSync(path, text);
  return path;
};
const resolved = (
  flags: Record<string, string | undefined> = {},
  env: Record<string, string | undefined> = {},
  cwd = folder,
) => resolveSettings(flags, env, cwd);

test('without a word everything has its default', () => {
  expect(resolved()).toEqual({
    ...{ tlsCert: '', tlsKey: '', clientCa: '', clientCertificate: 'optional' },
    home: join(folder, '.chancery'),
    runDir: '',
    host: '127.0.0.1',
    port: 10_000,
    apiHost: '127.0.0.1',
    apiPort: 8080,
    adsHost: '127.0.0.1',
    adsPort: 18_000,
    adsTlsCert: '',
    adsTlsKey: '',
    adsTlsClientCa: '',
    adsAddress: '',
    adsClientCert: '',
    adsClientKey: '',
    adsCa: '',
    instances: 1,
    instance: 1,
    instanceAddress: '',
    instanceCa: '',
    endpointNetworks: ['loopback', 'public'],
    adminIssuer: '',
    adminAudience: 'chancery-api',
    adminGroupsClaim: 'groups',
    adminRolesClaim: 'roles',
    registryAnonymous: false,
    registryNamespace: '',
    publicUrl: 'http://127.0.0.1:10000',
    allowedOrigins: [],
    bodyBytesMax: LIMITS.bodyBytesMax,
    caFile: '',
    concurrency: 0,
    envoyBin: '',
    logLevel: 'info',
  });
});

describe('who says it', () => {
  const config = () => fileOf('port: 1003\nhost: 127.0.0.3');
  test('a flag comes before the environment, that before the file, that before the default', () => {
    const env = { CHANCERY_CONFIG: config(), CHANCERY_PORT: '1002' };
    expect(resolved({ port: '1001' }, env).port).toBe(1001);
    expect(resolved({}, env).port).toBe(1002);
    expect(resolved({}, { ...env, CHANCERY_PORT: undefined })).toMatchObject({
      port: 1003,
      host: '127.0.0.3',
      apiPort: 8080,
    });
  });
  test('what says nothing is not heard', () => {
    expect(resolved({ port: '' }, { CHANCERY_PORT: '', CHANCERY_CONFIG: config() }).port).toBe(1003);
    expect(resolved({ config: '' }, { CHANCERY_CONFIG: '' }).port).toBe(10_000);
  });
  test('an error names it', () => {
    const wrong = (flags: Record<string, string>, env: Record<string, string>): string => {
      try {
        resolved(flags, env);
      } catch (error) {
        expect(error).toBeInstanceOf(SettingError);
        return (error as Error).message;
      }
      throw new Error('nothing was wrong');
    };
    expect(wrong({ port: 'x' }, {})).toBe('--port: "x" is not a whole number from 1 to 65535');
    expect(wrong({}, { CHANCERY_PORT: '0' })).toBe('CHANCERY_PORT: "0" is not a whole number from 1 to 65535');
    expect(wrong({ config: fileOf('api-port: 70000') }, {})).toBe(
      '"api-port" in the settings file: "70000" is not a whole number from 1 to 65535',
    );
  });
});

describe('what is refused', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['a port with a sign', { port: '+1' }, /whole number/],
    ['a port with a point', { port: '1.5' }, /whole number/],
    ['a port in hexadecimal', { port: '0x10' }, /whole number/],
    ['a port with a space', { port: '1 ' }, /whole number/],
    ['a body limit below a kilobyte', { 'body-bytes-max': '1023' }, /from 1024 to 268435456/],
    ['a body limit of a gigabyte', { 'body-bytes-max': '1073741824' }, /from 1024 to 268435456/],
    [
      'a log level that is none',
      { 'log-level': 'loud' },
      /^--log-level: "loud" is not one of trace, debug, info, warn, error, fatal$/,
    ],
    [
      'a public URL without a scheme',
      { 'public-url': 'mcp.example.com' },
      /^--public-url: "mcp\.example\.com" is not an http\(s\) URL without path$/,
    ],
    ['a public URL with a path', { 'public-url': 'https://mcp.example.com/x' }, /without path/],
    ['a public URL with a query', { 'public-url': 'https://mcp.example.com?x' }, /without path/],
    [
      'a public URL with a user, whom every client would see',
      { 'public-url': 'https://me:secret@mcp.example.com' },
      /without path/,
    ],
    ['a public URL of another scheme', { 'public-url': 'ws://mcp.example.com' }, /without path/],
    ['a public URL with a space', { 'public-url': 'https://mcp example.com' }, /without path/],
    [
      'an origin with a path',
      { 'allowed-origins': 'https://a.example.com/' },
      /is not an origin such as https:\/\/app\.example\.com/,
    ],
    ['an origin without a scheme', { 'allowed-origins': 'a.example.com' }, /is not an origin/],
    ['the origin of nothing', { 'allowed-origins': 'null' }, /is not an origin/],
    ['every origin', { 'allowed-origins': '*' }, /is not an origin/],
    [
      'a certificate of ADS without its key',
      { 'ads-tls-cert': 'cert.pem', 'ads-tls-client-ca': 'ca.pem' },
      /^--ads-tls-cert: CHANCERY_ADS_TLS_CERT needs CHANCERY_ADS_TLS_KEY beside it$/,
    ],
    [
      'a certificate of ADS that asks for none of its clients',
      { 'ads-tls-cert': 'cert.pem', 'ads-tls-key': 'key.pem' },
      /needs CHANCERY_ADS_TLS_CLIENT_CA beside it$/,
    ],
    [
      'a control plane on TCP without a certificate for it',
      { 'ads-address': 'cp.example.com:18000' },
      /^--ads-address: a control plane on TCP needs CHANCERY_ADS_CLIENT_CERT beside it$/,
    ],
    [
      'an instance on TCP without a certificate',
      { 'instance-address': 'a.example.com:18010', 'instance-ca': 'ca.pem' },
      /^--instance-address: an instance on TCP needs CHANCERY_ADS_CLIENT_CERT beside it$/,
    ],
    [
      'an instance on TCP without authorities',
      {
        'instance-address': 'a.example.com:18010',
        'ads-client-cert': 'c.pem',
        'ads-client-key': 'k.pem',
        'ads-ca': 'ca.pem',
      },
      /^--instance-address: an instance on TCP needs CHANCERY_INSTANCE_CA beside it$/,
    ],
    ['an instance without a port', { 'instance-address': 'a.example.com' }, /is not HOST:PORT$/],
    ['no ext-proc at all', { instances: '0' }, /"0" is not a whole number from 1 to 16$/],
    ['an address without a port', { 'ads-address': 'cp.example.com' }, /is not HOST:PORT$/],
    ['an address that is a URL', { 'ads-address': 'https://cp.example.com:1' }, /is not HOST:PORT$/],
    ['an issuer in the clear', { 'admin-issuer': 'http://idp.example.com' }, /is not an https URL/],
    ['an issuer that is no URL', { 'admin-issuer': 'idp' }, /is not an https URL/],
    ['a maybe', { 'registry-anonymous': 'maybe' }, /^--registry-anonymous: "maybe" is not yes or no$/],
    [
      'one wrong origin among good ones',
      { 'allowed-origins': 'https://a.example.com,https://B.example.com' },
      /"https:\/\/B\.example\.com" is not an origin/,
    ],
  ])('%s', (_, flags, message) => {
    expect(() => resolved(flags)).toThrow(SettingError);
    expect(() => resolved(flags)).toThrow(message);
  });
});

describe('what is taken', () => {
  test.each([
    ['https://mcp.example.com/', 'https://mcp.example.com'],
    ['https://MCP.example.com:443', 'https://mcp.example.com'],
    ['http://[::1]:10000', 'http://[::1]:10000'],
    ['HTTPS://mcp.example.com:8443//', 'https://mcp.example.com:8443'],
  ])('the public URL %s is %s, as clients spell it', (written, wanted) => {
    expect(resolved({ 'public-url': written }).publicUrl).toBe(wanted);
  });
  test('the public URL follows the port', () => {
    expect(resolved({ port: '1234' }).publicUrl).toBe('http://127.0.0.1:1234');
  });
  test('origins in a list', () => {
    expect(resolved({ 'allowed-origins': ' https://a.example.com , http://localhost:5173,' }).allowedOrigins).toEqual([
      'https://a.example.com',
      'http://localhost:5173',
    ]);
  });
  test('yes in each of its spellings, an issuer on loopback, a control plane elsewhere', () => {
    for (const word of ['yes', 'YES', 'true', '1']) {
      expect(resolved({ 'registry-anonymous': word }).registryAnonymous).toBe(true);
    }
    expect(resolved({ 'admin-issuer': 'http://127.0.0.1:9/realm/' }).adminIssuer).toBe('http://127.0.0.1:9/realm');
    const files = { 'ads-client-cert': 'c.pem', 'ads-client-key': '/k.pem', 'ads-ca': 'a.pem' };
    expect(resolved({ ...files, 'ads-address': '[::1]:18000' }, {}, '/srv')).toMatchObject({
      adsAddress: '[::1]:18000',
      adsClientCert: '/srv/c.pem',
      adsClientKey: '/k.pem',
      adsCa: '/srv/a.pem',
    });
  });
  test('paths from the folder in which the command runs', () => {
    expect(
      resolved({ home: 'h', 'run-dir': 'r', 'ca-file': '../ca.pem', 'envoy-bin': '/opt/envoy' }, {}, '/srv/x'),
    ).toMatchObject({
      home: '/srv/x/h',
      runDir: '/srv/x/r',
      caFile: '/srv/ca.pem',
      envoyBin: '/opt/envoy',
    });
  });
});

describe('the settings file', () => {
  test('may be absent where it was not asked for, and not where it was', () => {
    expect(() => resolved({}, {}, join(folder, 'nowhere'))).not.toThrow();
    expect(() => resolved({ config: 'absent.yaml' })).toThrow(/^the settings file .*absent\.yaml cannot be read: /);
  });
  test('is found by its usual name', () => {
    const cwd = mkdtempSync(join(folder, 'cwd-'));
    writeFileSync(join(cwd, 'chancery.yaml'), 'port: 1234');
    expect(resolved({}, {}, cwd).port).toBe(1234);
  });
  test.each([
    ['empty', ''],
    ['of comments', '# nothing'],
    ['with keys without values', 'port:\nhost: ~\nallowed-origins: []'],
  ])('%s says nothing', (_, text) => {
    expect(resolved({ config: fileOf(text) })).toMatchObject({ port: 10_000, host: '127.0.0.1', allowedOrigins: [] });
  });
  test('may have a list', () => {
    expect(
      resolved({ config: fileOf('allowed-origins:\n  - https://a.example.com\n  - https://b.example.com') })
        .allowedOrigins,
    ).toHaveLength(2);
  });
  test.each<[string, string, RegExp]>([
    ['a key that is unknown', 'prot: 1', /has an unknown key "prot"$/],
    ['a key of the environment', 'CHANCERY_PORT: 1', /has an unknown key "CHANCERY_PORT"$/],
    ['a member of objects', '__proto__: 1', /has an unknown key "__proto__"$/],
    ['a list', '- 1', /must be a mapping$/],
    ['a text', 'hello', /must be a mapping$/],
    ['no YAML', 'a: [', /is not YAML: /],
    ['a nested value', 'host: { a: 1 }', /has a nested value at "host", wanted one value or a list of them$/],
    ['a list of lists', 'allowed-origins: [[a]]', /has a nested value at "allowed-origins"/],
  ])('with %s is refused', (_, text, message) => {
    expect(() => resolved({ config: fileOf(text) })).toThrow(message);
  });
});

describe('a child process', () => {
  test('gets what its parent resolved', () => {
    const flags = {
      port: '1234',
      'allowed-origins': 'https://a.example.com,https://b.example.com',
      'run-dir': 'r',
      'log-level': 'debug',
      'registry-anonymous': 'yes',
      'endpoint-networks': 'public,10.0.0.0/8',
    };
    const settings = resolved(flags);
    expect(resolved({}, settingsToEnv(settings), '/')).toEqual(settings);
  });
  test('does not read a file that its parent did not', () => {
    const cwd = mkdtempSync(join(folder, 'child-'));
    writeFileSync(join(cwd, 'chancery.yaml'), 'allowed-origins: https://evil.example.com\nca-file: evil.pem');
    const settings = resolved({ config: fileOf('port: 1234') });
    expect(resolved({}, settingsToEnv(settings), cwd)).toMatchObject({ port: 1234, allowedOrigins: [], caFile: '' });
  });
});

test.each<[string, boolean]>([
  ['127.0.0.1', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['', false],
  ['127.0.0.1.example.com', false],
  ['10.0.0.1', false],
])('%j is loopback: %s', (host, wanted) => {
  expect(isLoopback(host)).toBe(wanted);
});

test('no two settings share a name', () => {
  const rows = Object.values(SETTINGS);
  expect(new Set(rows.map(({ env }) => env)).size).toBe(rows.length);
  expect(new Set(rows.map(({ flag }) => flag)).size).toBe(rows.length);
});
