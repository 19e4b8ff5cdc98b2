// Decides which scenarios of the official suite are run against what, and which of them say something of prefixed names.
import { clientScenarios } from './client/scenarios.ts';

/** Whom the gateway stands between: the suite and a server, or a client and the suite's scenario servers. */
export type Measured = 'fixture' | 'everything' | 'python' | 'client';

export interface ScenarioSet {
  readonly name: string;
  readonly of: Measured;
  readonly surfaces: readonly string[];
  /** The revision whose frozen list says what is scored; null: the suite's present scenarios of that version, all of them. */
  readonly requirements: string | null;
  /** For the suite; of a client one run for each scenario. */
  readonly runs: readonly (readonly string[])[];
}

const REVISIONS = ['2025-11-25', '2026-07-28'];
/** `--requirements` is frozen at a revision's release; the versions before 2025-11-25 have no such list. */
const OLDER = ['2025-03-26', '2025-06-18'];

const TITLES: Readonly<Record<Measured, string>> = {
  fixture: '',
  everything: 'server-everything, ',
  python: 'Python SDK, ',
  client: 'client, ',
};

const SERVERS = (['fixture', 'everything', 'python'] as const).flatMap((of) =>
  [...REVISIONS, ...OLDER].map((version): ScenarioSet => {
    const frozen = REVISIONS.includes(version);
    return {
      name: `${TITLES[of]}${frozen ? 'requirements of' : 'specification'} ${version}`,
      of,
      surfaces: of === 'fixture' ? ['single', 'federated'] : ['single'],
      requirements: frozen ? version : null,
      runs: [frozen ? ['--requirements', version] : ['--spec-version', version, '--suite', 'all']],
    };
  }),
);

const CLIENTS = ['2025-11-25', '2026-07-28', '2025-06-18'].map(
  (version): ScenarioSet => ({
    name: `${TITLES.client}specification ${version}`,
    of: 'client',
    surfaces: ['single'],
    requirements: REVISIONS.includes(version) ? version : null,
    runs: clientScenarios(version).map((scenario) => ['--spec-version', version, '--scenario', scenario]),
  }),
);

export const SETS: readonly ScenarioSet[] = [...SERVERS, ...CLIENTS];

/** They name nothing that a server must have for them. */
const NAMELESS: readonly string[] = [
  'server-initialize',
  'server-session-lifecycle',
  'logging-set-level',
  'ping',
  'tools-list',
  'server-sse-multiple-streams',
  'resources-list',
  'prompts-list',
  'dns-rebinding-protection',
  'caching',
  'http-header-validation',
];

/** They call no tool and get no prompt by a name that the suite knows beforehand; URIs stay as they are on a surface. */
const NAME_INDEPENDENT: ReadonlySet<string> = new Set([
  ...NAMELESS,
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'resources-subscribe',
  'resources-unsubscribe',
  'sep-2164-resource-not-found',
  'http-custom-header-server-validation',
]);

/** The Python server lacks what they call, so that an error passes for an answer where it is one of the server's. */
const PYTHON_LACKS = /^(tasks-|server-sse-polling$|json-schema-2020-12$|http-custom-header-server-validation$)/;

/** Whether a scenario says something of what is measured. `surface`: null for none. */
export function tells(of: Measured, surface: string | null, scenario: string): boolean {
  if (of === 'everything') return NAMELESS.includes(scenario);
  if (of === 'python') return !PYTHON_LACKS.test(scenario);
  return surface !== 'federated' || NAME_INDEPENDENT.has(scenario);
}
