// Decides what a revocation document may say: whose tokens, or which one, do not count any more before their own end.
import { z } from 'zod';
import { instantSchema, labelsSchema, lineSchema, nameSchema } from './fields.ts';

export const revocationSchema = z
  .strictObject({
    kind: z.literal('Revocation'),
    name: nameSchema,
    description: lineSchema(1024).optional(),
    labels: labelsSchema.default({}),
    /** Value of `iss`; absent: whoever issued it, and API keys and certificates of that subject too. */
    issuer: lineSchema(512).min(1).optional(),
    /** Value of `sub`: everything that it was given. */
    subject: lineSchema(512).min(1).optional(),
    /** Value of `jti`: one token. */
    jti: lineSchema(512).min(1).optional(),
    /** Only what was issued until then (`iat`), so that its subject may log in anew. Absent: all. */
    before: instantSchema.optional(),
    /** Until when it stands: after the last end of what it takes back. */
    until: instantSchema,
  })
  .superRefine(({ subject, jti }, context) => {
    if ((subject === undefined) === (jti === undefined))
      context.addIssue({ code: 'custom', message: 'give subject or jti' });
  });

export type RevocationDocument = z.output<typeof revocationSchema>;
