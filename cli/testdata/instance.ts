// Decides what the tests of commands run against: a home folder, and the REST API over a registry in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createApi } from '../../controlplane/api/api.ts';
import type { ApiServices } from '../../controlplane/api/route.ts';
import { serveApi } from '../../controlplane/api/serve.ts';
import { openKeys } from '../../controlplane/keys/keys.ts';
import type { LedgerBook } from '../../controlplane/ledger/ledger.ts';
import { openRegistry, type Registry } from '../../controlplane/registry/registry.ts';
import { CONSTRAINTS } from '../../controlplane/registry/testdata/open.ts';
import { ROOT_DIR } from '../../core/runtime/process.ts';
import { resolveSettings } from '../../core/runtime/settings.ts';
import { catalogIn, openTestLedger } from '../../test/support/api-ledger.ts';
import type { CliContext, Command } from '../context.ts';

export const NOW_MS = Date.parse('2026-11-21T12:00:00Z');
const PUBLIC_URL = 'http://127.0.0.1:10000';

export interface Called {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface CallOptions {
  readonly stdin?: string;
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  readonly readHidden?: (prompt: string) => Promise<string | null>;
}

export interface Instance {
  readonly folder: string;
  readonly home: string;
  readonly registry: Registry;
  readonly ledger: LedgerBook;
  readonly port: number;
  call(command: Command, args: readonly string[], options?: CallOptions): Promise<Called>;
  /** Writes a file into the folder; its name. */
  write(name: string, ...lines: readonly string[]): string;
  stopApi(): Promise<void>;
  close(): Promise<void>;
}

/** `services` replaces what lies behind the REST API beside the registry. */
export async function openInstance(services: Partial<ApiServices> = {}): Promise<Instance> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-cli-'));
  const home = join(folder, 'home');
  const log = pino({ level: 'silent' });
  const { operatorToken, registryKey } = openKeys(home, { publicUrl: PUBLIC_URL });
  const registry = await openRegistry(join(home, 'registry.db'), {
    now: () => NOW_MS,
    log,
    constraints: CONSTRAINTS,
    registryKey,
  });
  const settings = { ...resolveSettings({ config: '/dev/null' }, {}, folder), apiPort: 0 };
  const ledger = await openTestLedger(registry, () => NOW_MS, log);
  const api = createApi({
    registry,
    ledger,
    catalog: catalogIn(PUBLIC_URL),
    settings,
    operatorToken,
    now: () => NOW_MS,
    nodes: () => [],
    missing: () => [],
    onChange: () => {},
    preview: () => [],
    warnings: () => [],
    metrics: async () => '',
    log,
    ...services,
  });
  const served = await serveApi(api, '127.0.0.1', 0);
  settings.apiPort = served.port;
  let stopped: Promise<void> | undefined;
  const stopApi = (): Promise<void> => {
    stopped ??= served.close();
    return stopped;
  };
  return {
    folder,
    home,
    registry,
    ledger,
    port: served.port,
    call: (command, args, options = {}) =>
      callIn(folder, { home, 'api-port': String(served.port) }, command, args, options),
    write(name, ...lines) {
      writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
      return name;
    },
    stopApi,
    async close() {
      await stopApi();
      await registry.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a command as the command line would, with its output kept. */
export async function callIn(
  cwd: string,
  flags: Readonly<Record<string, string>>,
  command: Command,
  args: readonly string[],
  options: CallOptions = {},
): Promise<Called> {
  let out = '';
  let err = '';
  const context: CliContext = {
    settings: resolveSettings({ ...flags, ...options.flags }, {}, cwd),
    rootDir: ROOT_DIR,
    cwd,
    env: options.env ?? {},
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    nowMs: () => NOW_MS,
    stdin: (async function* () {
      yield options.stdin ?? '';
    })(),
    outIsTerminal: options.terminal ?? false,
    ...(options.readHidden && { readHidden: options.readHidden }),
  };
  const status = await command(args, context);
  return { status, out, err };
}

export const SERVER = [
  'kind: Server',
  'name: a',
  'versions:',
  '  - version: "1"',
  '    endpoints:',
  '      - url: http://127.0.0.1:3001/mcp',
];
export const SURFACE = ['kind: Surface', 'name: s', 'servers:', '  - server: a'];
