// Decides what a reading of a server's tools means for what is pinned of them. Pure.
import type { Pinning } from '../../core/catalog/documents/server.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import { isCompatible } from './compatible.ts';
import { bodyHash, type Definition, definitionHash } from './definition.ts';
import { BY_RULE, type ChangeKind, type ChangeState, type ToolChange, type ToolPin } from './types.ts';

export interface Reading {
  readonly server: string;
  readonly version: string;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** Why a definition cannot be shown; null: it can. */
  readonly problemOf: (definition: Definition, hash: string) => string | null;
  readonly rules: Pinning;
  readonly nowMs: number;
}

export interface Known {
  /** null: nothing of this version was ever pinned. */
  readonly pins: ReadonlyMap<string, ToolPin> | null;
  /** By tool: what the server said last and is not approved. */
  readonly changes: ReadonlyMap<string, ToolChange>;
  /** Whether somebody rejected a change that the server made before, and took back. */
  readonly wasRejected: (id: string) => boolean;
}

export interface Plan {
  /** New or another. */
  readonly pins: readonly ToolPin[];
  /** New, or in another state. */
  readonly changes: readonly ToolChange[];
  /** By tool: what is not approved now. */
  readonly current: ReadonlyMap<string, ToolChange>;
}

export function plan(reading: Reading, known: Known): Plan {
  const pins: ToolPin[] = [];
  const changes: ToolChange[] = [];
  const current = new Map<string, ToolChange>();
  for (const [tool, definition] of reading.definitions) {
    const hash = definitionHash(definition);
    const pin = known.pins?.get(tool) ?? null;
    if (pin?.hash === hash) continue;
    const change = changeOf(tool, definition, hash, pin, reading, known);
    const before = known.changes.get(tool);
    if (!isTaken(change, reading.rules)) {
      current.set(tool, change);
      if (change !== before) changes.push(change);
      continue;
    }
    pins.push(pinOf(change, pin, reading.nowMs, change.kind === 'first' ? null : BY_RULE));
    // What is trusted at first sight, or by nobody at all, is no change that somebody would look for.
    if (change === before || (change.kind !== 'first' && reading.rules.mode !== 'off'))
      changes.push(decided(change, 'approved', BY_RULE, reading.nowMs));
  }
  for (const [tool, change] of known.changes) {
    const replaced = changes.some(({ id }) => id === change.id) || current.get(tool)?.id === change.id;
    if (!replaced) changes.push({ ...change, state: change.state === 'rejected' ? 'rejected' : 'withdrawn' });
  }
  return { pins, changes, current };
}

function isTaken({ kind, state, compatible }: ToolChange, rules: Pinning): boolean {
  if (rules.mode === 'off') return true;
  if (state === 'rejected') return false;
  if (kind === 'first') return rules.first === 'trust';
  return kind === 'new' ? rules.new === 'auto' : compatible && rules.compatible === 'auto';
}

/** The very one that waits already, where it does. */
function changeOf(
  tool: string,
  after: Definition,
  hash: string,
  pin: ToolPin | null,
  { server, version, definitions, problemOf, nowMs }: Reading,
  known: Known,
): ToolChange {
  const id = contentHash([server, version, tool, pin?.hash ?? '', hash]).slice(0, ID_CHARS);
  const before = known.changes.get(tool);
  if (before?.id === id) return before;
  const kind: ChangeKind = pin !== null ? 'changed' : known.pins === null || before?.kind === 'first' ? 'first' : 'new';
  return {
    ...{ id, server, version, tool, kind, after, hash },
    state: known.wasRejected(id) ? 'rejected' : 'pending',
    before: pin?.definition ?? null,
    compatible: pin !== null && isCompatible(pin.definition, after),
    renamedFrom: kind === 'new' ? earlierName(after, definitions, known.pins ?? new Map()) : null,
    problem: problemOf(after, hash),
    canary: null,
    seenMs: nowMs,
    decidedBy: null,
    decidedMs: null,
    decidedWhy: '',
  };
}

const ID_CHARS = 24;

/** The first tool that is gone and says and takes the same. */
function earlierName(
  after: Definition,
  definitions: ReadonlyMap<string, Definition>,
  pins: ReadonlyMap<string, ToolPin>,
): string | null {
  const body = bodyHash(after);
  const gone = [...pins.values()].find((pin) => pin.bodyHash === body && !definitions.has(pin.tool));
  return gone?.tool ?? null;
}

export function decided(
  change: ToolChange,
  state: ChangeState,
  decidedBy: string,
  decidedMs: number,
  decidedWhy = '',
): ToolChange {
  return { ...change, state, decidedBy, decidedMs, decidedWhy };
}

/** What is approved once the change is. */
export function pinOf(
  { tool, hash, after, problem }: ToolChange,
  before: Pick<ToolPin, 'firstSeenMs'> | null,
  nowMs: number,
  approvedBy: string | null,
): ToolPin {
  return {
    ...{ tool, hash, definition: after, problem, approvedBy },
    bodyHash: bodyHash(after),
    firstSeenMs: before?.firstSeenMs ?? nowMs,
    approvedMs: nowMs,
  };
}
