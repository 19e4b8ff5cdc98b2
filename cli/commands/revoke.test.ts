import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Instance, NOW_MS, openInstance } from '../testdata/instance.ts';
import * as revoke from './revoke.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
});
afterEach(() => instance.close());

const written = () =>
  instance.registry
    .snapshot()
    .documents.map(({ document }) => document)
    .filter(({ kind }) => kind === 'Revocation');
const iso = (ms: number): string => new Date(ms).toISOString();
const DAY_MS = 86_400_000;

describe('revoke', () => {
  test('of a subject takes back what it was given until now, for a month', async () => {
    const { status, out, err } = await instance.call(revoke.run, ['--sub', 'alice', '--why', 'the laptop is lost']);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^what alice was given until now is revoked: revoked-[0-9a-f]{16}, until /);
    expect(written()).toMatchObject([{ subject: 'alice', before: iso(NOW_MS), until: iso(NOW_MS + 30 * DAY_MS) }]);
  });

  test('of a token is for that one, of that issuer, for as long as is said', async () => {
    const args = ['--jti', 'x', '--issuer', 'https://a.example', '--for', '1d'];
    expect((await instance.call(revoke.run, args)).status).toBe(0);
    const [document] = written();
    expect(document).toMatchObject({ jti: 'x', issuer: 'https://a.example', until: iso(NOW_MS + DAY_MS) });
    expect(document).not.toHaveProperty('before');
  });

  test.each<[string, string[], string]>([
    ['nobody', [], 'say whose, with --sub, or which token, with --jti'],
    ['both', ['--sub', 'a', '--jti', 'b'], 'say whose, with --sub, or which token, with --jti'],
    ['no time', ['--sub', 'a', '--for', 'long'], '--for wants a time such as 12h or 30d, found "long"'],
  ])('of %s is misused', async (_, args, wanted) => {
    const { status, err } = await instance.call(revoke.run, args);
    expect([status, err.includes(wanted)]).toEqual([1, true]);
    expect(written()).toEqual([]);
  });
});
