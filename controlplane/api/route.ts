// Decides what a route of the REST API is, and what it is given.
import { z } from 'zod';
import type { Catalog } from '../../core/catalog/catalog.ts';
import { lineSchema } from '../../core/catalog/documents/fields.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { Settings } from '../../core/runtime/settings.ts';
import type { EndpointHealth } from '../health.ts';
import type { IssuerStatus } from '../issuers/keyring.ts';
import type { LedgerBook } from '../ledger/ledger.ts';
import type { PreviewedChange } from '../prepare.ts';
import type { Author, Registry, RegistrySnapshot, Role } from '../registry/types.ts';
import type { Actor } from './actor.ts';
import { readJson } from './body.ts';
import { ApiError } from './error.ts';

export type ApiSettings = Pick<
  Settings,
  | 'apiHost'
  | 'apiPort'
  | 'publicUrl'
  | 'registryAnonymous'
  | 'registryNamespace'
  | 'adminIssuer'
  | 'adminAudience'
  | 'adminRolesClaim'
  | 'adminGroupsClaim'
>;

export interface ApiServices {
  readonly registry: Registry;
  /** `apiPort` is read on each request, as a port of 0 is known only later. */
  readonly settings: ApiSettings;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** What calls leave behind: approvals. */
  readonly ledger: Pick<LedgerBook, 'approvals' | 'approval' | 'decide'>;
  /** What a state of the registry means for calls. */
  readonly catalog: (snapshot: RegistrySnapshot) => Catalog;
  /** The xDS clients, those that left too; shown as they are. */
  readonly nodes: () => readonly object[];
  /** What keeps the gateway from serving what the registry holds, a sentence each; empty when nothing does. */
  readonly missing: () => readonly string[];
  /** The registry was written: publish. */
  readonly onChange: (revision: number) => void;
  /** What Envoys would receive if this were published, against what they have now. */
  readonly preview: (snapshot: RegistrySnapshot) => readonly PreviewedChange[];
  /** What its operator should know of a surface in this state of the registry, a sentence each. */
  readonly warnings: (surface: string, snapshot: RegistrySnapshot) => readonly string[];
  /** What its author should know of a policy, likewise. Absent: nothing. */
  readonly policyWarnings?: (policy: string, snapshot: RegistrySnapshot) => readonly string[];
  /** The keys of a declared issuer; null: they are in its document. Absent: nobody asks for them. */
  readonly issuer?: (name: string) => IssuerStatus | null;
  /** How Envoy sees the replicas of a cluster; null when it does not say. */
  readonly health?: (cluster: string) => Promise<readonly EndpointHealth[] | null>;
  /** Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  readonly log: Logger;
}

/** One request, read: everything in it has the shape that its route asks for. */
export interface Call<Query, Body> {
  readonly headers: Headers;
  readonly actor: Actor;
  readonly query: Query;
  readonly body: Body;
  /** A parameter of the path, decoded. */
  readonly param: (name: string) => string;
  /** For the change log: who, and the words of the header `Chancery-Reason`. */
  readonly author: Author;
}

export interface RawCall {
  readonly request: Request;
  readonly actor: Actor;
  readonly param: (name: string) => string;
}

/** An answer, for the documentation. */
export interface Answer {
  readonly doc: string;
  readonly schema?: z.ZodType;
  /** Absent: `application/json` where there is a schema. */
  readonly type?: string;
}

/** A request as somebody would send it; the documentation shows it with its answer, and a test sends it. */
export interface Example {
  readonly title: string;
  /** With parameters and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly status: number;
}

/**
 * `open`: to everybody, as it tells nothing. `registry`: as `['viewer']`, and to everybody where the setting says so.
 * Else any of the roles; `admin` has all of them.
 */
export type Access = 'open' | 'registry' | readonly Role[];

export interface RouteDoc {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** As Hono writes it: `/v1/servers/:name`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** The conditional headers are heeded. */
  readonly conditional?: true;
  /** What the body may be, where the registry reads it and not the route. */
  readonly bodyDoc?: z.ZodType;
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  readonly examples: readonly Example[];
}

interface RouteRow<Query, Body> extends RouteDoc {
  /** A strict object, so that a parameter that is misspelt (`dryrun=true`) is not one that is left out. */
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  readonly handle: (call: Call<Query, Body>, services: ApiServices) => Promise<Response>;
}

export interface Route extends RouteDoc {
  readonly query: z.ZodType;
  readonly body: z.ZodType | null;
  readonly handle: (call: RawCall, services: ApiServices) => Promise<Response>;
}

const NO_QUERY = z.strictObject({});

/** A row of the table, whose `handle` gets what was sent only when it fits `query` and `body`. */
export function route<Query = unknown, Body = unknown>(row: RouteRow<Query, Body>): Route {
  const query = row.query ?? (NO_QUERY as unknown as z.ZodType<Query>);
  return {
    ...row,
    query,
    body: row.bodyDoc ?? row.body ?? null,
    async handle({ request, actor, param }, services) {
      const why = reasonIn(request.headers);
      const asked = read(query, queryOf(request), 'the parameter');
      const body = row.body === undefined ? (undefined as Body) : read(row.body, await readJson(request), 'the body');
      const author = { who: actor.who, why };
      return row.handle({ headers: request.headers, actor, query: asked, body, param, author }, services);
    },
  };
}

/** A parameter that comes more than once is a list. */
function queryOf(request: Request): Readonly<Record<string, string | string[]>> {
  const { searchParams } = new URL(request.url);
  const entries = [...new Set(searchParams.keys())].map((name): [string, string | string[]] => {
    const all = searchParams.getAll(name);
    return [name, all.length === 1 ? (all[0] ?? '') : all];
  });
  return Object.fromEntries(entries);
}

function read<Shape>(schema: z.ZodType<Shape>, value: unknown, what: string): Shape {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new ApiError('invalid_request', {
    detail: `${what}${path === '' ? '' : ` ${JSON.stringify(path.slice(0, LIMITS.echoedCharsMax))}`}: ${issue?.message ?? ''}`,
  });
}

/** In the writer's own words; the change log keeps it. */
export const reasonSchema = lineSchema(1024);

export const REASON_HEADER = 'chancery-reason';

function reasonIn(headers: Headers): string {
  const found = headers.get(REASON_HEADER);
  if (found === null) return '';
  // A header's bytes arrive as one character each; what is not UTF-8 stays as it came.
  const bytes = Buffer.from(found, 'latin1');
  const text = Buffer.from(bytes.toString('utf8')).equals(bytes) ? bytes.toString('utf8') : found;
  return read(reasonSchema, text, `the header ${REASON_HEADER}`);
}

/** `?dryRun=true`: nothing is written, the answer says what would be. */
export const dryRunParameter = {
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('Write nothing; the answer says what would change, here and at the Envoys.'),
};

/** The revision that an answer is of. */
export const REVISION_HEADER = 'chancery-revision';

/** Who reads. */
export const READERS: readonly Role[] = ['viewer'];
