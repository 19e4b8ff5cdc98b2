// Decides whether somebody may decide about a call that waits for a person: a named one, of the rule's choice, and never its caller.
import { API_KEY_ISSUER } from '../../core/identity/api-key.ts';
import { compileGlob } from '../../core/policy/glob.ts';
import type { Approval } from '../../core/policy/ledger.ts';
import type { Actor, Person } from './actor.ts';

/** null: he may; else one sentence. */
export function approverProblem({ person }: Actor, approval: Approval): string | null {
  if (person === undefined)
    return 'the operator token is nobody in particular: use an API key of use admin or a token of the issuer';
  if (isCaller(person, approval)) return 'nobody decides about a call of his own';
  const { subjects = [], groups = [] } = approval.by;
  const named =
    subjects.some((pattern) => compileGlob(pattern)(person.subject)) ||
    groups.some((group) => person.groups.includes(group));
  return named ? null : `the rule ${approval.rule} names others to decide`;
}

/** Whoever has an API key chose its subject and no issuer vouches for it: then equal subjects are one person. */
function isCaller(person: Person, { issuer, subject }: Approval): boolean {
  if (person.subject !== subject) return false;
  if (person.issuer === null || issuer === API_KEY_ISSUER) return true;
  return withoutSlash(person.issuer) === withoutSlash(issuer);
}

function withoutSlash(issuer: string): string {
  return issuer.replace(/\/+$/, '');
}
