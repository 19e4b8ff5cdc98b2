// Decides what a runtime document may say: values of Envoy's runtime (RTDS), changed without a restart.
import { z } from 'zod';
import { labelsSchema, lineSchema, nameSchema } from './fields.ts';

/** Guards that the gateway's safety stands on; see docs/architecture.md. */
const FIXED_KEYS: readonly string[] = ['envoy.reloadable_features.ext_proc_graceful_grpc_close'];

export const runtimeSchema = z
  .strictObject({
    kind: z.literal('Runtime'),
    name: nameSchema,
    description: lineSchema(1024).optional(),
    labels: labelsSchema.default({}),
    /** Key → value, e.g. `health_check.min_interval: 500`. Of two documents the later name wins. */
    values: z.record(
      z.string().regex(/^[A-Za-z0-9._-]{1,256}$/, 'a runtime key is letters, digits, dots, underscores, hyphens'),
      z.union([z.boolean(), z.number(), lineSchema(256)]),
    ),
  })
  .superRefine(({ values }, context) => {
    for (const key of FIXED_KEYS) {
      if (Object.hasOwn(values, key))
        context.addIssue({ code: 'custom', path: ['values', key], message: 'this key is fixed: the gateway needs it' });
    }
  });

export type RuntimeDocument = z.output<typeof runtimeSchema>;
