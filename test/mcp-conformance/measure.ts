// Decides what one set of scenarios says: direct, and through each surface.
import type { Subjects } from './gateway.ts';
import type { Checks, Results } from './results.ts';
import { type Measured, type ScenarioSet, tells } from './sets.ts';
import { scoredScenarios, testClient, testServer } from './suite.ts';

/** Runs of the suite, of which a client needs one for each scenario. */
const AT_ONCE = 2;

export interface SetResults {
  readonly name: string;
  /** Scenarios that count for the revision; null: there is no such list. */
  readonly scored: ReadonlySet<string> | null;
  readonly of: Measured;
  readonly direct: Results;
  /** Surface → its results, only of the scenarios that say something of it. */
  readonly surfaces: ReadonlyMap<string, Results>;
}

/** `say`: is told what is under way. */
export async function measure(set: ScenarioSet, subjects: Subjects, say: (text: string) => void): Promise<SetResults> {
  const { name, of, requirements } = set;
  const side = of === 'client' ? 'client' : 'server';
  say(`${name}: direct`);
  const direct = await results(set, subjects, null);
  const surfaces = new Map<string, Results>();
  for (const surface of set.surfaces) {
    say(`, ${surface}`);
    surfaces.set(surface, await results(set, subjects, surface));
  }
  say('\n');
  return { name, of, scored: requirements === null ? null : scoredScenarios(requirements, side), direct, surfaces };
}

/** Of the scenarios that say something. `surface`: null for none. */
async function results(
  { of, runs }: ScenarioSet,
  { direct, through, sandwich }: Subjects,
  surface: string | null,
): Promise<Results> {
  const run = (args: readonly string[]): Promise<Results> =>
    of === 'client'
      ? testClient(args, surface === null ? {} : { CHANCERY_SANDWICH: JSON.stringify(sandwich) })
      : testServer(surface === null ? direct[of] : through(of, surface), args);
  const found = new Map<string, Checks>();
  for (let start = 0; start < runs.length; start += AT_ONCE)
    for (const one of await Promise.all(runs.slice(start, start + AT_ONCE).map(run)))
      for (const [scenario, checks] of one) if (tells(of, surface, scenario)) found.set(scenario, checks);
  return found;
}
