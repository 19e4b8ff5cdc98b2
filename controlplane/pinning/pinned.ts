// Decides what of the tools that were read is shown, to everybody and to those who are led to what is not approved yet.
import type { AskedCapability, Discovered, Listed, ListedFor, ToolCandidate } from '../../core/catalog/catalog.ts';
import type { Pinning } from '../../core/catalog/documents/server.ts';
import { listedName } from '../../core/catalog/names.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import type { ServerPins } from './types.ts';

export interface Pinned {
  readonly discovered: Discovered;
  /** Absent: none. */
  readonly candidates?: readonly ToolCandidate[];
}

interface Made {
  readonly pins: ServerPins;
  readonly rules: string;
  readonly pinned: Pinned;
}
// Both are immutable: what is made of them goes with them, so that it is the same object for as long as they are.
const made = new WeakMap<Discovered, Made>();

/** @param pins undefined: nothing is pinned yet. */
export function pinnedOf(discovered: Discovered, pins: ServerPins | undefined, rules: Pinning): Pinned {
  if (pins === undefined || (pins.changes.size === 0 && pins.problems.size === 0)) return { discovered };
  const key = JSON.stringify([rules.mode, rules.canary]);
  const known = made.get(discovered);
  if (known?.pins === pins && known.rules === key) return known.pinned;
  const pinned = make(discovered, pins, rules);
  made.set(discovered, { pins, rules: key, pinned });
  return pinned;
}

function make(discovered: Discovered, pins: ServerPins, rules: Pinning): Pinned {
  const { tools } = discovered;
  const bare = shown(tools.bare, 'bare', pins, rules);
  const full = tools.full === tools.bare ? bare : shown(tools.full, 'full', pins, rules);
  const candidates = rules.mode === 'enforce' ? candidatesOf(tools, pins, rules) : [];
  const names = new Set([...bare, ...full].map((item) => listedName(item, 'name')));
  for (const { tool } of candidates) names.add(tool);
  const { alone, ...rest } = tools;
  const lists: ListedFor = {
    ...rest,
    ...(alone === undefined ? {} : { alone: only(alone, names) }),
    ...{ bare, full },
  };
  const { hash: _, ...content } = { ...discovered, tools: lists };
  // As if the server had said so: what nobody is shown is no change to anybody.
  const withHash = { hash: contentHash(content), ...content };
  return { discovered: withHash, ...(candidates.length > 0 && { candidates }) };
}

function shown(listed: readonly Listed[], list: 'bare' | 'full', pins: ServerPins, rules: Pinning): readonly Listed[] {
  return listed.flatMap((item) => {
    const name = listedName(item, 'name');
    const change = pins.changes.get(name);
    if (change === undefined) return pins.problems.has(name) ? [] : [item];
    if (rules.mode !== 'enforce') return change.problem === null ? [item] : [];
    if (change.before === null || pins.problems.has(name)) return [];
    const { tool, bare } = change.before;
    return [list === 'bare' ? (bare ?? tool) : tool];
  });
}

function candidatesOf(tools: ListedFor, { changes }: ServerPins, { canary: usual }: Pinning): readonly ToolCandidate[] {
  const find = (listed: readonly Listed[], tool: string): Listed | null =>
    listed.find((item) => listedName(item, 'name') === tool) ?? null;
  return [...changes.values()].flatMap(({ tool, state, problem, canary }) => {
    const { percent = 0, principals = [] } = canary ?? usual ?? {};
    if (state !== 'pending' || problem !== null || (percent === 0 && principals.length === 0)) return [];
    return [{ tool, percent, principals, bare: find(tools.bare, tool), full: find(tools.full, tool) }];
  });
}

function only(alone: NonNullable<ListedFor['alone']>, names: ReadonlySet<string>): NonNullable<ListedFor['alone']> {
  const kept = Object.entries(alone).map(([capability, of]) => [capability, of.filter((name) => names.has(name))]);
  return Object.fromEntries(kept) as Record<AskedCapability, readonly string[]>;
}
