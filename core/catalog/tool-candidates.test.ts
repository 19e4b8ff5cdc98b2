import { describe, expect, test } from 'vitest';
import { catalogOf, listed, surfaceOf, toolOf, versionedServer, versionOf } from '../../test/support/catalog-world.ts';
import type { ServerVersion, ToolCandidate } from './catalog.ts';
import { everyExposure, exposureOf } from './exposure.ts';
import { shownTo } from './tool-candidates.ts';

const OLD = toolOf('a', { description: 'old', annotations: { destructiveHint: true } });
const NOW = toolOf('a', { description: 'new', annotations: { destructiveHint: false } });
const FRESH = toolOf('fresh', { annotations: { readOnlyHint: true } });
const candidate = (over: Partial<ToolCandidate> = {}): ToolCandidate => ({
  ...{ tool: 'a', percent: 0, principals: ['tester'], bare: NOW, full: NOW },
  ...over,
});
const who = (subject: string, issuer = 'i') => ({ issuer, subject });

function version(...candidates: ToolCandidate[]): ServerVersion {
  const base = versionOf('s', []);
  return { ...base, discovered: { ...base.discovered!, tools: listed(OLD, toolOf('b')) }, candidates };
}
const toolsOf = ({ discovered }: ServerVersion) => discovered?.tools.full;

describe('a candidate', () => {
  test('is shown to whom it names, in the place of what is approved, and to nobody else', () => {
    const made = version(candidate());
    expect(shownTo(made, who('alice'))).toBe(made);
    expect(toolsOf(shownTo(made, who('tester')))).toEqual([NOW, toolOf('b')]);
    expect(shownTo(made, who('tester')), 'one object').toBe(shownTo(made, who('tester', 'another')));
  });

  test('that is new comes behind', () => {
    const made = version(candidate({ tool: 'fresh', bare: null, full: FRESH }));
    const { bare, full } = shownTo(made, who('tester')).discovered!.tools;
    expect([bare, full]).toEqual([
      [OLD, toolOf('b')],
      [OLD, toolOf('b'), FRESH],
    ]);
  });

  test('is shown to a share of principals, each the same every time; to more of them when the share grows', () => {
    const led = (percent: number) => {
      const made = version(candidate({ percent, principals: [] }));
      return Array.from({ length: 1000 }, (_, index) => `p${index}`).filter(
        (each) => shownTo(made, who(each)) !== made,
      );
    };
    const [few, more] = [led(10), led(30)];
    expect(few.length).toBeGreaterThan(60);
    expect(few.length).toBeLessThan(140);
    expect(few.every((each) => more.includes(each))).toBe(true);
    expect([led(0).length, led(100).length]).toEqual([0, 1000]);
  });

  test('of a version that was not read is none', () => {
    const unread = { ...version(candidate()), discovered: null };
    expect(shownTo(unread, who('tester'))).toBe(unread);
  });
});

describe('on a surface', () => {
  const made = version(candidate(), candidate({ tool: 'fresh', bare: FRESH, full: FRESH }));
  const server = versionedServer('s', [made]);
  const surface = surfaceOf('default', ['s']);
  const catalog = catalogOf({ servers: [server], surfaces: [surface] });
  const exposed = (subject: string) => exposureOf(catalog, surface, () => shownTo(made, who(subject)));
  const descriptionOf = (subject: string) => exposed(subject).find('tool', 'a')[0]?.facts.annotations;

  test('each principal has what he is shown, in lists and calls', () => {
    expect(exposed('tester').lists.tools.map(({ name }) => name)).toEqual(['a', 'b', 'fresh']);
    expect(exposed('alice').lists.tools.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(exposed('alice').find('tool', 'fresh')).toEqual([]);
    expect(exposed('tester').lists.tools[0]?.shown().description).toBe('new');
    expect(exposed('alice').lists.tools[0]?.shown().description).toBe('old');
    expect(exposed('alice')).toBe(exposed('bob'));
  });

  test('rules read what is approved, and of what is new nothing that it says of itself', () => {
    expect(descriptionOf('tester')).toEqual({ destructiveHint: true });
    expect(descriptionOf('alice')).toEqual({ destructiveHint: true });
    expect(exposed('tester').find('tool', 'fresh')[0]?.facts.annotations).toEqual({});
  });

  test('who decides without the versions has the same', () => {
    const every = (subject: string) => everyExposure(catalog, surface, (each) => shownTo(each, who(subject)));
    expect(every('tester').find('tool', 'fresh')).toHaveLength(1);
    expect(every('alice').find('tool', 'fresh')).toEqual([]);
    expect(everyExposure(catalog, surface)).toBe(every('alice'));
  });
});
