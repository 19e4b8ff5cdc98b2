import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { surfaceUrl } from '../../core/contract.ts';
import { createVerifier } from '../../core/identity/verify.ts';
import { readIssuerKey } from './issuer-key.ts';
import { KeyError, openKeys } from './keys.ts';
import { deriveKey } from './master-key.ts';
import { mintToken } from './mint.ts';
import { readOperatorToken } from './operator-token.ts';
import { openPrivateFile } from './private-file.ts';
import { deriveSessionKey } from './session-keys.ts';

const publicUrl = 'http://127.0.0.1:10000';
const FILES = ['issuer.key.json', 'master.key', 'operator.token'];
let folder: string;
let home: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-keys-'));
  home = join(folder, 'deep/home');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the first start', () => {
  test('makes every secret, for the owner only, and leaves nothing else behind', () => {
    openKeys(home, { publicUrl });
    expect(readdirSync(home).sort()).toEqual(FILES);
    for (const file of FILES) expect(statSync(join(home, file)).mode & 0o777).toBe(0o600);
    expect(statSync(home).mode & 0o777).toBe(0o700);
  });

  test('gives what the second finds', () => {
    const { identityKeys, ...first } = openKeys(home, { publicUrl });
    const { identityKeys: again, ...second } = openKeys(home, { publicUrl });
    expect(second).toEqual(first);
    expect(again.at(5_000_000)).toEqual(identityKeys.at(5_000_000));
    expect(readOperatorToken(home)).toBe(first.operatorToken);
  });

  test('gives a token that can be known, public keys only, and a derived session key', () => {
    const { operatorToken, issuer, sessionKeys } = openKeys(home, { publicUrl });
    expect(operatorToken).toMatch(/^chop_[A-Za-z0-9_-]{43}$/);
    expect(issuer).toMatchObject({ name: 'local', issuer: publicUrl, algorithms: ['ES256'] });
    expect(issuer.jwks.keys).toHaveLength(1);
    expect(issuer.jwks.keys[0]).not.toHaveProperty('d');
    expect(sessionKeys).toMatchObject([{ kid: expect.stringMatching(/^[0-9a-f]{8}$/), active: true }]);
    expect(Buffer.from(sessionKeys[0]!.key, 'base64url')).toHaveLength(32);
    expect(readFileSync(join(home, 'master.key'), 'utf8').trim()).not.toBe(sessionKeys[0]!.key);
  });

  test('of another home makes other secrets', () => {
    const [one, two] = [openKeys(home, { publicUrl }), openKeys(join(folder, 'other'), { publicUrl })];
    expect(one.operatorToken).not.toBe(two.operatorToken);
    expect(one.issuer.jwks).not.toEqual(two.issuer.jwks);
    expect(one.sessionKeys).not.toEqual(two.sessionKeys);
    expect(one.registryKey).not.toEqual(two.registryKey);
  });
});

test('a derived key stays the same for a master key, and is another for each use', () => {
  const master = Buffer.alloc(32, 1);
  expect(deriveKey(master, 'registry')).toEqual(deriveKey(Buffer.alloc(32, 1), 'registry'));
  expect(deriveKey(master, 'registry').toString('base64url')).not.toBe(deriveSessionKey(master).key);
  // What was sealed by an earlier version must open.
  expect(deriveSessionKey(master).kid).toBe('598bdf18');
  expect(deriveKey(master, 'registry').toString('hex')).toBe(
    '816a1cf2ebc07671ae9c72f9ca018c12295f173405d63bc54e8c4dab8bd35780',
  );
  expect(deriveSessionKey(Buffer.alloc(32, 1))).toEqual(deriveSessionKey(Buffer.alloc(32, 1)));
  expect(deriveSessionKey(Buffer.alloc(32, 1)).kid).not.toBe(deriveSessionKey(Buffer.alloc(32, 2)).kid);
});

test('a file that another process made in between is taken, not overwritten', () => {
  const path = join(folder, 'secret');
  const content = openPrivateFile(path, () => {
    openPrivateFile(path, () => 'theirs');
    return 'ours';
  });
  expect(content).toBe('theirs');
  expect(readdirSync(folder)).toEqual(['secret']);
});

describe('a secret is refused, and kept as it is, when', () => {
  const at = (file: string): string => join(home, file);
  const cases: [string, () => void, RegExp][] = [
    ['its group may read it', () => chmodSync(at('operator.token'), 0o640), /has mode 0640, wanted 0600/],
    ['everybody may read it', () => chmodSync(at('master.key'), 0o604), /has mode 0604, wanted 0600/],
    [
      'it is a link',
      () => replace(at('issuer.key.json'), () => symlinkSync('/dev/null', at('issuer.key.json'))),
      /is a symbolic link/,
    ],
    ['it is a folder', () => replace(at('master.key'), () => mkdirSync(at('master.key'))), /is not a plain file/],
    ['the token is cut', () => writeFileSync(at('operator.token'), 'chop_short'), /does not hold an operator token/],
    ['the token is empty', () => writeFileSync(at('operator.token'), ''), /does not hold an operator token/],
    ['the master key is short', () => writeFileSync(at('master.key'), 'AAAA'), /does not hold 32 bytes/],
    [
      'the issuer key is not JSON',
      () => writeFileSync(at('issuer.key.json'), '{'),
      /does not hold a private ES256 key/,
    ],
    ['the issuer key has no private part', withoutPrivatePart, /does not hold a private ES256 key/],
    ['the issuer key is no point of its curve', offTheCurve, /does not hold a private ES256 key/],
    [
      'it is larger than any secret',
      () => writeFileSync(at('operator.token'), 'x'.repeat(100_000)),
      /has 100000 bytes/,
    ],
    ['others may write to its folder', () => chmodSync(home, 0o770), /others may write to the folder/],
  ];
  test.each(cases)('%s', (_, spoil, wanted) => {
    openKeys(home, { publicUrl });
    spoil();
    const error = caught(() => openKeys(home, { publicUrl }));
    expect(error).toBeInstanceOf(KeyError);
    expect((error as Error).message).toMatch(wanted);
    expect((error as Error).message).toContain(home);
  });

  function withoutPrivatePart(): void {
    const { d: _d, ...rest } = JSON.parse(readFileSync(at('issuer.key.json'), 'utf8'));
    writeFileSync(at('issuer.key.json'), JSON.stringify(rest));
  }
  function offTheCurve(): void {
    const key = JSON.parse(readFileSync(at('issuer.key.json'), 'utf8'));
    writeFileSync(at('issuer.key.json'), JSON.stringify({ ...key, x: key.y }));
  }
});

test('a home folder that is a file is refused', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(caught(() => openKeys(join(folder, 'file'), { publicUrl }))).toBeInstanceOf(KeyError);
});

describe('a token that is made here', () => {
  const request = {
    publicUrl,
    subject: 'agent',
    surface: 'default',
    groups: ['ops'],
    scopes: ['read', 'write'],
    ttlMs: 60_000,
    nowMs: 5_000_000,
  };
  const verify = async (name: string, nowMs: number, change: Partial<typeof request> = {}) => {
    const { issuer } = openKeys(home, { publicUrl });
    const token = await mintToken(readIssuerKey(home)!, { ...request, ...change });
    return createVerifier({ now: () => nowMs }).verify({
      authorization: `Bearer ${token}`,
      surface: { name, url: surfaceUrl(publicUrl, name) },
      catalog: { issuers: new Map([['local', issuer]]), apiKeys: new Map(), revocations: new Map() },
    });
  };

  test('is the one that the services take', async () => {
    expect(await verify('default', 5_000_000)).toMatchObject({
      ok: true,
      principal: {
        issuer: publicUrl,
        subject: 'agent',
        groups: ['ops'],
        scopes: ['read', 'write'],
        expiresAtMs: 5_060_000,
      },
    });
  });
  test('for another surface names that surface', async () => {
    expect(await verify('review', 5_000_000, { surface: 'review' })).toMatchObject({ ok: true });
    expect(await verify('default', 5_000_000, { surface: 'review' })).toEqual({
      ok: false,
      reason: 'wrong_audience',
    });
  });
  test('ends', async () => {
    expect(await verify('default', 5_000_000 + 60_000 + 60_000)).toEqual({ ok: false, reason: 'expired' });
  });
});

function replace(path: string, work: () => void): void {
  rmSync(path);
  work();
}

function caught(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
