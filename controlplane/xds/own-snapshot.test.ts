import { describe, expect, test } from 'vitest';
import { SetDigest } from '../../core/catalog/digest.ts';
import { OWN_TYPES } from '../../core/contract.ts';
import { decodeDocument } from '../../core/grpc/ads.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import { buildOwnSnapshot, REVISION_NAME } from './own-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

const read = (snapshot: Snapshot, typeUrl: string, name: string): unknown =>
  JSON.parse(decodeDocument(snapshot.types.get(typeUrl)!.resources.get(name)!.bytes));

const SERVER = { name: 'memory', version: '1' };
const KEY = { kid: 'k', key: 'secret', active: true };
const TOMBSTONE = { tokenId: 't', expiresAtMs: 1 };
const ALL = {
  server: new Map([['memory', SERVER]]),
  sessionKey: new Map([['k', KEY]]),
  tombstone: new Map([['t', TOMBSTONE]]),
};

test('the version of a resource is the hash of its content', () => {
  const resource = buildOwnSnapshot(ALL, 4).types.get(OWN_TYPES.server)!.resources.get('memory')!;
  expect(resource.version).toBe(contentHash(SERVER));
  expect(decodeDocument(resource.bytes)).toBe('{"name":"memory","version":"1"}');
});

test('the revision sums up what a decision depends on, and no keys or tombstones', () => {
  const digest = new SetDigest();
  digest.toggle('server', 'memory', contentHash(SERVER));
  expect(read(buildOwnSnapshot(ALL, 4), OWN_TYPES.revision, REVISION_NAME)).toEqual({
    revision: 4,
    digest: digest.text(),
  });
});

describe('the next revision', () => {
  const first = buildOwnSnapshot(ALL, 4);
  const revisionOf = (snapshot: Snapshot) => snapshot.types.get(OWN_TYPES.revision)!.resources.get(REVISION_NAME)!;

  test('in which nothing is another leaves everything as it was, byte for byte', () => {
    const equal = { ...ALL, server: new Map([['memory', { ...SERVER }]]) };
    expect(buildOwnSnapshot(equal, 5, { previous: first })).toBe(first);
  });

  test('in which only a tombstone came leaves the Revision as it was', () => {
    const tombstone = new Map([['u', { tokenId: 'u', expiresAtMs: 1 }]]);
    const next = buildOwnSnapshot({ ...ALL, tombstone }, 5, { previous: first });
    expect(next).not.toBe(first);
    expect(revisionOf(next)).toBe(revisionOf(first));
  });

  test('in which a server is another has another digest, as if it were the first', () => {
    const changed = {
      ...ALL,
      server: new Map([
        ['memory', { ...SERVER, version: '2' }],
        ['new', SERVER],
      ]),
    };
    const next = buildOwnSnapshot(changed, 5, { previous: first });
    expect(revisionOf(next)).toEqual(revisionOf(buildOwnSnapshot(changed, 5)));
    expect(next.types.get(OWN_TYPES.sessionKey)).toBe(first.types.get(OWN_TYPES.sessionKey));
    const back = buildOwnSnapshot(ALL, 6, { previous: next });
    expect(read(back, OWN_TYPES.revision, REVISION_NAME)).toMatchObject({
      digest: (read(first, OWN_TYPES.revision, REVISION_NAME) as { digest: string }).digest,
    });
  });
});

test('the version of a program with secrets is the one that is given, and tells nothing of them', () => {
  const stdioServer = new Map([['memory.1', { env: { TOKEN: 'guess-me' } }]]);
  const versionOf = (versions: Record<string, string>) =>
    buildOwnSnapshot({ stdioServer }, undefined, { stdioVersions: new Map(Object.entries(versions)) })
      .types.get(OWN_TYPES.stdioServer)
      ?.resources.get('memory.1')?.version;
  expect(versionOf({ 'memory.1': 'keyed' })).toBe('keyed');
  expect(versionOf({ 'memory.1': 'other' })).toBe('other');
});

test('without a revision number there is no revision', () => {
  expect(buildOwnSnapshot({ stdioServer: new Map() }).types.has(OWN_TYPES.revision)).toBe(false);
});

test('equal content has equal versions, other content has not', () => {
  const versions = (name: string) =>
    [...buildOwnSnapshot({ server: new Map([['memory', { version: '1', name }]]) }, 4).types.values()].map(
      ({ version }) => version,
    );
  expect(versions('memory')).toEqual(versions('memory'));
  expect(versions('memory')).not.toEqual(versions('other'));
});
