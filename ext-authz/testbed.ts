// Decides the small world in which ext-authz is tested: one catalog, one issuer, a client that speaks as Envoy does.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { pino } from 'pino';
import type { Catalog, CatalogSurface } from '../core/catalog/catalog.ts';
import { AUTHZ_BODY, AUTHZ_SURFACE, AUTHZ_TRANSLATED, EXT_AUTHZ_METHOD } from '../core/contract.ts';
import { createVerifier } from '../core/identity/verify.ts';
import type { JsonObject } from '../core/json.ts';
import type { DecisionRecord } from '../core/ledger-client/decision-record.ts';
import { ALLOW_ALL, catalogOf, listed, NOW_MS, readAs, surfaceOf } from '../test/support/catalog-world.ts';
import { type FakeLedger, fakeLedger } from '../test/support/fake-ledger.ts';
import { encodeCheckRequest } from './check-request.ts';
import { type CheckResponse, decodeCheckResponse } from './check-response.ts';
import { createService } from './service.ts';

export { NOW_MS } from '../test/support/catalog-world.ts';
export const ISSUER = 'http://127.0.0.1:10000';
export const BODY_BYTES_MAX = 4096;
const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), kid: 'k1' } as JsonObject;

export const tokenFor = async (surface: string, over: JsonObject = {}): Promise<string> => {
  const claims = { iss: ISSUER, aud: `${ISSUER}${surface}`, sub: 'alice', exp: NOW_MS / 1000 + 60, ...over };
  return `Bearer ${await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)}`;
};
export const ALICE = await tokenFor('/mcp');

const serverOf = (name: string, tools: readonly string[]) =>
  readAs(name, tools, { prompts: listed({ name: 'summary' }), resources: listed({ uri: `${name}://one` }) });
const surface = (name: string, servers: readonly string[], over: Partial<CatalogSurface> = {}): CatalogSurface =>
  surfaceOf(name, servers, { decision: 'ext_authz', ...over }, ISSUER);
export const CATALOG: Catalog = catalogOf({
  revision: 12,
  servers: [serverOf('memory', ['read_graph', 'delete_entities']), serverOf('files', ['read'])],
  surfaces: [
    surface('default', ['memory', 'files']),
    surface('open', ['memory'], { auth: 'none' }),
    surface('plain', ['memory', 'files'], { decision: 'ext_proc' }),
  ],
  policies: [
    {
      ...ALLOW_ALL,
      rules: [
        { id: 'all', effect: 'allow', tools: ['*'], prompts: ['memory/*'], resources: ['memory/*'] },
        { id: 'keep', effect: 'deny', tools: ['memory/delete_*'], reason: 'the memory is kept' },
      ],
    },
  ],
  issuers: [{ name: 'local', issuer: ISSUER, algorithms: ['ES256'], jwks: { keys: [jwk] } }],
});

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  /** null: none. Absent: a good one for the default surface. */
  readonly authorization?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
  /** The body in the field for text, as without `pack_as_bytes`. */
  readonly textBody?: string;
  /** As our own route says it. */
  readonly translated?: boolean;
  /** As the route of somebody else's Envoy names it. */
  readonly surface?: string;
  /** It says so too that bodies stay there. */
  readonly bodyless?: boolean;
  readonly address?: string;
}

export interface Testbed {
  readonly socket: string;
  /** What the service logged. */
  readonly lines: Record<string, unknown>[];
  readonly ledger: FakeLedger;
  readonly recorded: readonly DecisionRecord[];
  catalog: () => Catalog | null;
  ask(asked: Asked): Promise<CheckResponse>;
  callRaw(bytes: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

/** A service on a socket of its own; decisions are named d1, d2, … */
export async function openTestbed(): Promise<Testbed> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-authz-'));
  const socket = join(folder, 's.sock');
  const lines: Record<string, unknown>[] = [];
  let decisions = 0;
  const ledger = fakeLedger();
  const recorded: DecisionRecord[] = [];
  const service = createService({
    catalog: () => bed.catalog(),
    verifier: createVerifier({ now: () => NOW_MS }),
    bodyBytesMax: BODY_BYTES_MAX,
    log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    ledger,
    recorded: (record) => void recorded.push(record),
    newDecisionId: () => `d${++decisions}`,
    now: () => NOW_MS,
  });
  await service.listen(socket);
  const client = new Client(`unix:${socket}`, credentials.createInsecure());
  const callRaw = (bytes: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const same = (value: Buffer): Buffer => value;
      const options = { deadline: Date.now() + 5_000 };
      client.makeUnaryRequest(EXT_AUTHZ_METHOD, same, same, bytes, options, (error, value) => {
        if (error !== null || value === undefined) reject(error ?? new Error('no answer'));
        else resolve(value);
      });
    });
  const bed: Testbed = {
    socket,
    lines,
    ledger,
    recorded,
    catalog: () => CATALOG,
    callRaw,
    ask: async (asked) => decodeCheckResponse(await callRaw(requestOf(asked))),
    async close() {
      client.close();
      await service.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return bed;
}

function requestOf({
  method = 'POST',
  path = '/mcp',
  authorization = ALICE,
  headers = {},
  body,
  textBody,
  translated = true,
  surface,
  bodyless = false,
  address,
}: Asked): Buffer {
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  return encodeCheckRequest(
    {
      method,
      path,
      headers: { ...(authorization === null ? {} : { authorization }), ...headers },
      ...(text === undefined ? {} : { rawBody: Buffer.from(text) }),
      ...(textBody === undefined ? {} : { body: textBody }),
    },
    {
      ...(translated && { [AUTHZ_TRANSLATED]: 'true' }),
      ...(surface !== undefined && { [AUTHZ_SURFACE]: surface }),
      ...(bodyless && { [AUTHZ_BODY]: 'none' }),
    },
    address,
  );
}

export const rpc = (method: string, params?: object, id: unknown = 7): object => ({
  jsonrpc: '2.0',
  id,
  method,
  ...(params === undefined ? {} : { params }),
});
export const call = (name: string, id?: unknown): object => rpc('tools/call', { name, arguments: {} }, id);

/** The metadata of an answer that allows. @throws Error when it does not. */
export function metadataOf(response: CheckResponse): Record<string, string> {
  const { status, okResponse, deniedResponse, dynamicMetadata } = response;
  if (status.code !== 0 || okResponse === undefined || deniedResponse !== undefined) {
    throw new Error(`an allow was expected, found ${JSON.stringify(response)}`);
  }
  return Object.fromEntries(
    Object.entries(dynamicMetadata?.fields ?? {}).map(([key, value]) => [key, value.stringValue]),
  );
}

export interface Denial {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a caller gets by an answer that refuses. @throws Error when it does not. */
export function denialOf(response: CheckResponse): Denial {
  const { status, okResponse, deniedResponse: denied } = response;
  if (status.code === 0 || okResponse !== undefined || denied === undefined) {
    throw new Error(`a refusal was expected, found ${JSON.stringify(response)}`);
  }
  const headers = Object.fromEntries((denied.headers ?? []).map(({ header }) => [header.key, header.value]));
  return { status: denied.status.code, body: denied.body ?? '', headers };
}
