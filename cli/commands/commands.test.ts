import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKeys } from '../../controlplane/keys/keys.ts';
import { createVerifier } from '../../core/identity/verify.ts';
import { type Instance, NOW_MS, openInstance, SERVER } from '../testdata/instance.ts';
import * as apply from './apply.ts';
import * as get from './get.ts';
import * as token from './token.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
});
afterEach(() => instance.close());

describe('a command says what to do when', () => {
  test('there is no home', async () => {
    const { status, err } = await instance.call(get.run, ['servers'], {
      flags: { home: join(instance.folder, 'other') },
    });
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(
        /^get: there is no operator token in .*other: start Chancery with "chancery up", or .*CHANCERY_HOME\n$/,
      ),
    ]);
  });
  test('the home is of another instance', async () => {
    openKeys(join(instance.folder, 'other'), { publicUrl: 'http://x' });
    const { status, err } = await instance.call(apply.run, ['-f', '-'], {
      stdin: SERVER.join('\n'),
      flags: { home: join(instance.folder, 'other') },
    });
    expect([status, err]).toEqual([1, expect.stringContaining('does not take the token in')]);
  });
  test('others may read the token', async () => {
    chmodSync(join(instance.home, 'operator.token'), 0o644);
    const { status, err } = await instance.call(get.run, ['servers']);
    expect([status, err]).toEqual([1, expect.stringContaining('has mode 0644, wanted 0600')]);
  });
  test('nobody listens', async () => {
    const flags = { 'api-port': String(instance.port) };
    await instance.stopApi();
    const { status, err } = await instance.call(get.run, ['servers'], { flags });
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(
        /^get: the REST API does not answer at http:\/\/127\.0\.0\.1:\d+: start Chancery with "chancery up", or .*CHANCERY_API_PORT\)\n$/,
      ),
    ]);
  });
  test('another program listens', async () => {
    const other = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { status, err } = await instance.call(get.run, ['servers'], {
      flags: { 'api-port': String((other.address() as AddressInfo).port) },
    });
    other.close();
    expect([status, err]).toEqual([1, expect.stringContaining("is not Chancery's REST API")]);
  });
});

describe('token', () => {
  test('prints one that the gateway takes, and nothing else', async () => {
    const { status, out, err } = await instance.call(token.run, []);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { issuer } = openKeys(instance.home, { publicUrl: 'http://127.0.0.1:10000' });
    const question = {
      authorization: `Bearer ${out.trim()}`,
      surface: { name: 'default', url: 'http://127.0.0.1:10000/mcp' },
      catalog: { issuers: new Map([['local', issuer]]), apiKeys: new Map(), revocations: new Map() },
    };
    expect(await createVerifier({ now: () => NOW_MS }).verify(question)).toMatchObject({
      ok: true,
      principal: { subject: 'agent', expiresAtMs: NOW_MS + 12 * 3_600_000 },
    });
  });

  test('says what it is asked to', async () => {
    const args = [
      '--sub',
      'alice',
      '--surface',
      'review',
      '--ttl',
      '15m',
      '--groups',
      'ops, dev',
      '--scope',
      'read write',
    ];
    const { out } = await instance.call(token.run, args, { flags: { 'public-url': 'https://mcp.example.com' } });
    expect(decodeJwt(out.trim())).toEqual({
      iss: 'https://mcp.example.com',
      sub: 'alice',
      aud: 'https://mcp.example.com/mcp/review',
      iat: NOW_MS / 1000,
      exp: NOW_MS / 1000 + 900,
      jti: expect.any(String),
      groups: ['ops', 'dev'],
      scope: 'read write',
    });
  });

  test.each([
    ['a time that is none', ['--ttl', 'soon'], 'found "soon"'],
    ['no time at all', ['--ttl', '0s'], 'found "0s"'],
    ['a time without end', ['--ttl', '400d'], 'at most 366d'],
    ['a surface that cannot be', ['--surface', '../x'], '--surface: a name is lower-case'],
    ['a subject that is empty', ['--sub', ''], '--sub wants a name'],
    ['an unknown flag', ['--admin'], 'admin'],
  ])('%s is refused', async (_, args, wanted) => {
    const answer = await instance.call(token.run, args);
    expect([answer.status, answer.out]).toEqual([1, '']);
    expect(answer.err).toContain(wanted);
  });

  test('without a key says what to do, with a spoiled one what is wrong', async () => {
    expect((await instance.call(token.run, [], { flags: { home: instance.folder } })).err).toContain(
      'start Chancery with "chancery up"',
    );
    const secret = JSON.parse(readFileSync(join(instance.home, 'issuer.key.json'), 'utf8')).d;
    writeFileSync(join(instance.home, 'issuer.key.json'), `{"d":"${secret}"`);
    const answer = await instance.call(token.run, []);
    expect([answer.status, answer.out, answer.err]).toEqual([
      1,
      '',
      expect.stringContaining('does not hold a private ES256 key'),
    ]);
    expect(answer.err).not.toContain(secret);
  });
});
