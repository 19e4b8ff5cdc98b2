// Decides who a caller is of whom somebody only supposes something, for explaining a decision.
import { z } from 'zod';
import type { JsonObject } from '../../core/json.ts';
import type { Principal } from '../../core/policy/types.ts';

const text = z.string().max(512);
const texts = z.array(text).max(256);

export const principalSchema = z.strictObject({
  subject: text.default('somebody'),
  issuer: text.default('https://issuer.example'),
  groups: texts.default([]),
  scopes: texts.default([]),
  tasks: texts.default([]),
  claims: z
    .record(z.string().max(256), z.json())
    .default({})
    .describe('Others of his token; `sub`, `iss`, `groups` and `scope` are as above unless they are given.'),
  agent: text.optional().describe('The program that calls for him.'),
  address: z.string().max(64).optional().describe('Where the call comes from.'),
  kind: z.enum(['jwt', 'api_key', 'certificate', 'anonymous']).default('jwt'),
});

export function supposedPrincipal(given: z.output<typeof principalSchema>): Principal {
  const { subject, issuer, groups, scopes, tasks, claims, agent = null, kind } = given;
  const said = { sub: subject, iss: issuer, groups, scope: scopes.join(' ') };
  return {
    ...{ subject, issuer, groups, scopes, tasks, agent, kind },
    claims: { ...(kind === 'jwt' ? said : {}), ...claims } as JsonObject,
    expiresAtMs: Number.MAX_SAFE_INTEGER,
  };
}
