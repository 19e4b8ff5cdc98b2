// Decides what a node group document may say: which Envoys it takes, and which surfaces they serve.
import { z } from 'zod';
import { globSchema, labelsSchema, lineSchema, nameSchema } from './fields.ts';

export const nodeGroupSchema = z.strictObject({
  kind: z.literal('NodeGroup'),
  name: nameSchema,
  description: lineSchema(1024).optional(),
  labels: labelsSchema.default({}),
  /** All that is given must fit; the first group in the order of names that fits takes the node. */
  match: z
    .strictObject({
      /** Of `node.id`, as globs. */
      ids: z.array(globSchema).min(1).max(1000).optional(),
      /** Of `node.cluster`, as globs. */
      clusters: z.array(globSchema).min(1).max(100).optional(),
      /** Of `node.metadata`: top-level members that are strings. */
      metadata: z.record(z.string().min(1).max(128), lineSchema(256)).optional(),
      /** Of `node.locality.zone`. */
      zones: z.array(globSchema).min(1).max(100).optional(),
    })
    .refine((match) => Object.keys(match).length > 0, 'give ids, clusters, metadata or zones'),
  /** Names of surfaces, as globs. */
  surfaces: z.array(globSchema).min(1).max(10_000).default(['*']),
});

export type NodeGroupDocument = z.output<typeof nodeGroupSchema>;
