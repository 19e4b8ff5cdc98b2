// Decides which scenarios of the official suite are run, and which of them say something of a surface with prefixed names.

export interface ScenarioSet {
  readonly name: string;
  readonly args: readonly string[];
  /** The revision whose frozen list says what is scored; null: the suite's present scenarios of that version, all of them. */
  readonly requirements: string | null;
}

/** `--requirements` is frozen at a revision's release; the versions before 2025-11-25 have no such list. */
export const SETS: readonly ScenarioSet[] = [
  ...['2025-11-25', '2026-07-28'].map((revision) => ({
    name: `requirements of ${revision}`,
    args: ['--requirements', revision],
    requirements: revision,
  })),
  ...['2025-03-26', '2025-06-18'].map((version) => ({
    name: `specification ${version}`,
    args: ['--spec-version', version, '--suite', 'all'],
    requirements: null,
  })),
];

/** They call no tool and get no prompt by a name that the suite knows beforehand. */
export const NAME_INDEPENDENT: ReadonlySet<string> = new Set([
  'server-initialize',
  'server-session-lifecycle',
  'logging-set-level',
  'ping',
  'tools-list',
  'server-sse-multiple-streams',
  'resources-list',
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'resources-subscribe',
  'resources-unsubscribe',
  'sep-2164-resource-not-found',
  'prompts-list',
  'dns-rebinding-protection',
  'caching',
  'http-header-validation',
  'http-custom-header-server-validation',
]);
