import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openKeys } from '../controlplane/keys/keys.ts';
import { ROOT_DIR } from '../core/runtime/process.ts';
import { resolveSettings } from '../core/runtime/settings.ts';
import { apiAddress, ownInstance } from './api-address.ts';

let home = '';
let operatorToken = '';
beforeEach(() => {
  home = join(mkdtempSync(join(tmpdir(), 'chancery-cli-')), 'home');
  ({ operatorToken } = openKeys(home, { publicUrl: 'http://127.0.0.1:10000' }));
});
afterEach(() => rmSync(join(home, '..'), { recursive: true, force: true }));

const address = (env: Readonly<Record<string, string>>, flags: Readonly<Record<string, string>> = {}) =>
  apiAddress({ settings: resolveSettings({ home, ...flags }, {}, home), env });
const TOKEN = 'chk_1a2b3c4d_secret';

test.each([
  ['nothing said', {}, {}, 'http://127.0.0.1:8080'],
  ['a port', {}, { 'api-port': '9090' }, 'http://127.0.0.1:9090'],
  ['an address of IPv6', {}, { 'api-host': '::1' }, 'http://[::1]:8080'],
  ['all addresses', {}, { 'api-host': '0.0.0.0' }, 'http://127.0.0.1:8080'],
  ['a URL on loopback', { CHANCERY_API_URL: 'http://localhost:9090/' }, {}, 'http://localhost:9090'],
  ['a URL on loopback of IPv6', { CHANCERY_API_URL: 'http://[::1]:9090' }, {}, 'http://[::1]:9090'],
])("%s is asked with the operator's token", (_, env, flags, base) => {
  expect(address(env, flags)).toMatchObject({ base, token: operatorToken });
});

test.each([
  ['here', {}, 'http://127.0.0.1:8080'],
  ['elsewhere', { CHANCERY_API_URL: 'HTTPS://Chancery.example.com' }, 'https://chancery.example.com'],
  [
    'elsewhere on a port',
    { CHANCERY_API_URL: 'https://chancery.example.com:8443//' },
    'https://chancery.example.com:8443',
  ],
])('a token of the environment is shown %s', (_, env, base) => {
  const found = address({ ...env, CHANCERY_TOKEN: TOKEN });
  expect(found).toMatchObject({ base, token: TOKEN, tokenFrom: 'CHANCERY_TOKEN' });
});

test.each([
  [
    "the operator's token elsewhere",
    { CHANCERY_API_URL: 'https://a.example' },
    'that needs an API key or a token in CHANCERY_TOKEN',
  ],
  ['plain HTTP elsewhere', { CHANCERY_API_URL: 'http://a.example' }, 'https is wanted, as http is for loopback only'],
  ['plain HTTP to what looks like loopback', { CHANCERY_API_URL: 'http://127.0.0.1.example' }, 'https is wanted'],
  ['another scheme', { CHANCERY_API_URL: 'ftp://a.example' }, 'CHANCERY_API_URL is not an address such as'],
  ['a URL with a password', { CHANCERY_API_URL: 'https://a:chk_1a2b3c4d_secret@a.example' }, 'without user or path'],
  ['a URL with a path', { CHANCERY_API_URL: 'https://a.example/v1' }, 'without user or path'],
  ['what is no URL', { CHANCERY_API_URL: 'a.example' }, 'is not an address'],
  ['a token of two lines', { CHANCERY_TOKEN: `${TOKEN}\nx` }, 'CHANCERY_TOKEN is not a bearer token'],
  ['a token with a blank', { CHANCERY_TOKEN: `Bearer ${TOKEN}` }, 'CHANCERY_TOKEN is not a bearer token'],
  ['a token that is too long', { CHANCERY_TOKEN: 'x'.repeat(9_000) }, 'CHANCERY_TOKEN is not a bearer token'],
])('%s is refused, and no token told', (_, env, wanted) => {
  const found = address({
    CHANCERY_TOKEN: 'CHANCERY_API_URL' in env && wanted.includes('that needs') ? '' : TOKEN,
    ...env,
  });
  expect(found).toEqual({ problem: expect.stringContaining(wanted) });
  expect(JSON.stringify(found)).not.toContain('secret');
});

test('what `up` starts is asked at its own address with its own token, whatever the environment says', () => {
  const env = { CHANCERY_API_URL: 'https://production.example', CHANCERY_TOKEN: TOKEN, NO_COLOR: '1' };
  const settings = resolveSettings({ home }, {}, home);
  const print = (): void => {};
  const context = { settings, env, rootDir: ROOT_DIR, cwd: home, out: print, err: print, nowMs: () => 0 };
  const own = ownInstance(context);
  expect(own.env).toEqual({ NO_COLOR: '1' });
  expect(apiAddress(own)).toMatchObject({ base: 'http://127.0.0.1:8080', token: operatorToken });
});
