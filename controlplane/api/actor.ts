// Decides who somebody is that calls the REST API, and what each role may do.
import type { Role } from '../registry/types.ts';

export interface Actor {
  /** For the change log, e.g. `operator-token`, `key:chk_1a2b3c4d`, `https://idp.example alice`. */
  readonly who: string;
  readonly roles: readonly Role[];
  /** Absent: nobody in particular, as with the operator token. */
  readonly person?: Person;
}

/** Who it is, where it matters that it is somebody and not somebody else. */
export interface Person {
  /** null: an API key says so. */
  readonly issuer: string | null;
  readonly subject: string;
  readonly groups: readonly string[];
}

/** `admin` may do everything; everybody with any role may read. */
export function hasRole(actor: Actor, role: Role): boolean {
  return actor.roles.includes('admin') || actor.roles.includes(role) || (role === 'viewer' && actor.roles.length > 0);
}
