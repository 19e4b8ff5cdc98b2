// Decides the small world in which ext-proc is tested: tokens that are words, backends that answer from a function.
import { hash, randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { Catalog, CatalogApiKey } from '../../core/catalog/catalog.ts';
import type { Identity } from '../../core/identity/verify.ts';
import { createVerifier } from '../../core/identity/verify.ts';
import type { DecisionRecord } from '../../core/ledger-client/decision-record.ts';
import type { EgressAnswer, EgressRequest } from '../../core/mcp/egress.ts';
import { type Message, parseMessage } from '../../core/mcp/message.ts';
import { createHandleCodec } from '../../core/session/handles.ts';
import { createSideTable } from '../../core/session/side-table.ts';
import { createSessionCodec } from '../../core/session/token.ts';
import type { SessionState } from '../../core/session/types.ts';
import type { Admitted } from '../../ext-proc/admit.ts';
import { createBridges } from '../../ext-proc/bridging/bridges.ts';
import type { Caller, SessionCall } from '../../ext-proc/call.ts';
import { createAskedTable } from '../../ext-proc/compose/identifiers.ts';
import { createKnownTasks } from '../../ext-proc/compose/task-ids.ts';
import { createUnderwayTable } from '../../ext-proc/compose/underway.ts';
import type { Gateway } from '../../ext-proc/gateway.ts';
import { createIdentityTokens } from '../../ext-proc/identity-tokens.ts';
import { ALONE } from '../../ext-proc/instances/instances.ts';
import { createLiveTable } from '../../ext-proc/live.ts';
import { createStreamTable } from '../../ext-proc/streams/table.ts';
import { createTombstones } from '../../ext-proc/tombstones.ts';
import { viewOf } from '../../ext-proc/view.ts';
import { apiKeyOf, catalogOf, ISSUER, NOW_MS, principalOf, SITUATION } from './catalog-world.ts';
import { type FakeCalls, fakeCalls } from './fake-calls.ts';
import { type FakeLedger, fakeLedger } from './fake-ledger.ts';

export * from './catalog-world.ts';
export { type FakeCall, fakeCalls } from './fake-calls.ts';

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
  /** Calls whose answers are passed on as they come: the test answers them. */
  readonly calls: FakeCalls;
  readonly logged: { readonly level: number; readonly msg: string; readonly [member: string]: unknown }[];
  readonly reported: { readonly tokenId: string; readonly expiresAtMs: number }[];
  readonly ledger: FakeLedger;
  readonly recorded: DecisionRecord[];
  /** Ids of the API keys that were used. */
  readonly keysUsed: string[];
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
  const keysUsed: string[] = [];
  let wake = (): void => {};
  const now = (): number => world.nowMs;
  const keys = [{ kid: 'k1', key: Buffer.alloc(32, 7).toString('base64url'), active: true }];
  const sessions = createSessionCodec(keys, { now, randomBytes });
  const handles = createHandleCodec(keys, { now, randomBytes });
  const streams = createStreamTable({ now });
  const ledger = fakeLedger();
  const recorded: DecisionRecord[] = [];
  const live = createLiveTable({ now, catalog: () => world.catalog });
  const bridges = createBridges({ now, randomBytes });
  const calls = fakeCalls();
  const verifier = createVerifier({ now });
  const gateway: Gateway = {
    catalog: () => world.catalog,
    sessions: () => sessions,
    handles: () => handles,
    bodyBytesMax: 4096,
    // `Bearer alice` is alice; API keys are what they are.
    verifier: {
      verify: (question): Identity | Promise<Identity> => {
        const { authorization } = question;
        if (authorization?.startsWith('Bearer chk_') === true) return verifier.verify(question);
        const subject = /^Bearer ([a-z]+)$/.exec(authorization ?? '')?.[1];
        if (subject === undefined)
          return { ok: false, reason: authorization === undefined ? 'missing' : 'bad_signature' };
        return { ok: true, principal: principalOf(subject) };
      },
    },
    keyUsed: (id) => void keysUsed.push(id),
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
    calls,
    asked: createAskedTable(),
    tasks: createKnownTasks(),
    underway: createUnderwayTable(),
    bridges,
    instances: ALONE,
    streams,
    live,
    ledger,
    recorded: (record) => void recorded.push(record),
    identityTokens: createIdentityTokens({ now }),
    log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    now,
    newDecisionId: () => 'd1',
    ...over,
  };
  const world: World = {
    gateway,
    sent,
    calls,
    logged,
    reported,
    ledger,
    recorded,
    keysUsed,
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
    close: () => {
      streams.close();
      void bridges.close();
    },
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
  over: Partial<Admitted> & {
    readonly surfaceName?: string;
    readonly subject?: string;
    readonly apiKey?: CatalogApiKey;
  } = {},
): Caller {
  const { surfaceName = 'default', subject = 'alice', apiKey = null, ...more } = over;
  const catalog = world.catalog!;
  const surface = catalog.surfaces.get(surfaceName)!;
  const admitted: Admitted = {
    ok: true,
    catalog,
    surface,
    want: 'post',
    sessionToken: '',
    protocolVersion: '',
    standard: { protocolVersion: undefined, method: undefined, name: undefined },
    paramHeaders: new Map(),
    headers: new Map(),
    lastEventId: '',
    ...more,
  };
  const principal = principalOf(subject);
  return {
    gateway: world.gateway,
    admitted,
    catalog,
    surface,
    principal,
    apiKey,
    decisionId: 'd1',
    situation: SITUATION,
  };
}

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
  const caller = callerOf(world);
  const exposure = viewOf(caller.catalog, caller.surface, session);
  return { ...caller, message, session, exposure, token: world.token(over) };
}

/** An API key, and what its holder sends. */
export function apiKeyIn(world: World, over: Partial<CatalogApiKey> = {}): { key: CatalogApiKey; bearer: string } {
  const text = `chk_${over.id ?? 'k1'}_${'x'.repeat(43)}`;
  const key = apiKeyOf({ sha256: hash('sha256', text, 'hex'), ...over });
  world.catalog = { ...world.catalog!, apiKeys: new Map([...world.catalog!.apiKeys, [key.sha256, key]]) };
  return { key, bearer: `Bearer ${text}` };
}
