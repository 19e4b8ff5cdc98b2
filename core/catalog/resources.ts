// Decides what a resource of each of our kinds looks like on arrival: its schema and its name.
import { z } from 'zod';
import type { OwnKind } from '../contract.ts';
import { type JsonObject, parseExact } from '../json.ts';
import type { Policy } from '../policy/types.ts';
import type {
  CatalogApiKey,
  CatalogIssuer,
  CatalogRevocation,
  CatalogServer,
  CatalogSurface,
  Discovered,
  IdentityKey,
  Instance,
  ListedFor,
  Revision,
  ServerVersion,
  SessionKey,
  StdioServer,
  Tombstone,
} from './catalog.ts';
import { policySchema as policyDocumentSchema } from './documents/policy.ts';
import { type MappedTool, NAMINGS, SURFACE_AUTHS } from './documents/surface.ts';
import { LIFECYCLE_STATES } from './lifecycle.ts';

/** Kind → the type of its resources. */
export interface ResourceOf {
  readonly server: CatalogServer;
  readonly surface: CatalogSurface;
  readonly policy: Policy;
  readonly issuer: CatalogIssuer;
  readonly apiKey: CatalogApiKey;
  readonly revocation: CatalogRevocation;
  readonly sessionKey: SessionKey;
  readonly identityKey: IdentityKey;
  readonly stdioServer: StdioServer;
  readonly tombstone: Tombstone;
  readonly instance: Instance;
  readonly revision: Revision;
}

interface ResourceRow<Resource> {
  readonly schema: z.ZodType<Resource>;
  /** The name that the resource must have on the wire; null: any. */
  readonly nameOf: ((resource: Resource) => string) | null;
}

const texts = z.array(z.string());
/** An object of another protocol: taken as it is, not copied, not looked into. */
const objectSchema = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'wanted an object',
);
const listedForSchema: z.ZodType<ListedFor> = z.object({
  bare: z.array(objectSchema),
  full: z.array(objectSchema),
  alone: z.object({ roots: texts, sampling: texts, elicitation: texts }).exactOptional(),
});

const discoveredSchema: z.ZodType<Discovered> = z.object({
  hash: z.string(),
  protocolVersion: z.string(),
  protocolVersions: texts.exactOptional(),
  refusesDisagreement: z.boolean().exactOptional(),
  tasksExtension: z.boolean().exactOptional(),
  eventIds: z.boolean().exactOptional(),
  serverInfo: objectSchema,
  capabilities: objectSchema,
  instructions: z.string().exactOptional(),
  tools: listedForSchema,
  prompts: listedForSchema,
  resources: listedForSchema,
  resourceTemplates: listedForSchema,
});

const serverVersionSchema: z.ZodType<ServerVersion> = z.object({
  name: z.string(),
  version: z.string(),
  state: z.enum(LIFECYCLE_STATES),
  canary: z.object({ percent: z.number(), principals: texts }).exactOptional(),
  deprecation: z.object({ sinceMs: z.number(), sunsetMs: z.number().exactOptional() }).exactOptional(),
  cluster: z.string(),
  path: z.string(),
  discovered: discoveredSchema.nullable(),
  candidates: z
    .array(
      z.object({
        tool: z.string(),
        percent: z.number(),
        principals: texts,
        bare: objectSchema.nullable(),
        full: objectSchema.nullable(),
      }),
    )
    .exactOptional(),
});

const serverSchema: z.ZodType<CatalogServer> = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  classification: z.string().exactOptional(),
  annotations: z.record(z.string(), z.record(z.string(), z.boolean())).exactOptional(),
  toolLabels: z.record(z.string(), z.record(z.string(), z.string())).exactOptional(),
  identity: z
    .object({ header: z.string(), audience: z.string(), ttlSeconds: z.number(), claims: texts })
    .exactOptional(),
  versions: z.array(serverVersionSchema),
});

/** Strict: a tool must not be shown whole because this version does not know what was to be hidden of it. */
const mappedToolSchema: z.ZodType<MappedTool> = z.strictObject({
  tool: z.string(),
  name: z.string().exactOptional(),
  title: z.string().exactOptional(),
  description: z.string().exactOptional(),
  hide: z.array(z.string()),
  fix: z.record(z.string(), z.json()),
});

const surfaceSchema: z.ZodType<CatalogSurface> = z.object({
  name: z.string(),
  url: z.string(),
  path: z.string(),
  auth: z.enum(SURFACE_AUTHS),
  decision: z.enum(['ext_proc', 'ext_authz']),
  naming: z.enum(NAMINGS),
  limits: z
    .strictObject({ tools: z.number().exactOptional(), schemaBytes: z.number().exactOptional() })
    .exactOptional(),
  instructions: z.string().exactOptional(),
  members: z.array(
    z.strictObject({
      server: z.string(),
      tools: texts,
      prompts: texts,
      resources: texts,
      deferred: texts.exactOptional(),
      map: z.array(mappedToolSchema).exactOptional(),
    }),
  ),
  issuers: texts.exactOptional(),
  record: z.strictObject({ arguments: z.boolean() }).exactOptional(),
  cors: z.boolean().exactOptional(),
  scopes: texts.exactOptional(),
});

const apiKeySchema: z.ZodType<CatalogApiKey> = z.strictObject({
  id: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  subject: z.string(),
  groups: texts,
  scopes: texts,
  surfaces: texts,
  expiresAtMs: z.number(),
});

/**
 * As strict as the document: a restriction that this version does not know must not be read as none. `checkPolicy` looks at
 * what a schema does not see.
 */
const policySchema = z.looseObject({}).superRefine((value, context) => {
  const { error } = policyDocumentSchema.safeParse({ ...value, kind: 'Policy' });
  for (const issue of error?.issues ?? [])
    context.addIssue({ ...issue, input: undefined } as Parameters<typeof context.addIssue>[0]);
}) as unknown as z.ZodType<Policy>;

const issuerSchema: z.ZodType<CatalogIssuer> = z.object({
  name: z.string(),
  issuer: z.string(),
  algorithms: texts,
  jwks: z.object({ keys: z.array(objectSchema) }),
  taskClaim: z.string().exactOptional(),
  groupsClaim: z.string().exactOptional(),
  scopes: texts.exactOptional(),
});

/** Strict: one that this version cannot read must not be taken for a narrower one. */
const revocationSchema: z.ZodType<CatalogRevocation> = z.strictObject({
  name: z.string(),
  issuer: z.string().exactOptional(),
  subject: z.string().exactOptional(),
  jti: z.string().exactOptional(),
  beforeMs: z.number().exactOptional(),
  untilMs: z.number(),
});

const stdioServerSchema: z.ZodType<StdioServer> = z.object({
  server: z.string(),
  version: z.string(),
  socket: z.string(),
  command: z.string(),
  args: texts,
  env: z.record(z.string(), z.string()),
  cwd: z.string().exactOptional(),
});

const RESOURCES: { readonly [kind in OwnKind]: ResourceRow<ResourceOf[kind]> } = {
  server: { schema: serverSchema, nameOf: ({ name }) => name },
  surface: { schema: surfaceSchema, nameOf: ({ name }) => name },
  policy: { schema: policySchema, nameOf: ({ name }) => name },
  apiKey: { schema: apiKeySchema, nameOf: ({ id }) => id },
  issuer: { schema: issuerSchema, nameOf: ({ name }) => name },
  revocation: { schema: revocationSchema, nameOf: ({ name }) => name },
  sessionKey: { schema: z.object({ kid: z.string(), key: z.string(), active: z.boolean() }), nameOf: ({ kid }) => kid },
  identityKey: {
    schema: z.object({ kid: z.string(), x: z.string(), d: z.string(), active: z.boolean() }),
    nameOf: ({ kid }) => kid,
  },
  stdioServer: { schema: stdioServerSchema, nameOf: null },
  tombstone: { schema: z.object({ tokenId: z.string(), expiresAtMs: z.number() }), nameOf: ({ tokenId }) => tokenId },
  instance: {
    schema: z.object({ name: z.string(), node: z.string(), address: z.string() }),
    nameOf: ({ name }) => name,
  },
  revision: {
    schema: z.object({ revision: z.number(), digest: z.string() }),
    nameOf: null,
  },
};

export type ParsedResource<Kind extends OwnKind> = { readonly value: ResourceOf[Kind] } | { readonly problem: string };

/** Reads the JSON of one resource. The problem never quotes a value: some kinds are secret. Total. */
export function parseResource<Kind extends OwnKind>(kind: Kind, name: string, text: string): ParsedResource<Kind> {
  const row: ResourceRow<ResourceOf[Kind]> = RESOURCES[kind];
  let json: unknown;
  try {
    json = parseExact(text);
  } catch {
    return { problem: 'is not valid JSON' };
  }
  const result = row.schema.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    return { problem: `${issue?.path.join('.') ?? ''}: ${issue?.code ?? 'invalid'}` };
  }
  const value = result.data as ResourceOf[Kind];
  if (row.nameOf !== null && row.nameOf(value) !== name) return { problem: 'has another name inside' };
  return { value };
}
