import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Instance, NOW_MS, openInstance } from '../testdata/instance.ts';
import { playApi } from '../testdata/played-api.ts';
import * as get from './get.ts';
import * as key from './key.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
});
afterEach(() => instance.close());

describe('key create', () => {
  test('prints the key alone, and what is kept of it beside', async () => {
    const args = [
      '--sub',
      'ci',
      '--surfaces',
      'review, default',
      '--groups',
      'ops',
      '--scopes',
      'read',
      '--ttl',
      '30d',
    ];
    const { status, out, err } = await instance.call(key.create, [
      ...args,
      '--description',
      'nightly',
      '--why',
      'asked for',
    ]);
    expect(status).toBe(0);
    expect(out).toMatch(/^chk_[\w-]+\n$/);
    expect(err).toMatch(
      /^key \w+ of ci, good until 2026-12-21T12:00:00.000Z; it is not shown again\nrevoke it with "chancery key revoke \w+"\n$/,
    );
    expect(err).not.toContain(out.trim());
    const wanted = { use: 'agent', subject: 'ci', surfaces: ['review', 'default'], groups: ['ops'], scopes: ['read'] };
    expect(instance.registry.keys()).toMatchObject([
      { ...wanted, roles: [], description: 'nightly', expiresAtMs: NOW_MS + 30 * 86_400_000 },
    ]);
    expect(await instance.registry.log({ limit: 1 })).toMatchObject([{ kind: 'ApiKey', why: 'asked for' }]);
  });

  test('makes one for the REST API, which the command line itself takes', async () => {
    const { out } = await instance.call(key.create, [
      '--sub',
      'ops',
      '--admin-role',
      'operator',
      '--admin-role',
      'security',
    ]);
    expect(instance.registry.keys()).toMatchObject([{ use: 'admin', roles: ['operator', 'security'] }]);
    const env = { CHANCERY_TOKEN: out.trim(), CHANCERY_API_URL: `http://127.0.0.1:${instance.port}` };
    expect((await instance.call(get.run, ['servers'], { env, flags: { home: instance.folder } })).status).toBe(0);
  });

  test.each([
    ['nobody', [], 'say who it is for with --sub'],
    [
      'a time that is none',
      ['--sub', 'a', '--ttl', 'soon'],
      '--ttl wants a time such as 15m, 12h or 30d, at most 366d, found "soon"',
    ],
    ['too long a time', ['--sub', 'a', '--ttl', '400d'], 'at most 366d'],
    ['a role that is none', ['--sub', 'a', '--admin-role', 'king'], 'roles'],
    ['a role and surfaces', ['--sub', 'a', '--admin-role', 'viewer', '--surfaces', 's'], 'this is for agents'],
  ])('for %s is refused', async (_, args, wanted) => {
    const { status, out, err } = await instance.call(key.create, args);
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain(wanted);
    expect(instance.registry.keys()).toEqual([]);
  });

  test('does not print what is no key', async () => {
    const body = { key: 'a\u001b[2J', id: 'x', subject: 'a', expiresAt: '' };
    const api = await playApi(instance.folder, () => ({ status: 201, body }));
    expect(await api.call(key.create, ['--sub', 'a'])).toMatchObject({ status: 1, out: '' });
    await api.close();
  });
});

test('a key is listed without itself, revoked once, and then told to be', async () => {
  const { out: made } = await instance.call(key.create, ['--sub', 'ci']);
  const [{ id } = { id: '' }] = instance.registry.keys();
  const { out: before } = await instance.call(key.list, []);
  expect(before).toMatch(/^ID +SUB +OPENS +USED +STATUS +DESCRIPTION$/m);
  expect(before).toMatch(new RegExp(`^${id} +ci +\\* +never +good for 90 d +-$`, 'm'));
  expect(before).not.toContain(made.trim());
  expect(await instance.call(key.revoke, [id])).toEqual({ status: 0, out: `key ${id} revoked\n`, err: '' });
  expect((await instance.call(get.run, ['keys'])).out).toMatch(/ revoked 0 s ago /);
  const again = await instance.call(key.revoke, [id]);
  expect([again.status, again.out, again.err]).toEqual([
    1,
    '',
    expect.stringContaining(`no key that is good has the id "${id}"`),
  ]);
});
