// Decides what a process of clients reports: when all hold everything, when a change reached them, what they received.
import type { DeltaResponse } from '../../core/grpc/ads.ts';
import { ENDPOINTS, startClient } from './client.ts';
import type { Order, Report, StartOrder, Totals } from './messages.ts';
import { heldBy, resourceName } from './registry.ts';

const say = (report: Report): void => void process.send?.(report);

const totals = { responses: 0, resources: 0, removed: 0, bytes: 0 };
const versions = new Set<string>();
let holdersOf: (name: string) => number = () => 0;
let watched: { readonly name: string; readonly holders: number; acks: number } | null = null;
/** Resources of the first state that are still to come. */
let missing = 0;

function snapshotOfTotals(): Totals {
  return { ...totals, pushes: versions.size };
}

function start({ socket, first, count, ...size }: StartOrder['start']): void {
  const { servers } = size;
  const held = Array.from({ length: count }, (_, index) => heldBy(first + index, size));
  const holders = new Map<string, number>();
  for (const server of held.flatMap((numbers) => numbers ?? [])) {
    holders.set(resourceName(server), (holders.get(resourceName(server)) ?? 0) + 1);
  }
  const wildcards = held.filter((numbers) => numbers === null).length;
  holdersOf = (name) => wildcards + (holders.get(name) ?? 0);
  // A cluster and its endpoints for each.
  for (const numbers of held) missing += 2 * (numbers?.length ?? servers);
  for (const [index, numbers] of held.entries()) {
    startClient(socket, `bench-${first + index}`, numbers, { acked, trouble: (words) => say({ trouble: words }) });
  }
}

function acked({ typeUrl, version, resources, removed }: DeltaResponse, bytes: number): void {
  totals.responses += 1;
  totals.resources += resources.length;
  totals.removed += removed.length;
  totals.bytes += bytes;
  if (typeUrl === ENDPOINTS) versions.add(version);
  if (missing > 0) {
    // What is told to be absent would never come: it is counted, so that the bench fails by its figures.
    missing -= resources.length + removed.length;
    if (missing <= 0) say({ settled: true, totals: snapshotOfTotals() });
  }
  if (watched === null || typeUrl !== ENDPOINTS) return;
  const { name, holders } = watched;
  if (!resources.some((resource) => resource.name === name)) return;
  watched.acks += 1;
  if (watched.acks !== holders) return;
  say({ watched: name, holders, lastAckNs: String(process.hrtime.bigint()) });
  watched = null;
}

process.on('message', (order: Order) => {
  if ('start' in order) start(order.start);
  else if ('totals' in order) say({ totals: snapshotOfTotals() });
  else {
    const { name } = order.watch;
    const holders = holdersOf(name);
    watched = { name, holders, acks: 0 };
    if (holders === 0) say({ watched: name, holders, lastAckNs: '' });
  }
});
process.on('disconnect', () => process.exit(0));
