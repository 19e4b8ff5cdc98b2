// Decides the small world in which ext-proc is tested: one catalog, tokens that are words, backends that answer from a function.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { Catalog, CatalogServer, CatalogSurface, Listed } from '../../core/catalog/catalog.ts';
import type { Asker } from '../../core/catalog/govern.ts';
import type { Identity } from '../../core/identity/verify.ts';
import type { EgressAnswer, EgressRequest } from '../../core/mcp/egress.ts';
import { type Message, parseMessage } from '../../core/mcp/message.ts';
import type { Policy, Principal } from '../../core/policy/types.ts';
import { createSideTable } from '../../core/session/side-table.ts';
import { createSessionCodec } from '../../core/session/token.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Admitted } from '../../ext-proc/admit.ts';
import type { Caller, SessionCall } from '../../ext-proc/call.ts';
import type { Gateway } from '../../ext-proc/gateway.ts';
import { createStreamTable } from '../../ext-proc/streams/table.ts';
import { createTombstones } from '../../ext-proc/tombstones.ts';

export const NOW_MS = 1_800_000_000_000;
export const ISSUER = 'http://issuer.test';
export const principalOf = (subject: string, over: Partial<Principal> = {}): Principal => ({
  issuer: ISSUER,
  subject,
  groups: [],
  scopes: [],
  expiresAtMs: NOW_MS + 3_600_000,
  ...over,
});

export const listed = (...items: Listed[]) => ({ bare: items, full: items });
export function serverOf(name: string, tools: readonly string[], over: Partial<CatalogServer> = {}): CatalogServer {
  return {
    name,
    version: '1',
    labels: {},
    cluster: `mcp.${name}.1`,
    path: '/mcp',
    affinity: false,
    discovered: {
      hash: '00',
      protocolVersion: '2025-11-25',
      serverInfo: { name: `${name}-server`, version: '9' },
      capabilities: { tools: {}, ...(name === 'files' ? { prompts: {}, resources: {} } : {}) },
      tools: listed(...tools.map((tool) => ({ name: tool, inputSchema: { type: 'object' } }))),
      prompts: listed(...(name === 'files' ? [{ name: 'summary' }] : [])),
      resources: listed(...(name === 'files' ? [{ uri: 'file:///a.txt', name: 'a' }] : [])),
      resourceTemplates: listed(...(name === 'files' ? [{ uriTemplate: 'file:///docs/{path}', name: 'docs' }] : [])),
    },
    ...over,
  };
}
export const memberOf = (server: string, over: object = {}) => ({
  server,
  tools: ['*'],
  prompts: ['*'],
  resources: ['*'],
  ...over,
});
export function surfaceOf(
  name: string,
  servers: readonly string[],
  over: Partial<CatalogSurface> = {},
): CatalogSurface {
  const path = name === 'default' ? '/mcp' : `/mcp/${name}`;
  return {
    name,
    path,
    url: `http://gateway.test${path}`,
    auth: 'token',
    decision: 'ext_proc',
    members: servers.map((server) => memberOf(server)),
    ...over,
  };
}
export const ALLOW_ALL: Policy = {
  name: 'base',
  version: 'tbac/v1',
  surfaces: ['*'],
  rules: [
    { id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] },
    { id: 'keep', effect: 'deny', tools: ['memory/delete_*'], reason: 'the memory is kept' },
  ],
};
export interface CatalogParts {
  readonly revision?: number;
  readonly servers?: readonly CatalogServer[];
  readonly surfaces?: readonly CatalogSurface[];
  readonly policies?: readonly Policy[];
}
const byName = <T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.map((item) => [item.name, item]));
export function catalogOf({ revision = 7, servers, surfaces, policies }: CatalogParts = {}): Catalog {
  return {
    revision,
    servers: byName(servers ?? [serverOf('memory', ['read_graph', 'delete_entities']), serverOf('files', ['read'])]),
    surfaces: byName(
      surfaces ?? [
        surfaceOf('default', ['memory', 'files']),
        surfaceOf('one', ['memory']),
        surfaceOf('open', ['memory'], { auth: 'none' }),
        surfaceOf('judged', ['memory', 'files'], { decision: 'ext_authz' }),
      ],
    ),
    policies: byName(policies ?? [ALLOW_ALL]),
    issuers: new Map(),
    sessionKeys: [],
  };
}

/** A JSON-RPC result, as a backend's answer. */
export const answered = (result: object, sessionId = ''): EgressAnswer => ({
  ok: true,
  status: 200,
  sessionId,
  message: { jsonrpc: '2.0', id: 1, result } as never,
});
export const unreachable: EgressAnswer = { ok: false, status: 503, why: 'status', detail: 'HTTP 503' };

/** What a well-behaved backend says; sessions are `<cluster>#1`, `#2`, … */
export function goodBackend(): (request: EgressRequest) => EgressAnswer {
  let opened = 0;
  return ({ cluster, body }) => {
    if (body?.includes('"method":"initialize"') !== true)
      return { ok: true, status: 202, sessionId: '', message: null };
    opened++;
    return answered({ protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} }, `${cluster}#${opened}`);
  };
}

export interface World {
  readonly gateway: Gateway;
  /** What was sent to backends, in order. */
  readonly sent: EgressRequest[];
  readonly logged: { readonly level: number; readonly msg: string; readonly [member: string]: unknown }[];
  readonly reported: { readonly tokenId: string; readonly expiresAtMs: number }[];
  catalog: Catalog | null;
  nowMs: number;
  backend: (request: EgressRequest) => EgressAnswer | Promise<EgressAnswer>;
  /** Resolves with what was sent, once there is as much. */
  sending(count: number): Promise<readonly EgressRequest[]>;
  /** A sealed token of alice's on the default surface. */
  token(over?: Partial<SessionState>): string;
  close(): void;
}

export function worldOf(over: Partial<Gateway> = {}): World {
  const logged: World['logged'] = [];
  const sent: EgressRequest[] = [];
  const reported: World['reported'] = [];
  let wake = (): void => {};
  const now = (): number => world.nowMs;
  const sessions = createSessionCodec([{ kid: 'k1', key: Buffer.alloc(32, 7).toString('base64url'), active: true }], {
    now,
    randomBytes,
  });
  const streams = createStreamTable({ now });
  const gateway: Gateway = {
    catalog: () => world.catalog,
    sessions: () => sessions,
    bodyBytesMax: 4096,
    // `Bearer alice` is alice.
    verifier: {
      verify: ({ authorization }): Identity => {
        const subject = /^Bearer ([a-z]+)$/.exec(authorization ?? '')?.[1];
        if (subject === undefined)
          return { ok: false, reason: authorization === undefined ? 'missing' : 'bad_signature' };
        return { ok: true, principal: principalOf(subject) };
      },
    },
    side: createSideTable({ now }),
    tombstones: createTombstones({ pushed: () => new Set(), report: (tombstone) => reported.push(tombstone) }),
    egress: {
      async send(request) {
        sent.push(request);
        wake();
        return world.backend(request);
      },
      close() {},
    },
    streams,
    log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    now,
    newDecisionId: () => 'd1',
    ...over,
  };
  const world: World = {
    gateway,
    sent,
    logged,
    reported,
    catalog: catalogOf(),
    nowMs: NOW_MS,
    backend: goodBackend(),
    sending: (count) =>
      new Promise((resolve) => {
        wake = () => {
          if (sent.length >= count) resolve(sent);
        };
        wake();
      }),
    token: (state = {}) => sessions.seal(stateOf(state)).token,
    close: () => streams.close(),
  };
  return world;
}

export const TOKEN_ID = Buffer.alloc(16, 1).toString('base64url');
export function stateOf(over: Partial<SessionState> = {}): SessionState {
  return {
    tokenId: TOKEN_ID,
    surface: 'default',
    issuer: ISSUER,
    subject: 'alice',
    protocolVersion: '2025-11-25',
    clientCapabilities: {},
    clientInfo: { name: 'c', version: '1' },
    issuedAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 3_600_000,
    backends: [
      { server: 'memory', version: '1', sessionId: 'memory-session' },
      { server: 'files', version: '1', sessionId: 'files-session' },
    ],
    ...over,
  };
}

export function callerOf(
  world: World,
  over: Partial<Admitted> & { readonly surfaceName?: string; readonly subject?: string } = {},
): Caller {
  const { surfaceName = 'default', subject = 'alice', ...more } = over;
  const catalog = world.catalog!;
  const surface = catalog.surfaces.get(surfaceName)!;
  const admitted: Admitted = {
    ok: true,
    catalog,
    surface,
    want: 'post',
    sessionToken: '',
    protocolVersion: '',
    ...more,
  };
  return { gateway: world.gateway, admitted, catalog, surface, principal: principalOf(subject), decisionId: 'd1' };
}
export const askerOf = (catalog: Catalog, surface = 'default', principal = principalOf('alice')): Asker => ({
  catalog,
  surface: catalog.surfaces.get(surface)!,
  principal,
  decisionId: 'd1',
});

export function messageOf(value: object | string): Message {
  const parsed = parseMessage(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  if (!parsed.ok) throw new Error(`${parsed.code}: ${parsed.detail}`);
  return parsed.message;
}
export const request = (method: string, params: object = {}, id: string | number = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});
export function sessionCallOf(world: World, message: Message, over: Partial<SessionState> = {}): SessionCall {
  const session = stateOf(over);
  return { ...callerOf(world), message, session, token: world.token(over) };
}
