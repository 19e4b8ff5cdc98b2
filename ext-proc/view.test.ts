import { describe, expect, test } from 'vitest';
import {
  catalogOf,
  principalOf,
  serverOf,
  stateOf,
  versionedServer,
  versionOf,
} from '../test/support/ext-proc-world.ts';
import { viewOf, viewOfPrincipal } from './view.ts';

const withShare = (percent: number) =>
  catalogOf({
    servers: [
      versionedServer('memory', [
        versionOf('memory', ['a']),
        versionOf('memory', ['b'], { version: '2', state: 'canary', canary: { percent, principals: [] } }),
      ]),
      serverOf('files', ['read']),
    ],
  });
const CATALOG = withShare(50);
const SURFACE = CATALOG.surfaces.get('default')!;
const tokenOf = (index: number): string => Buffer.alloc(16, index).toString('base64url');
const versionFor = (index: number, catalog = CATALOG): string => {
  const session = stateOf({ tokenId: tokenOf(index), backends: [] });
  return viewOf(catalog, SURFACE, session).served[0]!.version;
};
const all = Array.from({ length: 100 }, (_, index) => index);

describe('a session', () => {
  test('has the versions that it was opened on, whatever its id would lead to', () => {
    const canary = all.find((index) => versionFor(index) === '2')!;
    const { served } = viewOf(CATALOG, SURFACE, stateOf({ tokenId: tokenOf(canary) }));
    expect(served.map(({ cluster }) => cluster)).toEqual(['mcp.memory.1', 'mcp.files.1']);
  });
  test('without any is led by its id, by each process to the same ones', () => {
    expect(new Set(all.map((index) => versionFor(index)))).toEqual(new Set(['1', '2']));
    expect(all.map((index) => versionFor(index))).toEqual(all.map((index) => versionFor(index, withShare(50))));
  });
  test('is looked at once for each revision', () => {
    const session = stateOf();
    expect(viewOf(CATALOG, SURFACE, session)).toBe(viewOf(CATALOG, SURFACE, session));
    const none = withShare(0);
    const unsealed = stateOf({ tokenId: tokenOf(all.find((index) => versionFor(index) === '2')!), backends: [] });
    expect(viewOf(CATALOG, SURFACE, unsealed).served[0]?.version).toBe('2');
    expect(viewOf(none, none.surfaces.get('default')!, unsealed).served[0]?.version).toBe('1');
  });
});

test('without a session a principal is led to the same versions each time, and two issuers’ are two', () => {
  const versionsOf = (issuer: string): string[] =>
    all.map((index) => {
      const principal = principalOf(`user-${index}`, { issuer });
      return viewOfPrincipal(CATALOG, SURFACE, principal).served[0]!.version;
    });
  expect(versionsOf('a')).toEqual(versionsOf('a'));
  expect(new Set(versionsOf('a'))).toEqual(new Set(['1', '2']));
  expect(versionsOf('a')).not.toEqual(versionsOf('b'));
});
