// Decides what of a server.json (schema 2025-12-11 of the official registry) we read and write.
import { z } from 'zod';

export const SERVER_JSON_SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

/** Key under which the registry API puts what the registry itself knows. */
export const OFFICIAL_META = 'io.modelcontextprotocol.registry/official';

/** "Input": a value that somebody is to give, or that is given. Members that we do not use are passed over. */
const inputSchema = z.object({
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  value: z.string().optional(),
  default: z.string().optional(),
});
const variablesSchema = z.record(z.string(), inputSchema).optional();
const namedInputSchema = inputSchema.extend({ name: z.string().min(1).max(256), variables: variablesSchema });

const argumentSchema = z.discriminatedUnion('type', [
  inputSchema.extend({ type: z.literal('positional'), valueHint: z.string().optional(), variables: variablesSchema }),
  namedInputSchema.extend({ type: z.literal('named') }),
]);

const remoteSchema = z.object({
  type: z.string(),
  url: z.string().max(2048),
  headers: z.array(namedInputSchema).max(64).default([]),
  variables: variablesSchema,
});

const packageSchema = z.object({
  registryType: z.string(),
  registryBaseUrl: z.string().optional(),
  identifier: z.string().min(1).max(512),
  version: z.string().max(256).optional(),
  transport: z.object({ type: z.string() }),
  runtimeHint: z.string().optional(),
  runtimeArguments: z.array(argumentSchema).max(64).default([]),
  packageArguments: z.array(argumentSchema).max(64).default([]),
  environmentVariables: z.array(namedInputSchema).max(256).default([]),
});

export const serverJsonSchema = z.object({
  name: z
    .string()
    .min(3)
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/, 'a name is NAMESPACE/NAME'),
  description: z.string().min(1).max(1024),
  title: z.string().min(1).max(100).optional(),
  version: z.string().min(1).max(255),
  packages: z.array(packageSchema).max(64).default([]),
  remotes: z.array(remoteSchema).max(64).default([]),
});

export type ServerJson = z.output<typeof serverJsonSchema>;
export type ServerJsonRemote = ServerJson['remotes'][number];
export type ServerJsonPackage = ServerJson['packages'][number];
export type ServerJsonArgument = ServerJsonPackage['packageArguments'][number];
export type NamedInput = ServerJsonPackage['environmentVariables'][number];

/** What the registry API answers for one version of a server. */
export const publishedSchema = z.strictObject({
  server: z.strictObject({
    $schema: z.literal(SERVER_JSON_SCHEMA),
    name: z.string(),
    description: z.string().min(1).max(100),
    title: z.string().max(100).optional(),
    version: z.string(),
    remotes: z.array(
      z.strictObject({
        type: z.literal('streamable-http'),
        url: z.url(),
        headers: z
          .array(
            z.strictObject({
              name: z.string(),
              description: z.string(),
              isRequired: z.boolean(),
              isSecret: z.boolean(),
            }),
          )
          .optional(),
      }),
    ),
  }),
  _meta: z.strictObject({
    [OFFICIAL_META]: z.strictObject({
      status: z.enum(['active', 'deprecated', 'deleted']),
      statusChangedAt: z.iso.datetime().optional(),
      publishedAt: z.iso.datetime(),
      updatedAt: z.iso.datetime(),
      isLatest: z.boolean(),
    }),
  }),
});
export type Published = z.output<typeof publishedSchema>;

export const publishedListSchema = z.strictObject({
  servers: z.array(publishedSchema),
  metadata: z.strictObject({ count: z.int(), nextCursor: z.string().optional() }),
});
