// Decides what a server document may say: who owns it, and its versions with how each is reached.
import { z } from 'zod';
import { LIMITS } from '../../limits.ts';
import { parseEndpoint } from '../endpoint.ts';
import { LIFECYCLE_STATES } from '../lifecycle.ts';
import { globSchema, instantSchema, labelsSchema, lineSchema, nameSchema, versionSchema } from './fields.ts';
import { certificatesProblem } from './pem.ts';

const CLASSIFICATIONS = ['public', 'internal', 'confidential', 'restricted'] as const;

/**
 * `http://127.0.0.1:3001/mcp` | `http://host.name:80/mcp` | `https://…` | `unix:NAME.sock:/mcp`.
 * A Unix socket without a slash lies in the run directory.
 */
const endpointUrlSchema = z
  .string()
  .max(512)
  .refine((url) => parseEndpoint(url) !== null, {
    message: 'an endpoint is http://HOST:PORT/PATH, https://HOST:PORT/PATH or unix:SOCKET:/PATH',
  });

const endpointSchema = z.strictObject({
  url: endpointUrlSchema,
  /** Share of new sessions beside the other replicas; absent: 1. */
  weight: z.int().min(1).max(128).optional(),
  /** Name of the zone it is in; Envoy prefers its own. */
  zone: lineSchema(64).min(1).optional(),
});

const healthCheckSchema = z.strictObject({
  path: z
    .string()
    .max(256)
    .regex(/^\/[!-~]*$/, 'a path begins with a slash and has no spaces'),
});

/** What a program is given; the operating system ends it at a NUL. */
const programTextSchema = z
  .string()
  .max(4096)
  .regex(/^[^\0]*$/, 'a NUL is not allowed');

/** The value of a Secret, which is put in where it is needed and nowhere else. */
const secretRefSchema = z.strictObject({ secret: nameSchema });

const stdioSchema = z.strictObject({
  command: lineSchema(1024).min(1),
  args: z.array(programTextSchema).max(64).default([]),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.union([programTextSchema, secretRefSchema]))
    .default({}),
  cwd: lineSchema(1024).optional(),
});

const tlsSchema = z.strictObject({
  /** PEM of the authorities that may vouch for it; absent: those of the setting `ca-file`. */
  ca: z
    .string()
    .max(LIMITS.keyFileBytesMax)
    .superRefine((pem, context) => {
      const message = certificatesProblem(pem);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .optional(),
  /** The name that the certificate must have, and that is sent as SNI; absent: the endpoints' host. */
  serverName: lineSchema(253).min(1).optional(),
  /** A Secret with `certificate` and `privateKey`, shown to the server. */
  clientCertificate: nameSchema.optional(),
});

const headerNameSchema = z
  .string()
  .max(64)
  .regex(/^[a-z0-9-]+$/, 'a header name is lower-case letters, digits and hyphens, e.g. "x-api-key"')
  .refine(
    (name) => !/^(host|content-length|transfer-encoding|connection|mcp-.*|x-chancery-.*|x-envoy-.*)$/.test(name),
    {
      message: 'this header is not for credentials',
    },
  );

/** A header that the gateway sets for itself, or that means something else to Envoy or in MCP, is none for this. */
const identityHeaderSchema = z
  .string()
  .max(64)
  .regex(/^[a-z0-9-]+$/, 'a header name is lower-case letters, digits and hyphens, e.g. "x-caller"')
  .refine(
    (name) =>
      name === 'x-chancery-identity' ||
      !/^(host|authorization|cookie|origin|te|upgrade|content-.*|accept.*|transfer-encoding|connection|mcp-.*|x-chancery-.*|x-envoy-.*|x-forwarded-.*|last-event-id)$/.test(
        name,
      ),
    { message: 'this header is not for identities' },
  );

/** How the gateway says who it is. The secret is held by Envoy alone; the client's own token never goes upstream. */
const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  /** `Authorization: Bearer SECRET` */
  z.strictObject({ type: z.literal('bearer'), secret: nameSchema }),
  /** `HEADER: SECRET` */
  z.strictObject({ type: z.literal('header'), header: headerNameSchema, secret: nameSchema }),
  /** OAuth 2 client credentials (RFC 6749 §4.4): Envoy fetches the token, and keeps it fresh. */
  z.strictObject({
    type: z.literal('oauth'),
    tokenUrl: z
      .string()
      .max(512)
      .refine((url) => {
        const address = parseEndpoint(url);
        return address !== null && address.kind === 'tcp';
      }, 'a token URL is https://HOST/PATH or http://HOST:PORT/PATH'),
    clientId: lineSchema(256).min(1),
    secret: nameSchema,
    scopes: z.array(lineSchema(256).min(1)).max(32).default([]),
  }),
]);

const canarySchema = z
  .strictObject({
    /** Of sessions, or of principals in the modern era. Up to two decimals. */
    percent: z.number().min(0).max(100).optional(),
    /** Subjects that are always led to it, as globs. */
    principals: z.array(globSchema).min(1).max(1000).optional(),
  })
  .refine(({ percent, principals }) => percent !== undefined || principals !== undefined, {
    message: 'give percent, principals or both',
  });

const serverVersionSchema = z
  .strictObject({
    version: versionSchema,
    state: z.enum(LIFECYCLE_STATES).default('active'),
    /** With the state `canary`, and only with it. */
    canary: canarySchema.optional(),
    /** When a deprecated version will be decommissioned: told to clients in `Sunset` (RFC 8594). */
    sunset: instantSchema.optional(),
    /** Streamable HTTP replicas; all must share one path. */
    endpoints: z.array(endpointSchema).min(1).max(64).optional(),
    /** A program that speaks MCP on its standard input and output, run by the bridge. */
    stdio: stdioSchema.optional(),
    tls: tlsSchema.optional(),
    auth: authSchema.optional(),
    /** Absent: TCP connect. */
    healthCheck: healthCheckSchema.optional(),
  })
  .superRefine((value, context) => {
    const problem = (message: string, ...path: string[]): void => context.addIssue({ code: 'custom', path, message });
    if ((value.endpoints === undefined) === (value.stdio === undefined)) problem('give either endpoints or stdio');
    const addresses = (value.endpoints ?? []).map(({ url }) => parseEndpoint(url)).filter((found) => found !== null);
    if (new Set(addresses.map(({ path }) => path)).size > 1)
      problem('the endpoints of a version share one path', 'endpoints');
    if (new Set(addresses.map(({ tls }) => tls)).size > 1)
      problem('the endpoints of a version are all http or all https', 'endpoints');
    const secure = addresses.filter(({ tls }) => tls);
    // One TLS context serves the whole cluster: a replica of another name would fail every handshake.
    if (value.tls?.serverName === undefined && new Set(secure.map(({ host }) => host)).size > 1) {
      problem(
        'the https endpoints of a version share one host name, which their certificate is held against; or give tls.serverName',
        'endpoints',
      );
    }
    if (value.tls !== undefined && secure.length === 0) problem('only https endpoints have a TLS context', 'tls');
    if (value.auth !== undefined && value.auth.type !== 'none' && value.stdio !== undefined)
      problem('a stdio server gets its credentials in stdio.env', 'auth');
    if (value.state === 'canary' && value.canary === undefined)
      problem('a canary says who is led to it: percent, principals or both', 'canary');
    if (value.state !== 'canary' && value.canary !== undefined)
      problem(`"canary" is for a version in the state "canary", found "${value.state}"`, 'canary');
    if (value.sunset !== undefined && value.state !== 'deprecated' && value.state !== 'decommissioned')
      problem('"sunset" is for a deprecated version', 'sunset');
  });

/** What a tool says of itself, as its operators know better (MCP `ToolAnnotations`). */
const annotationsSchema = z
  .strictObject({
    readOnlyHint: z.boolean(),
    destructiveHint: z.boolean(),
    idempotentHint: z.boolean(),
    openWorldHint: z.boolean(),
  })
  .partial();

/** What becomes of a tool that is another than before. */
const pinningSchema = z.strictObject({
  /** `enforce`: what changed is not shown until somebody approves it; `warn`: it is, and waits all the same; `off`: nothing waits. */
  mode: z.enum(['enforce', 'warn', 'off']).default('enforce'),
  /** Tools of a version that is read for the first time. */
  first: z.enum(['trust', 'approve']).default('trust'),
  /** Changes that take no argument away and bring no words: see docs/operations.md. */
  compatible: z.enum(['hold', 'auto']).default('hold'),
  /** Tools that a version did not have when it was read first. */
  new: z.enum(['hold', 'auto']).default('hold'),
  /** Who is shown each change while it waits. */
  canary: canarySchema.optional(),
});

export const serverSchema = z
  .strictObject({
    kind: z.literal('Server'),
    name: nameSchema,
    title: lineSchema(128).optional(),
    description: lineSchema(1024).optional(),
    owner: z.strictObject({ team: lineSchema(128).min(1), contact: lineSchema(256).min(1).optional() }).optional(),
    labels: labelsSchema.default({}),
    /** Of the data that it gives access to. */
    classification: z.enum(CLASSIFICATIONS).optional(),
    /** Tool glob → what is told of these tools instead of the server's own words. */
    annotations: z.record(globSchema, annotationsSchema).optional(),
    /** Tool glob → labels of these tools, by which policies name them (`@egress`). */
    toolLabels: z.record(globSchema, labelsSchema).optional(),
    /** Absent: changes of its tools wait until somebody approves them. */
    pinning: pinningSchema.optional(),
    /** The gateway tells the server, in a token that it signs, who calls: see docs/identity.md. */
    identity: z
      .strictObject({
        /** Value of `aud`. Absent: `chancery:server:NAME`. */
        audience: lineSchema(512).min(1).optional(),
        /** Seconds for which a token is good. Absent: 60. */
        ttl: z.int().min(5).max(LIMITS.identityTtlSecondsMax).optional(),
        /** Claims of the caller's own token that go along, below `claims`. */
        claims: z.array(lineSchema(256).min(1)).max(64).optional(),
        /** Absent: `x-chancery-identity`. */
        header: identityHeaderSchema.optional(),
      })
      .optional(),
    versions: z.array(serverVersionSchema).min(1).max(LIMITS.versionsPerServerMax),
  })
  .superRefine(({ versions }, context) => {
    for (const [index, { version, state }] of versions.entries()) {
      const same = versions.findIndex((other) => other.version === version);
      if (same !== index)
        context.addIssue({
          code: 'custom',
          path: ['versions', index, 'version'],
          message: `the version "${version}" is listed twice`,
        });
      const only = state === 'active' || state === 'canary';
      if (only && versions.findIndex((other) => other.state === state) !== index) {
        context.addIssue({
          code: 'custom',
          path: ['versions', index, 'state'],
          message: `one version of a server is ${state} at a time`,
        });
      }
    }
  });

/** Members of a server that policies read: changing them needs the role `security`. */
export const GOVERNED_MEMBERS = ['labels', 'classification', 'annotations', 'toolLabels', 'pinning'] as const;

export type ServerDocument = z.output<typeof serverSchema>;
export type ServerVersionDocument = ServerDocument['versions'][number];
export type ServerAuth = z.output<typeof authSchema>;

export type Pinning = z.output<typeof pinningSchema>;

/** With everything that a document need not say. */
export function pinningOf({ pinning }: Pick<ServerDocument, 'pinning'>): Pinning {
  return pinning ?? USUAL_PINNING;
}

const USUAL_PINNING: Pinning = pinningSchema.parse({});
