import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CERTIFICATE, PRIVATE_KEY } from '../../test/support/pems.ts';
import { type Called, type CallOptions, type Instance, openInstance } from '../testdata/instance.ts';
import { playApi } from '../testdata/played-api.ts';
import * as apply from './apply.ts';
import * as secret from './secret.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
});
afterEach(() => instance.close());

const set = (args: readonly string[], options: CallOptions = {}): Promise<Called> =>
  instance.call(secret.run, ['token', ...args], options);
const stored = () => instance.registry.snapshot().secrets.get('token');

describe('secret set', () => {
  const sources: [string, string[], CallOptions][] = [
    ['the standard input', [], { stdin: 'hunter2\n' }],
    ['the standard input without a line end', [], { stdin: 'hunter2' }],
    ['a file', ['--from-file', 'value.txt'], {}],
    ['a file, though there is a terminal', ['--from-file', 'value.txt'], { readHidden: async () => 'other' }],
    ['a terminal', [], { readHidden: async () => 'hunter2', stdin: 'other' }],
  ];
  test.each(sources)('reads the value from %s, and does not show it', async (_, args, options) => {
    instance.write('value.txt', 'hunter2');
    const { status, out, err } = await set(args, options);
    expect([status, out, err]).toEqual([0, 'secret/token created\n', '']);
    expect(stored()).toEqual({ type: 'opaque', value: 'hunter2' });
  });

  test('keeps what is said of it, and its type', async () => {
    const lines = ['kind: Secret', 'name: token', 'description: of github', 'labels: { team: core }', 'value: old'];
    instance.write('secret.yaml', ...lines);
    await instance.call(apply.run, ['-f', 'secret.yaml']);
    expect((await set([], { stdin: 'new' })).out).toBe('secret/token set\n');
    expect(stored()).toEqual({ type: 'opaque', value: 'new' });
    const { document } = instance.registry.snapshot().find('Secret', 'token') ?? {};
    expect(document).toMatchObject({ description: 'of github', labels: { team: 'core' } });
  });

  test('takes a certificate with its key, and becomes of type tls by it', async () => {
    instance.write('c.pem', CERTIFICATE.trimEnd());
    instance.write('k.pem', PRIVATE_KEY.trimEnd());
    const { status, err } = await set(['--certificate', 'c.pem', '--private-key', 'k.pem']);
    expect([status, err]).toEqual([0, '']);
    expect(stored()).toEqual({ type: 'tls', certificate: CERTIFICATE, privateKey: PRIVATE_KEY });
    expect(await set([], { stdin: 'x' })).toMatchObject({
      status: 1,
      err: expect.stringContaining('it is of type tls'),
    });
  });

  test('does not overwrite what somebody else wrote in between', async () => {
    const api = await playApi(instance.folder, ({ method }) =>
      method === 'GET'
        ? { headers: { etag: '"1"' }, body: { type: 'opaque' } }
        : { status: 412, body: { title: 'the document is not the one that the precondition names' } },
    );
    const { status, err } = await api.call(secret.run, ['token'], { stdin: 'hunter2' });
    await api.close();
    expect([status, err]).toEqual([1, 'secret set: the document is not the one that the precondition names\n']);
    expect(api.asked[1]).toMatchObject({ method: 'PUT', headers: { 'if-match': '"1"' } });
  });

  const refused: [string, string[], CallOptions, string][] = [
    ['a value among the arguments', ['hunter2'], {}, 'where nothing more is wanted'],
    ['a type that is none', ['--type', 'x'], {}, 'found --type x, wanted opaque or tls'],
    ['a certificate without its key', ['--certificate', 'c.pem'], {}, 'given together'],
    ['type tls without them', ['--type', 'tls'], {}, 'type tls needs --certificate'],
    ['an empty value', [], { stdin: '\n' }, 'the value is empty; nothing was written'],
    ['two lines', [], { stdin: 'hunter2\nhunter2\n' }, 'value: a line break or NUL is not allowed'],
    ['too long a value', [], { stdin: 'hunter2'.repeat(5_000) }, 'is larger than'],
    ['a file that is not there', ['--from-file', 'none'], {}, 'none: there is no such file'],
    ['an answer that is called off', [], { readHidden: async () => null }, 'called off; nothing was written'],
  ];
  test.each(refused)('%s is refused', async (_, args, options, wanted) => {
    const { status, out, err } = await set(args, options);
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain(wanted);
    expect(err.replace('found "hunter2"', '')).not.toContain('hunter2');
    expect(stored()).toBeUndefined();
  });
});
