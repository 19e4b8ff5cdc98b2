// Decides every setting: its environment variable, flag, unit, default and meaning, in one table that the docs repeat.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { LIMITS } from '../limits.ts';

interface SettingRow {
  readonly env: string;
  /** Name of the flag without dashes, which is also the key in the settings file. */
  readonly flag: string;
  readonly type: 'string' | 'port' | 'count' | 'bytes' | 'list';
  readonly fallback: string;
  readonly doc: string;
}

/** Order of precedence: flag, environment, settings file, default. */
export const SETTINGS = {
  configFile: {
    env: 'CHANCERY_CONFIG',
    flag: 'config',
    type: 'string',
    fallback: 'chancery.yaml',
    doc: 'Settings file (YAML; keys are the flags without dashes). It may be absent.',
  },
  home: {
    env: 'CHANCERY_HOME',
    flag: 'home',
    type: 'string',
    fallback: '.chancery',
    doc: 'Folder of the registry, the keys and the sockets. Created with mode 0700.',
  },
  runDir: {
    env: 'CHANCERY_RUN_DIR',
    flag: 'run-dir',
    type: 'string',
    fallback: '',
    doc: "Folder of the Unix sockets. Empty: `run` in the home folder, or a private folder below the system's temporary one when that path is too long for a socket.",
  },
  host: {
    env: 'CHANCERY_HOST',
    flag: 'host',
    type: 'string',
    fallback: '127.0.0.1',
    doc: 'Address that the gateway listens on.',
  },
  port: { env: 'CHANCERY_PORT', flag: 'port', type: 'port', fallback: '10000', doc: 'Port of the gateway.' },
  apiHost: {
    env: 'CHANCERY_API_HOST',
    flag: 'api-host',
    type: 'string',
    fallback: '127.0.0.1',
    doc: 'Address that the REST API listens on.',
  },
  apiPort: { env: 'CHANCERY_API_PORT', flag: 'api-port', type: 'port', fallback: '8080', doc: 'Port of the REST API.' },
  adsHost: {
    env: 'CHANCERY_ADS_HOST',
    flag: 'ads-host',
    type: 'string',
    fallback: '127.0.0.1',
    doc: 'Address that ADS listens on. Keys and secrets are never served there, only on the Unix socket.',
  },
  adsPort: { env: 'CHANCERY_ADS_PORT', flag: 'ads-port', type: 'port', fallback: '18000', doc: 'Port of ADS.' },
  publicUrl: {
    env: 'CHANCERY_PUBLIC_URL',
    flag: 'public-url',
    type: 'string',
    fallback: '',
    doc: 'Where clients reach the gateway: the one source of token audiences, metadata and Host checks. Empty: `http://127.0.0.1:PORT`.',
  },
  allowedOrigins: {
    env: 'CHANCERY_ALLOWED_ORIGINS',
    flag: 'allowed-origins',
    type: 'list',
    fallback: '',
    doc: "Origins of web pages that may call the gateway, comma separated, besides the public URL's own.",
  },
  bodyBytesMax: {
    env: 'CHANCERY_BODY_BYTES_MAX',
    flag: 'body-bytes-max',
    type: 'bytes',
    fallback: String(LIMITS.bodyBytesMax),
    doc: 'Largest JSON-RPC body a client may send, in bytes.',
  },
  caFile: {
    env: 'CHANCERY_CA_FILE',
    flag: 'ca-file',
    type: 'string',
    fallback: '',
    doc: "PEM file of the authorities that may vouch for `https` endpoints of servers. Empty: the system's.",
  },
  concurrency: {
    env: 'CHANCERY_ENVOY_CONCURRENCY',
    flag: 'envoy-concurrency',
    type: 'count',
    fallback: '0',
    doc: 'Worker threads of Envoy. 0: one for each processor.',
  },
  envoyBin: {
    env: 'ENVOY_BIN',
    flag: 'envoy-bin',
    type: 'string',
    fallback: '',
    doc: 'An Envoy binary of the pinned version to run instead of the one that setup installs.',
  },
  logLevel: {
    env: 'CHANCERY_LOG_LEVEL',
    flag: 'log-level',
    type: 'string',
    fallback: 'info',
    doc: 'trace, debug, info, warn, error or fatal.',
  },
} as const satisfies Record<string, SettingRow>;

export type SettingName = keyof typeof SETTINGS;
type Raw = { readonly [name in SettingName]: string };

export interface Settings {
  readonly home: string;
  readonly runDir: string;
  readonly host: string;
  readonly port: number;
  readonly apiHost: string;
  readonly apiPort: number;
  readonly adsHost: string;
  readonly adsPort: number;
  /** Without a trailing slash. */
  readonly publicUrl: string;
  readonly allowedOrigins: readonly string[];
  readonly bodyBytesMax: number;
  readonly caFile: string;
  readonly concurrency: number;
  readonly envoyBin: string;
  readonly logLevel: string;
}

/** A setting that cannot be used; the message names where it came from. */
export class SettingError extends Error {
  override name = 'SettingError';
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
/** As a settings file: empty. */
const NO_FILE = '/dev/null';
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/**
 * Resolves all settings. `flags` are by flag name. Relative paths are taken from `cwd`.
 * @throws SettingError naming the setting, its source, what was found and what was wanted.
 */
export function resolveSettings(
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Settings {
  const configRow = SETTINGS.configFile;
  const named = flags[configRow.flag] || env[configRow.env] || undefined;
  const file = readSettingsFile(resolve(cwd, named ?? configRow.fallback), named !== undefined);
  const sources = {} as Record<SettingName, string>;
  const raw = {} as { -readonly [name in SettingName]: string };
  for (const [name, row] of Object.entries(SETTINGS) as [SettingName, SettingRow][]) {
    const candidates: [string, string | undefined][] = [
      [`--${row.flag}`, flags[row.flag]],
      [row.env, env[row.env]],
      [`"${row.flag}" in the settings file`, file[row.flag]],
      ['its default', row.fallback],
    ];
    const [source, value] = candidates.find(([, candidate]) => candidate !== undefined && candidate !== '') ?? [
      'its default',
      '',
    ];
    raw[name] = value ?? '';
    sources[name] = source;
  }
  return check(raw, sources, cwd);
}

function check(raw: Raw, sources: Readonly<Record<SettingName, string>>, cwd: string): Settings {
  const number = (name: SettingName, min: number, max: number): number => {
    const text = raw[name];
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new SettingError(`${sources[name]}: "${text}" is not a whole number from ${min} to ${max}`);
    }
    return value;
  };
  const port = number('port', 1, 65535);
  if (!LOG_LEVELS.includes(raw.logLevel)) {
    throw new SettingError(`${sources.logLevel}: "${raw.logLevel}" is not one of ${LOG_LEVELS.join(', ')}`);
  }
  const written = raw.publicUrl === '' ? `http://127.0.0.1:${port}` : raw.publicUrl;
  // Without user, which would be shown to every client, and in the one spelling that clients compare.
  if (!URL.canParse(written) || !/^https?:\/\/[^/?#@\s]+\/*$/i.test(written)) {
    throw new SettingError(`${sources.publicUrl}: "${raw.publicUrl}" is not an http(s) URL without path`);
  }
  const publicUrl = new URL(written).origin;
  const allowedOrigins = raw.allowedOrigins
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '');
  for (const origin of allowedOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new SettingError(`${sources.allowedOrigins}: "${origin}" is not an origin such as https://app.example.com`);
    }
  }
  return {
    home: resolve(cwd, raw.home),
    runDir: raw.runDir === '' ? '' : resolve(cwd, raw.runDir),
    host: raw.host,
    port,
    apiHost: raw.apiHost,
    apiPort: number('apiPort', 1, 65535),
    adsHost: raw.adsHost,
    adsPort: number('adsPort', 1, 65535),
    publicUrl,
    allowedOrigins,
    bodyBytesMax: number('bodyBytesMax', 1024, 256 * 1024 * 1024),
    caFile: raw.caFile === '' ? '' : resolve(cwd, raw.caFile),
    concurrency: number('concurrency', 0, 256),
    envoyBin: raw.envoyBin === '' ? '' : resolve(cwd, raw.envoyBin),
    logLevel: raw.logLevel,
  };
}

function readSettingsFile(path: string, mustExist: boolean): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!mustExist && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new SettingError(`the settings file ${path} cannot be read: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new SettingError(`the settings file ${path} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new SettingError(`the settings file ${path} must be a mapping`);
  const known = new Set<string>(Object.values(SETTINGS).map((row) => row.flag));
  const result: Record<string, string> = {};
  for (const [key, member] of Object.entries(value)) {
    if (!known.has(key)) throw new SettingError(`the settings file ${path} has an unknown key "${key}"`);
    const values = Array.isArray(member) ? member : [member];
    if (values.some((value) => typeof value === 'object' && value !== null)) {
      throw new SettingError(
        `the settings file ${path} has a nested value at "${key}", wanted one value or a list of them`,
      );
    }
    // A key without a value is one that was left out.
    result[key] = values.map((value) => value ?? '').join(',');
  }
  return result;
}

/** The environment that hands the resolved settings on to a child process. */
export function settingsToEnv(settings: Settings): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, row] of Object.entries(SETTINGS) as [SettingName, SettingRow][]) {
    if (name === 'configFile') continue;
    const value = settings[name as keyof Settings];
    env[row.env] = Array.isArray(value) ? value.join(',') : String(value);
  }
  // All is resolved: a child must not fill what is empty from a file that the parent did not read.
  env[SETTINGS.configFile.env] = NO_FILE;
  return env;
}
