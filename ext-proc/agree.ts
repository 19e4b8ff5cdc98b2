// Decides whether what ext-authz decided is what we are about to forward; only on surfaces where it decides.
import { hash } from 'node:crypto';
import { AUTHZ_METADATA } from '../core/contract.ts';
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
