// Decides how one of our processes lives: what starts it, which signals or lost lifeline end it, and with what exit status.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LIMITS } from '../limits.ts';
import { createLogger, type Logger } from './log.ts';
import { resolveSettings, SettingError, type Settings } from './settings.ts';

/** What a part gets at its start. */
export interface ServiceContext {
  readonly settings: Settings;
  readonly log: Logger;
  /** The checkout or installation: where `node_modules` and the folders of the parts lie. */
  readonly rootDir: string;
}

/** A running part. `close` gives up sockets and children; it is called once and bounded by LIMITS.closeDeadlineMs. */
export interface Service {
  close(): Promise<void>;
}

/** A start that cannot succeed until an operator changes something; the message is the one sentence that says what. */
export class StartError extends Error {
  override name = 'StartError';
}

/** Exit status of a StartError or SettingError (EX_CONFIG of sysexits): a restart alone does not mend it. */
export const CONFIG_EXIT_STATUS = 78;

/** When this variable is `stdin`, the end of standard input means that the supervisor is gone. */
export const LIFELINE_VARIABLE = 'CHANCERY_LIFELINE';

export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** The root of the checkout or installation. */
export const ROOT_DIR = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Runs a part's `main.ts`: resolves settings from the environment, starts, and ends in order on a stop signal or when
 * the lifeline ends. A crash is logged and exits with 1, so that the supervisor starts the part again.
 */
export function runService(part: string, start: (context: ServiceContext) => Promise<Service>): void {
  let log = createLogger(part, 'info');
  let service: Promise<Service> | undefined;
  let stopping = false;

  const crash = (error: unknown): void => {
    const operators = error instanceof StartError || error instanceof SettingError;
    log.fatal(operators ? {} : { err: error }, error instanceof Error ? error.message : String(error));
    process.exit(operators ? CONFIG_EXIT_STATUS : 1);
  };
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, 'stopping');
    const deadline = setTimeout(() => {
      log.warn({ deadlineMs: LIMITS.closeDeadlineMs }, 'did not close in time');
      process.exit(1);
    }, LIMITS.closeDeadlineMs);
    Promise.resolve(service)
      .then((running) => running?.close())
      .then(() => {
        clearTimeout(deadline);
        process.exit(0);
      }, crash);
  };

  process.on('uncaughtException', crash);
  onStopSignal(stop);
  if (process.env[LIFELINE_VARIABLE] === 'stdin') onStdinEnd(() => stop('the supervisor is gone'));
  try {
    const settings = resolveSettings({}, process.env, process.cwd());
    log = createLogger(part, settings.logLevel);
    service = start({ settings, log, rootDir: ROOT_DIR });
  } catch (error) {
    crash(error);
    return;
  }
  service.catch(crash);
}

/** Calls `handler` for each stop signal, as often as one arrives. Returns what removes it again. */
export function onStopSignal(handler: (signal: StopSignal) => void): () => void {
  for (const signal of STOP_SIGNALS) process.on(signal, handler);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, handler);
  };
}

/** Calls `handler` once when whoever holds the other end of standard input is gone. What arrives on it is dropped. */
function onStdinEnd(handler: () => void): void {
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    handler();
  };
  process.stdin.on('error', end);
  process.stdin.on('end', end);
  process.stdin.on('close', end);
  process.stdin.resume();
}
