// Decides which checks are worse through the gateway than direct, and whether that is what was recorded.
import type { Results, Status } from './results.ts';

/** What became of a check through the gateway; MISSING: the scenario did not get that far. */
export type Outcome = Status | 'MISSING';

/** Scenario → check → what became of it. */
export type Worse = Readonly<Record<string, Readonly<Record<string, Outcome>>>>;

/** Surface → set of scenarios → what is worse there. */
export type Recorded = Readonly<Record<string, Readonly<Record<string, Worse>>>>;

const RANK: Readonly<Record<Outcome, number>> = { SUCCESS: 3, INFO: 3, SKIPPED: 2, WARNING: 1, FAILURE: 0, MISSING: 0 };

/** Check by check, not by totals: a scenario that ends early fails nothing and passes little. */
export function worseThan(direct: Results, gateway: Results): Worse {
  const worse: Record<string, Record<string, Outcome>> = {};
  for (const [scenario, wanted] of direct) {
    const found = gateway.get(scenario) ?? new Map<string, Status>();
    const brokeOff = [...wanted.values()].includes('FAILURE');
    const checks: Record<string, Outcome> = {};
    for (const check of [...new Set([...wanted.keys(), ...found.keys()])].sort()) {
      // A check that only a failure brings about, e.g. of a set-up that did not succeed, passed direct; where the scenario
      // failed there, it may not have got that far.
      const before = wanted.get(check) ?? (brokeOff ? 'FAILURE' : 'SUCCESS');
      const after = found.get(check) ?? 'MISSING';
      // How many lines of what was sent and seen there are differs from run to run.
      if (before === 'INFO' && after === 'MISSING') continue;
      if (RANK[after] < RANK[before]) checks[check] = after;
    }
    if (Object.keys(checks).length > 0) worse[scenario] = checks;
  }
  return worse;
}

export interface Difference {
  readonly kind: 'worse' | 'stale';
  readonly text: string;
}

/** One sentence for each check that is worse than recorded, and for each that is recorded and better. */
export function differences(recorded: Recorded, found: Recorded): Difference[] {
  const before = flat(recorded);
  const after = flat(found);
  const all = [...new Set([...before.keys(), ...after.keys()])].sort();
  return all.flatMap((key): Difference[] => {
    const wanted = before.get(key);
    const seen = after.get(key);
    if (wanted === seen) return [];
    if (seen === undefined)
      return [{ kind: 'stale', text: `${key}: recorded as ${wanted}, but it is not worse any more` }];
    const kind = wanted !== undefined && RANK[seen] > RANK[wanted] ? 'stale' : 'worse';
    return [{ kind, text: `${key}: ${seen}, recorded ${wanted === undefined ? 'as no worse' : `as ${wanted}`}` }];
  });
}

function flat(recorded: Recorded): Map<string, Outcome> {
  const lines = new Map<string, Outcome>();
  for (const [surface, sets] of Object.entries(recorded))
    for (const [set, scenarios] of Object.entries(sets))
      for (const [scenario, checks] of Object.entries(scenarios))
        for (const [check, outcome] of Object.entries(checks))
          lines.set([surface, set, scenario, check].join(' › '), outcome);
  return lines;
}
