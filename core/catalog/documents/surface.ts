// Decides what a surface document may say: which of which servers' tools, prompts and resources, under which names.
import { z } from 'zod';
import { LIMITS } from '../../limits.ts';
import { globSchema, labelsSchema, lineSchema, nameSchema, scopeSchema } from './fields.ts';

const argumentNameSchema = z.string().min(1).max(128);

/** One tool as the surface shows it. */
const mappedToolSchema = z
  .strictObject({
    /** The server's own name for it. */
    tool: z.string().min(1).max(LIMITS.toolNameCharsMax),
    /** The public name; absent: the server's own. */
    name: z
      .string()
      .regex(/^[A-Za-z0-9_./-]{1,128}$/, 'a tool name is 1 to 128 letters, digits, and _ - . /')
      .optional(),
    title: lineSchema(256).optional(),
    description: z.string().max(8192).optional(),
    /** Arguments that callers neither see nor send. */
    hide: z.array(argumentNameSchema).max(256).default([]),
    /** Arguments that callers neither see nor send, and the server always gets, with these JSON values. */
    fix: z.record(argumentNameSchema, z.json()).default({}),
  })
  .superRefine(({ hide, fix }, context) => {
    for (const [index, name] of hide.entries()) {
      if (Object.hasOwn(fix, name))
        context.addIssue({ code: 'custom', path: ['hide', index], message: `"${name}" is fixed, and so hidden` });
    }
  });

const memberSchema = z.strictObject({
  server: nameSchema,
  tools: z.array(globSchema).max(1000).default(['*']),
  prompts: z.array(globSchema).max(1000).default(['*']),
  resources: z.array(globSchema).max(1000).default(['*']),
  /** Tools that a client may load when it needs them: they are not counted among those that fill a model's context. */
  deferred: z.array(globSchema).max(1000).optional(),
  /** With `naming: mapped`: the tools that are shown, and how. */
  map: z.array(mappedToolSchema).max(1000).optional(),
});

/** `certificate`: of the agent, which Envoy verified. `either`: a token, and where none came a certificate. */
export const SURFACE_AUTHS = ['token', 'certificate', 'either', 'none'] as const;

export const NAMINGS = ['prefixed', 'bare', 'mapped'] as const;

export const surfaceSchema = z
  .strictObject({
    kind: z.literal('Surface'),
    name: nameSchema,
    description: lineSchema(1024).optional(),
    labels: labelsSchema.default({}),
    /** `none` is refused unless the gateway listens on loopback. */
    auth: z.enum(SURFACE_AUTHS).default('token'),
    /** Names of the issuers whose tokens it takes; `local` is that of `chancery token`. Absent: all. */
    issuers: z.array(nameSchema).min(1).max(64).optional(),
    /** What a client is told to ask for at first. Absent: what the documents of its issuers say. */
    scopes: z.array(scopeSchema).max(64).optional(),
    /** Pages of the origins in the setting `allowed-origins` may call it from a browser, and read its answers. */
    cors: z.boolean().optional(),
    /** Which service decides; see docs/architecture.md. */
    decision: z.enum(['ext_proc', 'ext_authz']).default('ext_proc'),
    /**
     * `prefixed`: `SERVER__TOOL`. `bare`: the server's own names; where two servers have the same, the first one listed
     * has it. `mapped`: the tools of each server's `map`, and no others. Absent: bare with one server, else prefixed.
     */
    naming: z.enum(NAMINGS).optional(),
    /** What records of decisions hold beside who, what and why. */
    record: z
      .strictObject({
        /** Values of arguments too: whoever may read decisions reads them. */
        arguments: z.boolean().default(false),
      })
      .optional(),
    /** What goes beyond is neither listed nor callable, and is reported. */
    limits: z
      .strictObject({ tools: z.int().min(1).max(10_000).optional(), schemaBytes: z.int().min(1).optional() })
      .optional(),
    /** Told to the model by `initialize`, before the servers' own instructions. */
    instructions: z.string().max(8192).optional(),
    servers: z.array(memberSchema).min(1).max(LIMITS.fanoutWidthMax),
  })
  .superRefine(({ naming, servers }, context) => {
    for (const [index, { map = [] }] of servers.entries()) {
      if (map.length > 0 && naming !== 'mapped')
        context.addIssue({ code: 'custom', path: ['servers', index, 'map'], message: '"map" is for naming: mapped' });
      for (const [place, { tool }] of map.entries()) {
        if (map.findIndex((other) => other.tool === tool) !== place)
          context.addIssue({
            code: 'custom',
            path: ['servers', index, 'map', place, 'tool'],
            message: `the tool "${tool}" is mapped twice`,
          });
      }
    }
    const names = servers.flatMap(({ map = [] }, index) =>
      map.map(({ tool, name = tool }, place) => ({ name, path: ['servers', index, 'map', place, 'name'] })),
    );
    const first = new Set<string>();
    for (const { name, path } of names) {
      if (first.has(name))
        context.addIssue({ code: 'custom', path, message: `two tools of the surface would be named "${name}"` });
      first.add(name);
    }
  });

export type SurfaceDocument = z.output<typeof surfaceSchema>;
export type MappedTool = z.output<typeof mappedToolSchema>;
