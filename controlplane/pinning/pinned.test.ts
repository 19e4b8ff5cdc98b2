import { describe, expect, test } from 'vitest';
import type { Discovered, Listed } from '../../core/catalog/catalog.ts';
import { pinningOf } from '../../core/catalog/documents/server.ts';
import { contentHash } from '../../core/runtime/canonical.ts';
import { discoveredOf } from '../../test/support/catalog-world.ts';
import { pinnedOf } from './pinned.ts';
import { plan } from './plan.ts';
import type { ServerPins, ToolChange } from './types.ts';

const RULES = pinningOf({});
const tool = (name: string, description: string): Listed => ({ name, description });
const [OLD, NOW, KEPT] = [tool('a', 'old'), tool('a', 'new'), tool('k', 'kept')];

function readOf(tools: Partial<Discovered['tools']>): Discovered {
  const { hash: _, ...content } = discoveredOf('s', [], { tools: { bare: [], full: [], ...tools } });
  return { hash: contentHash(content), ...content };
}
const everywhere = (...items: Listed[]): Discovered => readOf({ bare: items, full: items });

function change(after: Listed, before: Listed | null, over: Partial<ToolChange> = {}): ToolChange {
  const definitions = new Map([[String(after.name), { tool: after }]]);
  const reading = { server: 's', version: '1', definitions, rules: RULES, nowMs: 1, problemOf: () => null };
  const made = plan(reading, { pins: new Map(), changes: new Map(), wasRejected: () => false });
  return { ...[...made.current.values()][0]!, before: before === null ? null : { tool: before }, ...over };
}
const pinsOf = (...changes: ToolChange[]): ServerPins => ({
  changes: new Map(changes.map((each) => [each.tool, each])),
  problems: new Map(),
});
const PINS = pinsOf(change(NOW, OLD));

describe('what is shown of what was read', () => {
  test('is the very same where nothing is another', () => {
    const read = everywhere(NOW);
    expect(pinnedOf(read, undefined, RULES)).toEqual({ discovered: read });
    expect(pinnedOf(read, pinsOf(), RULES).discovered).toBe(read);
  });

  test('has what is approved in the place of what is not, as if nothing had changed', () => {
    const pinned = pinnedOf(everywhere(KEPT, NOW), PINS, RULES);
    expect(pinned).toEqual({ discovered: everywhere(KEPT, OLD) });
    expect(pinned.discovered.tools.bare).toBe(pinned.discovered.tools.full);
  });

  test('is made once', () => {
    const read = everywhere(NOW);
    expect(pinnedOf(read, PINS, RULES)).toBe(pinnedOf(read, PINS, { ...RULES }));
    expect(pinnedOf(read, PINS, { ...RULES, mode: 'warn' }).discovered.tools.full).toEqual([NOW]);
  });

  test.each([
    ['enforce', [KEPT]],
    ['warn', [KEPT, NOW]],
    ['off', [KEPT, NOW]],
  ] as const)('in the mode %s has a tool that is new or has not', (mode, expected) => {
    const pinned = pinnedOf(everywhere(KEPT, NOW), pinsOf(change(NOW, null)), { ...RULES, mode });
    expect(pinned.discovered.tools.full).toEqual(expected);
  });

  test('has no tool that cannot be checked, approved or not, in any mode', () => {
    const broken = { ...PINS, problems: new Map([['k', 'its inputSchema: …']]) };
    expect(pinnedOf(everywhere(KEPT, NOW), broken, RULES).discovered.tools.full).toEqual([OLD]);
    const both = pinsOf(change(NOW, OLD, { problem: 'its inputSchema: …' }));
    expect(pinnedOf(everywhere(NOW), both, { ...RULES, mode: 'off' }).discovered.tools.full).toEqual([]);
    expect(pinnedOf(everywhere(NOW), both, RULES).discovered.tools.full).toEqual([OLD]);
  });

  test('is on the lists, and for the capabilities, for which it was read', () => {
    const alone = { roots: ['a', 'x'], sampling: ['x'], elicitation: [] };
    const read = readOf({ bare: [KEPT], full: [KEPT, NOW, tool('x', 'x')], alone });
    const pinned = pinnedOf(read, pinsOf(change(NOW, OLD), change(tool('x', 'x'), null)), RULES).discovered.tools;
    expect(pinned).toEqual({
      ...{ bare: [KEPT], full: [KEPT, OLD] },
      alone: { roots: ['a'], sampling: [], elicitation: [] },
    });
  });
});

describe('candidates', () => {
  const canary = { percent: 10, principals: ['t*'] };
  test.each([
    ['are there for a change with a canary', change(NOW, OLD, { canary }), RULES, 1],
    ['are there by the rules of the server', change(NOW, OLD), { ...RULES, canary }, 1],
    [
      'are not there where the change says nobody',
      change(NOW, OLD, { canary: { percent: 0, principals: [] } }),
      { ...RULES, canary },
      0,
    ],
    ['are not there without', change(NOW, OLD), RULES, 0],
    ['are not there for what was rejected', change(NOW, OLD, { canary, state: 'rejected' }), RULES, 0],
    ['are not there for what cannot be checked', change(NOW, OLD, { canary, problem: 'x' }), RULES, 0],
    ['are not there where everybody is shown it', change(NOW, OLD, { canary }), { ...RULES, mode: 'warn' as const }, 0],
  ])('%s', (_, each, rules, count) => {
    const { candidates = [] } = pinnedOf(everywhere(NOW), pinsOf(each), rules);
    expect(candidates).toEqual(Array(count).fill({ ...canary, tool: 'a', bare: NOW, full: NOW }));
  });
});
