// Decides how a test gets a REST API with a real registry behind it, in a folder of its own, without a socket.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { pino } from 'pino';
import { createApi } from '../../controlplane/api/api.ts';
import type { ApiServices, ApiSettings } from '../../controlplane/api/route.ts';
import { type ServedApi, serveApi } from '../../controlplane/api/serve.ts';
import type { LedgerBook } from '../../controlplane/ledger/ledger.ts';
import { openRegistry } from '../../controlplane/registry/registry.ts';
import type { Registry, Role } from '../../controlplane/registry/types.ts';
import type { Discovered } from '../../core/catalog/catalog.ts';
import { parseNetworks } from '../../core/catalog/networks.ts';
import { catalogIn, openTestLedger } from './api-ledger.ts';

export const OPERATOR_TOKEN = `chop_${'a'.repeat(43)}`;
/** When every world begins. */
export const START_MS = Date.UTC(2026, 0, 2);

export interface ApiWorld {
  readonly registry: Registry;
  readonly ledger: LedgerBook;
  readonly app: Hono;
  /** Revisions that the API asked to publish. */
  readonly published: readonly number[];
  /** The clock, which stands unless a test moves it. */
  readonly clock: { nowMs: number };
  ask(method: string, path: string, request?: Ask): Promise<Asked>;
  /** An API key of use admin. */
  keyOf(role: Role, subject?: string): Promise<string>;
  /** The same API on a socket of its own. */
  serve(): Promise<ServedApi>;
  close(): Promise<void>;
}

export interface Ask {
  /** A text is sent as it is. */
  readonly body?: unknown;
  /** undefined takes a header away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Instead of the operator token. */
  readonly as?: string;
}

export interface Asked {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed, where it is JSON; else the text. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

type WorldOptions = Partial<Omit<ApiServices, 'settings' | 'registry'>> & { readonly settings?: Partial<ApiSettings> };

const SETTINGS: ApiSettings = {
  apiHost: 'api.internal',
  apiPort: 8080,
  publicUrl: 'http://127.0.0.1:10000',
  registryAnonymous: false,
  registryNamespace: '',
  adminIssuer: '',
  adminAudience: 'chancery-api',
  adminRolesClaim: 'roles',
  adminGroupsClaim: 'groups',
};

export async function openApiWorld({ settings = {}, ...services }: WorldOptions = {}): Promise<ApiWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'chy-api-'));
  const clock = { nowMs: START_MS };
  const now = (): number => clock.nowMs;
  const log = pino({ level: 'silent' });
  const networks = parseNetworks(['loopback', 'public']);
  if ('problem' in networks) throw new Error(networks.problem);
  const registry = await openRegistry(join(folder, 'registry.db'), {
    now,
    log,
    constraints: {
      host: '127.0.0.1',
      runDir: '/run/chancery',
      networks,
      own: { host: '127.0.0.1', port: 10_000, authority: '127.0.0.1:10000' },
    },
    registryKey: Buffer.alloc(32, 7),
  });
  const published: number[] = [];
  const place = { ...SETTINGS, ...settings };
  const ledger = await openTestLedger(registry, now, log, ['forget-customers']);
  const app = createApi({
    registry,
    ledger,
    catalog: catalogIn(place.publicUrl),
    settings: place,
    operatorToken: OPERATOR_TOKEN,
    now,
    nodes: () => [],
    missing: () => [],
    onChange: (revision) => published.push(revision),
    preview: () => [],
    warnings: () => [],
    metrics: async () => '',
    log,
    ...services,
  });
  return {
    registry,
    ledger,
    app,
    published,
    clock,
    ask: (method, path, request) => ask(app, method, path, request),
    async keyOf(role, subject = role) {
      const roles = { use: 'admin', roles: [role], surfaces: [] } as const;
      const rest = { description: '', subject, groups: [], scopes: [], expiresAtMs: clock.nowMs + 1_000_000 };
      return (await registry.createKey({ ...roles, ...rest }, { who: 'test', why: '' })).key;
    },
    async serve() {
      const served = await serveApi(app, '127.0.0.1', 0);
      place.apiPort = served.port;
      return served;
    },
    async close() {
      await registry.close().catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ask(app: Hono, method: string, path: string, { body, headers = {}, as }: Ask = {}): Promise<Asked> {
  const all = {
    host: '127.0.0.1:8080',
    authorization: `Bearer ${as ?? OPERATOR_TOKEN}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const response = await app.request(`http://127.0.0.1:8080${path}`, {
    method,
    headers: Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ...(sent === undefined ? {} : { body: sent }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const parsed = type.includes('json') ? JSON.parse(text || 'null') : text;
  return { status: response.status, type, headers: response.headers, text, body: parsed };
}

const NOTHING = { bare: [], full: [] };

/** What discovery might have read of a server with these tools. */
export function discoveredTools(...tools: string[]): Discovered {
  const listed = tools.map((name) => ({ name }));
  return {
    hash: `hash of ${tools.join()}`,
    protocolVersion: '2025-11-25',
    serverInfo: {},
    capabilities: {},
    tools: { bare: listed, full: listed },
    prompts: NOTHING,
    resources: NOTHING,
    resourceTemplates: NOTHING,
  };
}
