// Decides every setting: its environment variable, flag, unit, default and meaning, in one table that the docs repeat.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { LIMITS } from '../limits.ts';

interface SettingRow {
  readonly env: string;
  /** Name of the flag without dashes, which is also the key in the settings file. */
  readonly flag: string;
  readonly type: 'string' | 'port' | 'count' | 'bytes' | 'list' | 'yes or no';
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
  tlsCert: {
    env: 'CHANCERY_TLS_CERT',
    flag: 'tls-cert',
    type: 'string',
    fallback: '',
    doc: 'PEM file of the certificate (and its chain) that the gateway shows to agents. Empty: it speaks plain HTTP.',
  },
  tlsKey: {
    env: 'CHANCERY_TLS_KEY',
    flag: 'tls-key',
    type: 'string',
    fallback: '',
    doc: 'PEM file of the key of that certificate.',
  },
  clientCa: {
    env: 'CHANCERY_CLIENT_CA',
    flag: 'client-ca',
    type: 'string',
    fallback: '',
    doc: "PEM file of the authorities that vouch for agents' certificates. Empty: none is asked for.",
  },
  clientCertificate: {
    env: 'CHANCERY_CLIENT_CERTIFICATE',
    flag: 'client-certificate',
    type: 'string',
    fallback: 'optional',
    doc: 'With `client-ca`: `required` ends every connection without a certificate, `optional` leaves that to each surface.',
  },
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
  adsTlsCert: {
    env: 'CHANCERY_ADS_TLS_CERT',
    flag: 'ads-tls-cert',
    type: 'string',
    fallback: '',
    doc: 'PEM file of the certificate that ADS shows on TCP. Empty: plain TCP, on which no key or secret is served.',
  },
  adsTlsKey: {
    env: 'CHANCERY_ADS_TLS_KEY',
    flag: 'ads-tls-key',
    type: 'string',
    fallback: '',
    doc: 'PEM file of the key of that certificate.',
  },
  adsTlsClientCa: {
    env: 'CHANCERY_ADS_TLS_CLIENT_CA',
    flag: 'ads-tls-client-ca',
    type: 'string',
    fallback: '',
    doc: "PEM file of the authorities of the clients' certificates, which fix their node id and group. Needed beside a certificate.",
  },
  adsAddress: {
    env: 'CHANCERY_ADS_ADDRESS',
    flag: 'ads-address',
    type: 'string',
    fallback: '',
    doc: 'HOST:PORT of a control plane on another host, for ext-proc, ext-authz and the bridge. Empty: the Unix socket in the run directory.',
  },
  adsClientCert: {
    env: 'CHANCERY_ADS_CLIENT_CERT',
    flag: 'ads-client-cert',
    type: 'string',
    fallback: '',
    doc: 'PEM file of the certificate that this service shows to the control plane. Needed beside an ADS address.',
  },
  adsClientKey: {
    env: 'CHANCERY_ADS_CLIENT_KEY',
    flag: 'ads-client-key',
    type: 'string',
    fallback: '',
    doc: 'PEM file of the key of that certificate.',
  },
  adsCa: {
    env: 'CHANCERY_ADS_CA',
    flag: 'ads-ca',
    type: 'string',
    fallback: '',
    doc: "PEM file of the authorities of the control plane's certificate.",
  },
  instances: {
    env: 'CHANCERY_INSTANCES',
    flag: 'instances',
    type: 'count',
    fallback: '1',
    doc: 'How many ext-proc run on this host; Envoy takes them in turn.',
  },
  instance: {
    env: 'CHANCERY_INSTANCE',
    flag: 'instance',
    type: 'count',
    fallback: '1',
    doc: 'Which of them this ext-proc is. The supervisor sets it.',
  },
  instanceAddress: {
    env: 'CHANCERY_INSTANCE_ADDRESS',
    flag: 'instance-address',
    type: 'string',
    fallback: '',
    doc: 'HOST:PORT on which this ext-proc listens, with the certificate for ADS, to ext-proc of other hosts. Empty: a Unix socket in the run directory.',
  },
  instanceCa: {
    env: 'CHANCERY_INSTANCE_CA',
    flag: 'instance-ca',
    type: 'string',
    fallback: '',
    doc: "PEM file of the authorities of the other ext-proc's certificates. Needed beside an instance address.",
  },
  endpointNetworks: {
    env: 'CHANCERY_ENDPOINT_NETWORKS',
    flag: 'endpoint-networks',
    type: 'list',
    fallback: 'loopback,public',
    doc: 'Networks in which endpoints of servers may lie, comma separated: `public`, `loopback`, `private`, `link-local`, or CIDR ranges. Everything else is refused.',
  },
  adminIssuer: {
    env: 'CHANCERY_ADMIN_ISSUER',
    flag: 'admin-issuer',
    type: 'string',
    fallback: '',
    doc: 'OpenID Connect issuer whose tokens the REST API accepts. Empty: only the operator token and API keys.',
  },
  adminAudience: {
    env: 'CHANCERY_ADMIN_AUDIENCE',
    flag: 'admin-audience',
    type: 'string',
    fallback: 'chancery-api',
    doc: 'Audience that such a token must name.',
  },
  adminGroupsClaim: {
    env: 'CHANCERY_ADMIN_GROUPS_CLAIM',
    flag: 'admin-groups-claim',
    type: 'string',
    fallback: 'groups',
    doc: 'Claim of such a token that lists groups: a rule may name those whose members approve calls.',
  },
  adminRolesClaim: {
    env: 'CHANCERY_ADMIN_ROLES_CLAIM',
    flag: 'admin-roles-claim',
    type: 'string',
    fallback: 'roles',
    doc: 'Claim of such a token that lists the roles: viewer, operator, approver, security, admin.',
  },
  registryAnonymous: {
    env: 'CHANCERY_REGISTRY_ANONYMOUS',
    flag: 'registry-anonymous',
    type: 'yes or no',
    fallback: 'no',
    doc: 'Whether `/v0.1/servers`, the official registry API, is readable without a token (some clients send none).',
  },
  registryNamespace: {
    env: 'CHANCERY_REGISTRY_NAMESPACE',
    flag: 'registry-namespace',
    type: 'string',
    fallback: '',
    doc: "Namespace of the servers' names there, e.g. `com.example`. Empty: the public URL's host, reversed.",
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
  /** Paths of PEM files, absolute; '' for none. All three or none. */
  readonly adsTlsCert: string;
  readonly adsTlsKey: string;
  readonly adsTlsClientCa: string;
  /** `HOST:PORT`; '' for the Unix socket. The three files beside it are then given. */
  readonly adsAddress: string;
  readonly adsClientCert: string;
  readonly adsClientKey: string;
  readonly adsCa: string;
  /** ext-proc of this host, and which of them this is, from 1. */
  readonly instances: number;
  readonly instance: number;
  /** `HOST:PORT`; '' for a Unix socket. The authorities, and the certificate for ADS, are then given. */
  readonly instanceAddress: string;
  readonly instanceCa: string;
  /** Absolute; '' for none. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly clientCa: string;
  readonly clientCertificate: 'optional' | 'required';
  readonly endpointNetworks: readonly string[];
  /** Without a trailing slash; '' for none. */
  readonly adminIssuer: string;
  readonly adminAudience: string;
  readonly adminGroupsClaim: string;
  readonly adminRolesClaim: string;
  readonly registryAnonymous: boolean;
  readonly registryNamespace: string;
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

const YES_OR_NO: Readonly<Record<string, boolean>> = {
  yes: true,
  true: true,
  1: true,
  no: false,
  false: false,
  0: false,
};
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
  const scheme = raw.tlsCert === '' ? 'http' : 'https';
  const written = raw.publicUrl === '' ? `${scheme}://127.0.0.1:${port}` : raw.publicUrl;
  // Without user, which would be shown to every client, and in the one spelling that clients compare.
  if (!URL.canParse(written) || !/^https?:\/\/[^/?#@\s]+\/*$/i.test(written)) {
    throw new SettingError(`${sources.publicUrl}: "${raw.publicUrl}" is not an http(s) URL without path`);
  }
  const publicUrl = new URL(written).origin;
  const list = (name: SettingName): string[] =>
    raw[name]
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  const yes = (name: SettingName): boolean => {
    const found = YES_OR_NO[raw[name].toLowerCase()];
    if (found === undefined) throw new SettingError(`${sources[name]}: "${raw[name]}" is not yes or no`);
    return found;
  };
  /** Files that are of no use one without the other, as absolute paths. */
  const together = <Name extends SettingName>(names: readonly Name[]): Record<Name, string> => {
    const missing = names.find((name) => raw[name] === '');
    const given = names.find((name) => raw[name] !== '');
    if (missing !== undefined && given !== undefined) {
      throw new SettingError(`${sources[given]}: ${SETTINGS[given].env} needs ${SETTINGS[missing].env} beside it`);
    }
    return Object.fromEntries(names.map((name) => [name, raw[name] === '' ? '' : resolve(cwd, raw[name])])) as Record<
      Name,
      string
    >;
  };
  const hostAndPort = (name: 'adsAddress' | 'instanceAddress'): void => {
    if (/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(raw[name])) return;
    throw new SettingError(`${sources[name]}: "${raw[name]}" is not HOST:PORT`);
  };
  const instanceAddress = (): string => {
    const found = raw.instanceAddress;
    if (found === '') return '';
    hostAndPort('instanceAddress');
    const missing = (['adsClientCert', 'instanceCa'] as const).find((name) => raw[name] === '');
    if (missing !== undefined) {
      throw new SettingError(`${sources.instanceAddress}: an instance on TCP needs ${SETTINGS[missing].env} beside it`);
    }
    return found;
  };
  const clientCertificate = (): 'optional' | 'required' => {
    const found = raw.clientCertificate;
    if (found !== 'optional' && found !== 'required')
      throw new SettingError(`${sources.clientCertificate}: "${found}" is not optional or required`);
    if (raw.clientCa !== '' && raw.tlsCert === '')
      throw new SettingError(`${sources.clientCa}: ${SETTINGS.clientCa.env} needs ${SETTINGS.tlsCert.env} beside it`);
    return found;
  };
  const adsAddress = (): string => {
    const found = raw.adsAddress;
    if (found === '') return '';
    hostAndPort('adsAddress');
    if (raw.adsClientCert === '') {
      throw new SettingError(
        `${sources.adsAddress}: a control plane on TCP needs ${SETTINGS.adsClientCert.env} beside it`,
      );
    }
    return found;
  };
  const adminIssuer = (): string => {
    const found = raw.adminIssuer.replace(/\/+$/, '');
    if (found === '') return '';
    const url = URL.canParse(found) ? new URL(found) : null;
    // Keys that are fetched in the clear are anybody's, except where nobody is in between.
    if (
      url === null ||
      !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, ''))))
    ) {
      throw new SettingError(`${sources.adminIssuer}: "${raw.adminIssuer}" is not an https URL (http is for loopback)`);
    }
    return found;
  };
  const allowedOrigins = list('allowedOrigins');
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
    ...together(['tlsCert', 'tlsKey']),
    clientCa: raw.clientCa === '' ? '' : resolve(cwd, raw.clientCa),
    clientCertificate: clientCertificate(),
    ...together(['adsTlsCert', 'adsTlsKey', 'adsTlsClientCa']),
    ...together(['adsClientCert', 'adsClientKey', 'adsCa']),
    adsAddress: adsAddress(),
    instances: number('instances', 1, 16),
    instance: number('instance', 1, 16),
    instanceAddress: instanceAddress(),
    instanceCa: raw.instanceCa === '' ? '' : resolve(cwd, raw.instanceCa),
    endpointNetworks: list('endpointNetworks'),
    adminIssuer: adminIssuer(),
    adminAudience: raw.adminAudience,
    adminGroupsClaim: raw.adminGroupsClaim,
    adminRolesClaim: raw.adminRolesClaim,
    registryAnonymous: yes('registryAnonymous'),
    registryNamespace: raw.registryNamespace,
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
