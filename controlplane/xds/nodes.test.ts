import { expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type NodeInfo, type NodeStream, NodeTable } from './nodes.ts';
import type { TypeStatus } from './stream.ts';

const info = (id: string, more: Partial<NodeInfo> = {}): NodeInfo => ({
  id,
  client: 'envoy',
  transport: 'unix',
  variant: 'delta',
  userAgent: '',
  metadata: {},
  cluster: 'envoy',
  zone: '',
  ...more,
});
const NACK = { version: 'v', message: 'no', resources: ['a'], atMs: 1 };
const status = (label: string, sent: string | null, acked = sent, nacked: TypeStatus['nacked'] = null): TypeStatus => {
  return { typeUrl: label, label, sent, acked, nacked };
};

interface Row extends NodeStream {
  readonly node: ReturnType<NodeTable<Row>['connected']>[number];
}
const enter = (table: NodeTable<Row>, of: NodeInfo, atMs: number, types: readonly TypeStatus[] = []): Row =>
  table.enter(of, 'envoy', (node) => ({ node, status: () => types }), atMs);

test.each<[string, Partial<NodeInfo>, number]>([
  ['another id is another node', { id: 'm' }, 2],
  ['another kind of client is another node', { client: 'bridge' }, 2],
  ['the same name over another transport is another node', { transport: 'tcp' }, 2],
  ['another zone is the same node', { zone: 'z' }, 1],
])('%s', (_name, more, count) => {
  const table = new NodeTable<Row>();
  enter(table, info('n'), 1);
  enter(table, info('n', more), 2);
  expect(table.status(3)).toHaveLength(count);
});

test('a node that comes back begins anew, and is shown once', () => {
  const table = new NodeTable<Row>();
  const first = enter(table, info('n'), 1, [status('CDS', '1')]);
  table.leave(first.node, first, 5);
  table.leave(first.node, first, 6);
  expect(table.status(7)).toMatchObject([{ connected: false, connectedSinceMs: 1, disconnectedAtMs: 5, types: [{}] }]);
  enter(table, info('n', { userAgent: 'new' }), 8);
  expect(table.status(9)).toMatchObject([
    { connected: true, connectedSinceMs: 8, disconnectedAtMs: null, userAgent: 'new', types: [] },
  ]);
});

test('of several streams with one type the one that is in trouble is shown', () => {
  const table = new NodeTable<Row>();
  enter(table, info('n'), 1, [status('EDS', '1', '0'), status('CDS', '1')]);
  enter(table, info('n'), 2, [status('EDS', '1', '1', NACK), status('CDS', '2', null)]);
  enter(table, info('n'), 3, [status('EDS', '1')]);
  expect(table.status(4)[0]!.types).toEqual([status('EDS', '1', '1', NACK), status('CDS', '2', null)]);
});

test('those that left are bounded by count, the first that left goes first, of each transport apart', () => {
  const table = new NodeTable<Row>();
  const pass = (of: NodeInfo): void => {
    const stream = enter(table, of, 1);
    table.leave(stream.node, stream, 1);
  };
  pass(info('first'));
  for (let index = 0; index < LIMITS.xdsNodesGoneMax; index += 1) pass(info(`s${index}`, { transport: 'tcp' }));
  const ids = (): readonly string[] => table.status(2).map(({ id }) => id);
  expect([ids().includes('first'), ids().includes('s0')]).toEqual([true, true]);
  pass(info('last', { transport: 'tcp' }));
  expect([ids().includes('first'), ids().includes('s0'), ids().includes('s1')]).toEqual([true, false, true]);
});

test('those that left are bounded by time, those that stay are not', () => {
  const table = new NodeTable<Row>();
  const gone = enter(table, info('gone'), 1);
  enter(table, info('stays'), 1);
  table.leave(gone.node, gone, 10);
  expect(table.status(10 + LIMITS.xdsNodesGoneMs).map(({ id }) => id)).toEqual(['stays', 'gone']);
  expect(table.status(11 + LIMITS.xdsNodesGoneMs).map(({ id }) => id)).toEqual(['stays']);
});
