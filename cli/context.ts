// Decides what every command of the CLI is given, so that none touches the process itself.
import type { Settings } from '../core/runtime/settings.ts';

export interface CliContext {
  readonly settings: Settings;
  /** The root of the checkout or installation. */
  readonly rootDir: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes to standard output or standard error; the text brings its own line ends. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly nowMs: () => number;
  /** Absent: the standard input of the process. */
  readonly stdin?: AsyncIterable<Uint8Array | string>;
  /** Whether somebody looks at the standard output. Absent: no. */
  readonly outIsTerminal?: boolean;
  /** Asks at the terminal for what must not be seen there; null when the answer was called off. Absent: there is none. */
  readonly readHidden?: (prompt: string) => Promise<string | null>;
}

/** What each command of the table is: resolves to the exit status. */
export type Command = (args: readonly string[], context: CliContext) => Promise<number>;

/** One row per exit status, which the help repeats. */
export const EXIT_STATUSES = {
  done: { status: 0, doc: 'done; with --dry-run: nothing would change' },
  failed: { status: 1, doc: 'refused, failed, or a command line that is wrong' },
  wouldChange: { status: 2, doc: 'with --dry-run, and only then: something would change' },
} as const;
