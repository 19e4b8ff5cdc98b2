// Decides what of a measurement is kept: of each scenario how many checks passed, and each check that is worse through the gateway.
import { differences, type Recorded, type Worse, worseThan } from './compare.ts';
import type { SetResults } from './measure.ts';
import type { Results } from './results.ts';
import { tells } from './sets.ts';

/** Checks passed, and failed or warned of; null: the scenario says nothing of this column. */
export type Cell = readonly [passed: number, failed: number] | null;

export interface ExpectedSet {
  readonly name: string;
  /** `direct`, then the surfaces. */
  readonly columns: readonly string[];
  /** null: nothing is scored, or not, in this set. */
  readonly scored: readonly string[] | null;
  readonly scenarios: Readonly<Record<string, readonly Cell[]>>;
}

export interface Expected {
  readonly worse: Recorded;
  readonly sets: readonly ExpectedSet[];
}

/** The same results give the same value. */
export function expectedOf(measured: readonly SetResults[]): Expected {
  const worse: Record<string, Record<string, Worse>> = {};
  for (const set of measured)
    for (const [surface, results] of set.surfaces) {
      const found = worseThan(telling(set, surface), results);
      if (Object.keys(found).length > 0) worse[surface] = { ...worse[surface], [set.name]: found };
    }
  return { worse, sets: measured.map(setOf) };
}

function setOf({ name, scored, direct, surfaces }: SetResults): ExpectedSet {
  const columns = [direct, ...surfaces.values()];
  const scenarios = [...direct.keys()].sort();
  return {
    name,
    columns: ['direct', ...surfaces.keys()],
    scored: scored === null ? null : scenarios.filter((scenario) => scored.has(scenario)),
    scenarios: Object.fromEntries(
      scenarios.map((scenario) => [scenario, columns.map((results) => cellOf(scenario, results, direct))]),
    ),
  };
}

/** What was reached direct and not here counts as not passed. */
function cellOf(scenario: string, results: Results, direct: Results): Cell {
  const here = results.get(scenario);
  if (here === undefined && results !== direct) return null;
  const wanted = direct.get(scenario);
  let passed = 0;
  let failed = 0;
  for (const check of new Set([...(wanted?.keys() ?? []), ...(here?.keys() ?? [])])) {
    const status = here?.get(check);
    if (status === 'SUCCESS') passed++;
    else if (status === 'FAILURE' || status === 'WARNING') failed++;
    else if (status === undefined && wanted?.get(check) !== 'INFO') failed++;
  }
  return [passed, failed];
}

export interface Comparison {
  /** Checks compared, direct with a surface, and scenarios compared with what they were. */
  readonly compared: number;
  /** One sentence for each that is not as it was. */
  readonly differences: readonly string[];
}

/** Only of the sets that were measured. */
export function compare(before: Expected, measured: readonly SetResults[]): Comparison {
  const found = expectedOf(measured);
  const names = new Set(found.sets.map(({ name }) => name));
  const checks = measured.flatMap((set) =>
    [...set.surfaces].flatMap(([surface, results]) =>
      [...telling(set, surface)].map(
        ([scenario, wanted]) => new Set([...wanted.keys(), ...(results.get(scenario)?.keys() ?? [])]).size,
      ),
    ),
  );
  return {
    compared: checks.reduce((sum, count) => sum + count, 0),
    differences: [
      ...differences(only(before.worse, names), found.worse).map(({ kind, text }) => `${kind}: ${text}`),
      ...found.sets.flatMap((set) =>
        changes(
          before.sets.find(({ name }) => name === set.name),
          set,
        ),
      ),
    ],
  };
}

/** What was found direct by the scenarios that say something of a surface. */
function telling({ of, direct }: SetResults, surface: string): Results {
  return new Map([...direct].filter(([scenario]) => tells(of, surface, scenario)));
}

function only(recorded: Recorded, names: ReadonlySet<string>): Recorded {
  return Object.fromEntries(
    Object.entries(recorded).map(([surface, sets]) => [
      surface,
      Object.fromEntries(Object.entries(sets).filter(([name]) => names.has(name))),
    ]),
  );
}

function changes(before: ExpectedSet | undefined, { name, columns, scenarios }: ExpectedSet): string[] {
  const all = [...new Set([...Object.keys(before?.scenarios ?? {}), ...Object.keys(scenarios)])].sort();
  return all.flatMap((scenario) =>
    columns.flatMap((column, index) => {
      const [was, is] = [before?.scenarios[scenario]?.[index], scenarios[scenario]?.[index]].map(text);
      return was === is ? [] : [`changed: ${name} › ${scenario} › ${column}: ${is}, recorded as ${was}`];
    }),
  );
}

/** As the table has it. */
export function text(cell: Cell | undefined): string {
  return cell === null || cell === undefined ? '–' : `${cell[0]} / ${cell[1]}`;
}
