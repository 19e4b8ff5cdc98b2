import { expect, test } from 'vitest';
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

test('the revision names what a decision depends on, with its hash, and no tombstones', () => {
  expect(read(buildOwnSnapshot(ALL, 4), OWN_TYPES.revision, REVISION_NAME)).toEqual({
    revision: 4,
    resources: { 'server/memory': contentHash(SERVER), 'sessionKey/k': contentHash(KEY) },
  });
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
