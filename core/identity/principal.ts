// Decides who a verified token says calls: which of its claims are groups, scopes, tasks and the agent.
import type { CatalogIssuer } from '../catalog/catalog.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Principal } from '../policy/types.ts';

/** Unless the issuer's document says otherwise. */
export const DEFAULT_CLAIMS = { tasks: 'authorized_tasks', groups: 'groups' } as const;

/** Of a token without a subject there is no principal. */
export function principalOfToken(
  issuer: Pick<CatalogIssuer, 'issuer' | 'taskClaim' | 'groupsClaim'>,
  claims: JsonObject,
  subject: string,
  expiresAtMs: number,
): Principal {
  return Object.freeze({
    issuer: issuer.issuer,
    subject,
    groups: listIn(claimAt(claims, issuer.groupsClaim ?? DEFAULT_CLAIMS.groups)),
    // RFC 8693 §4.2: "a JSON string containing a space-separated list"; some issuers write a list, or name it `scp`.
    scopes: words(own(claims, 'scope') ?? own(claims, 'scp')),
    expiresAtMs,
    claims,
    tasks: words(claimAt(claims, issuer.taskClaim ?? DEFAULT_CLAIMS.tasks)),
    agent: agentOf(claims),
    kind: 'jwt',
  });
}

/**
 * A claim by its name, which may have dots in it (`https://example.com/tasks`); where there is none of that name, by its
 * path (`realm_access.roles`).
 */
export function claimAt(claims: JsonObject, name: string): Json | undefined {
  const whole = own(claims, name);
  if (whole !== undefined) return whole;
  let value: Json | undefined = claims;
  for (const step of name.split('.')) value = own(value, step);
  return value;
}

/** RFC 8693 §4.1: the outermost `act` is the current actor. Else the client that the token was given to (RFC 9068 §2.2). */
function agentOf(claims: JsonObject): string | null {
  const actor = own(own(claims, 'act'), 'sub');
  const found = [actor, own(claims, 'azp'), own(claims, 'client_id')].find(
    (value) => typeof value === 'string' && value !== '',
  );
  return typeof found === 'string' ? found : null;
}

function own(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return undefined;
  return (value as JsonObject)[name];
}

/** Members that are no strings are left out. */
function listIn(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** A list, or a text with spaces. */
function words(value: Json | undefined): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((part) => part !== '') : listIn(value);
}
