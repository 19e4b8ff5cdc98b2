// Decides what an operator may write: the documents `kind: Server | Surface | Policy`, which are also the REST bodies.
import { z } from 'zod';
import { LIMITS } from '../limits.ts';

const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** Lower-case letters, digits and inner hyphens; so `<server>__<tool>` splits at the first `__` without doubt. */
export const nameSchema = z
  .string()
  .max(LIMITS.serverNameCharsMax, `a name has at most ${LIMITS.serverNameCharsMax} characters`)
  .regex(NAME, 'a name is lower-case letters, digits and inner hyphens, e.g. "github-prod"');

const versionSchema = z
  .string()
  .max(32)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'a version is letters, digits, dots, hyphens, e.g. "1.4.0"');

const labelsSchema = z.record(z.string().regex(/^[a-z0-9]([a-z0-9./-]{0,61}[a-z0-9])?$/), z.string().max(128));
const globSchema = z.string().min(1).max(512);
/** No control characters: these texts go into logs and terminals. */
const lineSchema = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, 'control characters are not allowed');

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

export interface EndpointAddress {
  readonly kind: 'tcp' | 'unix';
  readonly tls: boolean;
  /** Host name or IP address without brackets; the socket's path or name for `unix`. */
  readonly host: string;
  /** 0 for `unix`. */
  readonly port: number;
  /** Begins with a slash. */
  readonly path: string;
  /** What goes into the Host header, e.g. `api.example.com:8443`. */
  readonly authority: string;
}

/** Reads an endpoint's URL; null when it is none of the forms. Total. */
export function parseEndpoint(text: string): EndpointAddress | null {
  if (text.startsWith('unix:')) {
    const match = /^unix:([A-Za-z0-9._/@-]+):(\/[!-~]*)$/.exec(text);
    if (match === null || match[1]!.split('/').includes('..')) return null;
    return { kind: 'unix', tls: false, host: match[1]!, port: 0, path: match[2]!, authority: 'localhost' };
  }
  if (!/^https?:\/\/[!-~]+$/.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.hash !== '' || url.search !== '') return null;
  const tls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') return null;
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  if (port === 0) return null;
  return { kind: 'tcp', tls, host, port, path: url.pathname, authority: url.host };
}

const endpointSchema = z.strictObject({ url: endpointUrlSchema });

const healthCheckSchema = z.strictObject({
  path: z
    .string()
    .max(256)
    .regex(/^\/[!-~]*$/, 'a path begins with a slash'),
});

/** What a program is given; the operating system ends it at a NUL. */
const programTextSchema = z
  .string()
  .max(4096)
  .regex(/^[^\0]*$/, 'a NUL is not allowed');

const stdioSchema = z.strictObject({
  command: lineSchema(1024).min(1),
  args: z.array(programTextSchema).max(64).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), programTextSchema).default({}),
  cwd: lineSchema(1024).optional(),
});

const serverVersionSchema = z
  .strictObject({
    version: versionSchema,
    /** Streamable HTTP replicas; all must share one path. */
    endpoints: z.array(endpointSchema).min(1).max(64).optional(),
    /** A program that speaks MCP on its standard input and output, run by the bridge. */
    stdio: stdioSchema.optional(),
    /** Absent: TCP connect. */
    healthCheck: healthCheckSchema.optional(),
  })
  .superRefine((value, context) => {
    if ((value.endpoints === undefined) === (value.stdio === undefined)) {
      context.addIssue({ code: 'custom', message: 'give either endpoints or stdio' });
    }
    const paths = new Set((value.endpoints ?? []).map((endpoint) => parseEndpoint(endpoint.url)?.path ?? ''));
    if (paths.size > 1) {
      context.addIssue({ code: 'custom', path: ['endpoints'], message: 'the endpoints of a version share one path' });
    }
    const schemes = new Set((value.endpoints ?? []).map((endpoint) => parseEndpoint(endpoint.url)?.tls ?? false));
    if (schemes.size > 1) {
      context.addIssue({
        code: 'custom',
        path: ['endpoints'],
        message: 'the endpoints of a version are all http or all https',
      });
    }
    // One TLS context serves the whole cluster: a replica of another name would fail every handshake.
    const names = new Set(
      (value.endpoints ?? [])
        .map((endpoint) => parseEndpoint(endpoint.url))
        .filter((address) => address?.tls)
        .map((address) => address?.host),
    );
    if (names.size > 1) {
      context.addIssue({
        code: 'custom',
        path: ['endpoints'],
        message: 'the https endpoints of a version share one host name, which their certificate is held against',
      });
    }
  });

export const serverSchema = z.strictObject({
  kind: z.literal('Server'),
  name: nameSchema,
  description: lineSchema(1024).optional(),
  labels: labelsSchema.default({}),
  /** One, until versions get a lifecycle. */
  versions: z.array(serverVersionSchema).min(1).max(1, 'one version is served at a time'),
});

const memberSchema = z.strictObject({
  server: nameSchema,
  tools: z.array(globSchema).max(1000).default(['*']),
  prompts: z.array(globSchema).max(1000).default(['*']),
  resources: z.array(globSchema).max(1000).default(['*']),
});

export const surfaceSchema = z.strictObject({
  kind: z.literal('Surface'),
  name: nameSchema,
  description: lineSchema(1024).optional(),
  /** `none` is refused unless the gateway listens on loopback. */
  auth: z.enum(['token', 'none']).default('token'),
  /** Which service decides; see docs/architecture.md. */
  decision: z.enum(['ext_proc', 'ext_authz']).default('ext_proc'),
  /** Told to the model by `initialize`, before the servers' own instructions. */
  instructions: z.string().max(8192).optional(),
  servers: z.array(memberSchema).min(1).max(LIMITS.fanoutWidthMax),
});

const whoFields = {
  subjects: z.array(globSchema).min(1).optional(),
  groups: z.array(z.string().min(1).max(256)).min(1).optional(),
  scopes: z.array(z.string().min(1).max(256)).min(1).optional(),
  issuers: z.array(z.string().min(1).max(512)).min(1).optional(),
};
const whoSchema = z.strictObject({ ...whoFields, not: z.strictObject(whoFields).optional() });

const ruleSchema = z
  .strictObject({
    id: nameSchema,
    effect: z.enum(['allow', 'deny']),
    who: whoSchema.optional(),
    tools: z.array(globSchema).min(1).optional(),
    prompts: z.array(globSchema).min(1).optional(),
    resources: z.array(globSchema).min(1).optional(),
    reason: lineSchema(512).optional(),
  })
  .superRefine((rule, context) => {
    if (rule.tools === undefined && rule.prompts === undefined && rule.resources === undefined) {
      context.addIssue({ code: 'custom', message: 'a rule names tools, prompts or resources' });
    }
  });

export const policySchema = z
  .strictObject({
    kind: z.literal('Policy'),
    name: nameSchema,
    version: z.literal('tbac/v1'),
    description: lineSchema(1024).optional(),
    surfaces: z.array(globSchema).min(1).default(['*']),
    rules: z.array(ruleSchema).min(1).max(5000),
  })
  .superRefine((policy, context) => {
    const seen = new Set<string>();
    for (const [index, rule] of policy.rules.entries()) {
      if (seen.has(rule.id)) {
        context.addIssue({
          code: 'custom',
          path: ['rules', index, 'id'],
          message: `the rule id "${rule.id}" is used twice`,
        });
      }
      seen.add(rule.id);
    }
  });

export type ServerDocument = z.output<typeof serverSchema>;
export type ServerVersionDocument = ServerDocument['versions'][number];
export type SurfaceDocument = z.output<typeof surfaceSchema>;
export type PolicyDocument = z.output<typeof policySchema>;
export type Document = ServerDocument | SurfaceDocument | PolicyDocument;
export type DocumentKind = Document['kind'];

/** One row per kind: its schema, its REST collection. The order is the order in which `apply` writes. */
export const DOCUMENT_KINDS = {
  Server: { schema: serverSchema, collection: 'servers' },
  Surface: { schema: surfaceSchema, collection: 'surfaces' },
  Policy: { schema: policySchema, collection: 'policies' },
} as const;

export interface Problem {
  /** Path inside the document, e.g. ["versions", 0, "endpoints", 0, "url"]. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Reads one document; all of its problems at once. Total. */
export function parseDocument(value: unknown): { document: Document } | { problems: readonly Problem[] } {
  const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(DOCUMENT_KINDS, kind)) {
    const wanted = Object.keys(DOCUMENT_KINDS).join(', ');
    return {
      problems: [
        { path: ['kind'], message: `kind must be one of ${wanted}, found ${JSON.stringify(kind) ?? 'nothing'}` },
      ],
    };
  }
  const result = DOCUMENT_KINDS[kind as DocumentKind].schema.safeParse(value);
  if (result.success) return { document: result.data };
  return { problems: result.error.issues.flatMap(problemsOf) };
}

/** An unknown member is a problem at its own path, so that an editor or the CLI can show its line. */
function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key], message: `unknown member ${JSON.stringify(key)}` }));
}
