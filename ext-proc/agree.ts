// Decides whether what ext-authz decided is what we are about to forward; only on surfaces where it decides.
import { hash } from 'node:crypto';
import { AUTHZ_METADATA } from '../core/contract.ts';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import type { Caller } from './call.ts';
import type { Refusal } from './outcome.ts';

/** null when all is well. A surface with `decision: ext_authz` without its word is refused: nothing was decided. */
export function agree(
  caller: Caller,
  body: Buffer | null,
  word: ReadonlyMap<string, string> | undefined,
): Refusal | null {
  const decides = caller.surface.decision === 'ext_authz' || caller.admitted.want === 'tools';
  if (!decides) return null;
  const refuse = (reason: string): Refusal => {
    caller.gateway.log.error(
      { surface: caller.surface.name, reason },
      'a request without a fitting decision of ext-authz was refused',
    );
    return { code: 'decision_unavailable', reason };
  };
  if (word === undefined) return refuse('ext-authz said nothing');
  if (
    word.get(AUTHZ_METADATA.issuer) !== caller.principal.issuer ||
    word.get(AUTHZ_METADATA.subject) !== caller.principal.subject
  )
    return refuse('another principal');
  if (word.get(AUTHZ_METADATA.surface) !== caller.surface.name) return refuse('another surface');
  if (body !== null && word.get(AUTHZ_METADATA.bodySha256) !== hash('sha256', body, 'hex'))
    return refuse('another body');
  // A push may reach one service before the other: both still decide, each on its own revision, and both must allow.
  return null;
}

/** Of each refused message of a batch its place, the code, and what is added to the public sentence. */
type RefusedMessage = readonly [index: number, code: ErrorCode, detail?: string];

/**
 * Which messages of a batch ext-authz refuses, by their place; none where it does not decide. Null: it did not say. A
 * message of which it says nothing is decided here as well.
 */
export function refusedMessages(
  caller: Caller,
  word: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<number, Refusal> | null {
  const refused = new Map<number, Refusal>();
  if (caller.surface.decision !== 'ext_authz') return refused;
  const said = word?.get(AUTHZ_METADATA.refused);
  if (said === undefined) return null;
  for (const [index, code, detail] of JSON.parse(said) as readonly RefusedMessage[]) {
    // A code of a newer version of the other service is a refusal all the same.
    const known = Object.hasOwn(ERRORS, code) ? code : 'decision_unavailable';
    refused.set(index, detail === undefined ? { code: known } : { code: known, detail });
  }
  return refused;
}
