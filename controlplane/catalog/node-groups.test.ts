import { describe, expect, test } from 'vitest';
import { registrySnapshot } from '../../test/support/registry-snapshot.ts';
import { buildCatalog } from './build.ts';
import { groupResolver, groupViews } from './node-groups.ts';

const group = (name: string, match: object, surfaces?: readonly string[]) => ({
  kind: 'NodeGroup',
  name,
  match,
  ...(surfaces === undefined ? {} : { surfaces }),
});
const context = {
  settings: { host: '127.0.0.1', publicUrl: 'http://127.0.0.1:1', runDir: '/run/c' },
  issuers: [],
  sessionKeys: [],
};
const built = (...documents: object[]) => buildCatalog(registrySnapshot({ documents }), context);

describe('an Envoy', () => {
  const documents = [
    group('bridge', { ids: ['odd'] }),
    group('edge-eu', { ids: ['edge-*'], zones: ['eu-*'] }),
    group('edge', { ids: ['edge-*', 'rim'] }),
    group('front', { clusters: ['front-*'] }),
    group('labelled', { metadata: { stage: 'test', team: 'a' } }),
  ];
  const groupOf = groupResolver(built(...documents).documents.NodeGroup);
  const node = { id: 'envoy-1', cluster: 'envoy', metadata: {}, zone: '' };

  test.each<[string, Parameters<typeof groupOf>[0], string]>([
    ['that none fits is given everything', node, 'envoy'],
    ['is found by its id', { ...node, id: 'rim' }, 'envoy.edge'],
    ['is taken by the first that fits, in the order of names', { ...node, id: 'edge-1', zone: 'eu-1' }, 'envoy.edge'],
    ['is found by its cluster', { ...node, cluster: 'front-a' }, 'envoy.front'],
    ['is found by its metadata', { ...node, metadata: { stage: 'test', team: 'a', more: 'x' } }, 'envoy.labelled'],
    ['with one of two members is not', { ...node, metadata: { stage: 'test' } }, 'envoy'],
    ['with another value is not', { ...node, metadata: { stage: 'test', team: 'b' } }, 'envoy'],
    ['is never given what a service of the same name is', { ...node, id: 'odd' }, 'envoy.bridge'],
  ])('%s', (_, facts, wanted) => {
    expect(groupOf(facts)).toBe(wanted);
  });

  test('must fit all that is given', () => {
    const both = groupResolver(built(group('eu', { ids: ['edge-*'], zones: ['eu-*'] })).documents.NodeGroup);
    expect(both({ ...node, id: 'edge-1', zone: 'eu-1' })).toBe('envoy.eu');
    expect(both({ ...node, id: 'edge-1', zone: 'us-1' })).toBe('envoy');
    expect(both({ ...node, id: 'core-1', zone: 'eu-1' })).toBe('envoy');
  });
});

describe('a group', () => {
  const server = (name: string) => ({
    kind: 'Server',
    name,
    versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:1/' }] }],
  });
  const surface = (name: string, ...servers: string[]) => ({
    kind: 'Surface',
    name,
    servers: servers.map((each) => ({ server: each })),
  });
  const documents = [
    server('a'),
    server('b'),
    server('c'),
    surface('one', 'a', 'b'),
    surface('two', 'b'),
    surface('x', 'c'),
  ];

  test.each<[string, readonly string[] | undefined, readonly string[], readonly string[]]>([
    ['has all surfaces when it names none', undefined, ['one', 'two', 'x'], ['a', 'b', 'c']],
    ['has those that it names, and their servers', ['two'], ['two'], ['b']],
    ['has those that a glob fits', ['o*', 'tw*'], ['one', 'two'], ['a', 'b']],
    ['may have none', ['nothing'], [], []],
  ])('%s', (_, wanted, surfaces, servers) => {
    const views = groupViews(built(...documents, group('g', { ids: ['*'] }, wanted)));
    expect(views.get('g')).toEqual({ surfaces, servers });
  });
});
