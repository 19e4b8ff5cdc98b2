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
}

/** What each file in `commands/` and `up/up.ts` exports as `run`: resolves to the exit status. */
export type Command = (args: readonly string[], context: CliContext) => Promise<number>;
