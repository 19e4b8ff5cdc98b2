// Decides what a secret document may say: its value goes in once, and never comes out of the API again.
import { z } from 'zod';
import { LIMITS } from '../../limits.ts';
import { globSchema, labelsSchema, lineSchema, nameSchema } from './fields.ts';
import { keyPairProblem } from './pem.ts';

/**
 * It becomes a header or a variable of a program: no line breaks, which would make two of it, and nothing else that a
 * header must not have (RFC 9110 §5.5), with which Envoy refuses every call.
 */
const valueSchema = z
  .string()
  .min(1)
  .max(LIMITS.keyFileBytesMax)
  .regex(/^[^\r\n\0]*$/, 'a line break or NUL is not allowed')
  .regex(/^[\P{Cc}\t\r\n\0\u0080-\u009f]*$/u, 'a control character is not allowed');

const pemSchema = z.string().max(LIMITS.keyFileBytesMax);

/**
 * The values may be left out of a secret that exists: it keeps what it has, so that what an export shows can be applied.
 * `type` says which values belong to it.
 */
export const secretSchema = z
  .strictObject({
    kind: z.literal('Secret'),
    name: nameSchema,
    description: lineSchema(1024).optional(),
    labels: labelsSchema.default({}),
    type: z.enum(['opaque', 'tls']).default('opaque'),
    /**
     * Hosts that may be sent it, as globs: every endpoint, and token URL, of a version that names it. Absent: wherever
     * an operator says. Changing it needs the role `security`.
     */
    hosts: z.array(globSchema).min(1).max(100).optional(),
    /** Of type `opaque`. */
    value: valueSchema.optional(),
    /** Of type `tls`, both. */
    certificate: pemSchema.optional(),
    privateKey: pemSchema.optional(),
  })
  .superRefine(({ type, value, certificate, privateKey }, context) => {
    const problem = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (type === 'tls' && value !== undefined)
      problem('value', 'a secret of type tls has a certificate and a privateKey');
    if (type === 'opaque' && certificate !== undefined) problem('certificate', 'a secret of type opaque has a value');
    if (type === 'opaque' && privateKey !== undefined) problem('privateKey', 'a secret of type opaque has a value');
    if (type === 'tls' && (certificate === undefined) !== (privateKey === undefined))
      problem('privateKey', 'a certificate and its privateKey are given together');
    if (type !== 'tls' || certificate === undefined || privateKey === undefined) return;
    const unfit = keyPairProblem(certificate, privateKey);
    if (unfit !== null) problem(unfit.member, unfit.message);
  });

/** Members by which it is said where a secret may go: changing them needs the role `security`. */
export const GOVERNED_SECRET_MEMBERS = ['hosts'] as const;

/** Members that hold secrets. They are cut off where a document enters the registry. */
export const SECRET_MEMBERS = ['value', 'certificate', 'privateKey'] as const;

export type SecretDocument = z.output<typeof secretSchema>;

/** What a secret holds. Never in a log, an error, an answer, a dump. */
export type SecretData =
  | { readonly type: 'opaque'; readonly value: string }
  | { readonly type: 'tls'; readonly certificate: string; readonly privateKey: string };
