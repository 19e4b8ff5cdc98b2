// Decides what an issuer document may say: whose tokens are taken, where their keys are, and which claims say what.
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { LIMITS } from '../../limits.ts';
import { labelsSchema, lineSchema, nameSchema, scopeSchema } from './fields.ts';

/**
 * Asymmetric algorithms only: `none` verifies nothing, and with HS* everybody who holds the public key could sign
 * (RFC 8725 §2.1).
 */
export const TOKEN_ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
] as const;

/** The issuer of `chancery token`, which is always there. */
export const LOCAL_ISSUER = 'local';

/** Whether what is read there may be believed: nobody changes it on the way. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '' || hash !== '' || text.includes('#')) return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}

const urlSchema = z
  .string()
  .max(512)
  .regex(/^[!-~]+$/, 'wanted a URL')
  .refine(isSafeUrl, 'wanted an https URL, or http on loopback, without user, password and fragment');

/** RFC 8414 §2: "a URL that uses the https scheme and has no query or fragment components". */
const issuerUrlSchema = urlSchema.refine((text) => !text.includes('?'), 'an issuer has no query');

const jwkSchema = z.record(z.string(), z.json()).superRefine((key, context) => {
  const problem = keyProblem(key);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

/** Never quotes the key. */
function keyProblem(key: Readonly<Record<string, unknown>>): string | null {
  if (key.kty === 'oct')
    return 'a symmetric key is a secret, and whoever verifies with it could sign: give a public key';
  if (['d', 'p', 'q', 'k'].some((member) => Object.hasOwn(key, member)))
    return 'this is a private key: give the public one, and take this one for lost';
  try {
    createPublicKey({ key: key as JsonWebKey, format: 'jwk' });
    return null;
  } catch {
    return 'wanted a public key as a JSON Web Key (RFC 7517)';
  }
}

const claimNameSchema = lineSchema(256).min(1);

export const issuerSchema = z
  .strictObject({
    kind: z.literal('Issuer'),
    name: nameSchema.refine((name) => name !== LOCAL_ISSUER, `"${LOCAL_ISSUER}" is the issuer of "chancery token"`),
    description: lineSchema(1024).optional(),
    labels: labelsSchema.default({}),
    /** Exactly what its tokens have in `iss`. */
    issuer: issuerUrlSchema,
    /** Its public keys themselves. Without `jwks` and `jwksUri` its metadata (RFC 8414, OpenID Connect Discovery) say where they are. */
    jwks: z.strictObject({ keys: z.array(jwkSchema).min(1).max(LIMITS.issuerKeysMax) }).optional(),
    jwksUri: urlSchema.optional(),
    algorithms: z.array(z.enum(TOKEN_ALGORITHMS)).min(1).default(['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519']),
    /** The claim with the tasks that its holder was given: a text with spaces or a list. Absent: `authorized_tasks`. */
    taskClaim: claimNameSchema.optional(),
    /** The claim with its holder's groups, a list. Absent: `groups`. */
    groupsClaim: claimNameSchema.optional(),
    /** What a client is told to ask it for, beside what policies name. */
    scopes: z.array(scopeSchema).max(64).optional(),
    /** How long a key is still good that the issuer does not list any more, in seconds. Absent: 300. */
    keyOverlap: z.int().min(0).max(86_400).optional(),
  })
  .superRefine(({ jwks, jwksUri }, context) => {
    if (jwks !== undefined && jwksUri !== undefined)
      context.addIssue({ code: 'custom', path: ['jwksUri'], message: 'give jwks or jwksUri, or neither' });
  });

export type IssuerDocument = z.output<typeof issuerSchema>;
