// Decides what the xDS bench measures, and in which order.
import { setTimeout as pause } from 'node:timers/promises';
import { BOUNDS } from '../bounds.ts';
import { until } from '../deadline.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Fleet } from './fleet.ts';
import type { Totals } from './messages.ts';
import type { XdsOptions } from './options.ts';
import { resourceName, serverDocument, serverName, surfaceDocument } from './registry.ts';

export interface Change {
  readonly holders: number;
  /** From the API's 200 to the last client's acknowledgement. */
  readonly latencyMs: number;
}

export interface Changes {
  readonly changes: readonly Change[];
  /** What all clients received for all of them. */
  readonly received: Totals;
}

export interface Burst {
  readonly writes: number;
  readonly durationMs: number;
  readonly received: Totals;
}

const BATCH = 1_000;

/** In several requests. Resolves to how long it took. */
export async function load(plane: ControlPlane, { servers, surfaces }: XdsOptions): Promise<number> {
  const startedMs = performance.now();
  const documents = [
    ...Array.from({ length: servers }, (_, index) => serverDocument(index)),
    ...Array.from({ length: surfaces }, (_, index) => surfaceDocument(index, servers)),
  ];
  for (let at = 0; at < documents.length; at += BATCH) {
    await plane.ask('POST', '/v1/apply', { documents: documents.slice(at, at + BATCH) });
  }
  return performance.now() - startedMs;
}

/** Resolves to how long it took until every server was read. */
export async function allRead(plane: ControlPlane, { servers }: XdsOptions): Promise<number> {
  const startedMs = performance.now();
  await until('all servers are read', BOUNDS.readDeadlineMs, async () => {
    await pause(BOUNDS.readPauseMs);
    const status = (await plane.ask('GET', '/v1/status')) as { readonly servers: readonly { discovered: boolean }[] };
    const read = status.servers.filter(({ discovered }) => discovered).length;
    return read === servers ? null : `${read} of ${servers} are`;
  });
  return performance.now() - startedMs;
}

/** One after the other: each changes the endpoint of another server. */
export async function change(plane: ControlPlane, fleet: Fleet, options: XdsOptions): Promise<Changes> {
  const before = await fleet.totals(BOUNDS.requestDeadlineMs);
  const changes: Change[] = [];
  for (let round = 1; round <= options.changes; round += 1) {
    const index = (round * 97) % options.servers;
    const arrival = fleet.watch(resourceName(index), BOUNDS.arrivalDeadlineMs);
    await put(plane, index, round);
    const answeredNs = process.hrtime.bigint();
    const { holders, lastAckNs } = await arrival;
    // An acknowledgement may be there before the answer is.
    changes.push({ holders, latencyMs: Math.max(0, Number(lastAckNs - answeredNs) / 1e6) });
  }
  return { changes, received: difference(await fleet.totals(BOUNDS.requestDeadlineMs), before) };
}

/** Many at once, as a pipeline does; the last one tells that all arrived. */
export async function burst(plane: ControlPlane, fleet: Fleet, options: XdsOptions): Promise<Burst> {
  const before = await fleet.totals(BOUNDS.requestDeadlineMs);
  const writes = Math.min(options.burst, options.servers - 1);
  const round = options.changes + 1;
  const startedMs = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < writes; index = next++) await put(plane, index, round);
  };
  await Promise.all(Array.from({ length: BOUNDS.burstWidth }, worker));
  const durationMs = performance.now() - startedMs;
  const arrival = fleet.watch(resourceName(writes), BOUNDS.arrivalDeadlineMs);
  await put(plane, writes, round);
  await arrival;
  return { writes: writes + 1, durationMs, received: difference(await fleet.totals(BOUNDS.requestDeadlineMs), before) };
}

function put(plane: ControlPlane, index: number, round: number): Promise<unknown> {
  return plane.ask('PUT', `/v1/servers/${serverName(index)}`, serverDocument(index, round));
}

function difference(after: Totals, before: Totals): Totals {
  return {
    responses: after.responses - before.responses,
    resources: after.resources - before.resources,
    removed: after.removed - before.removed,
    bytes: after.bytes - before.bytes,
    pushes: after.pushes - before.pushes,
  };
}
