// Decides whether somebody took back what a principal came with, before its own end.
import type { CatalogRevocation } from '../catalog/catalog.ts';
import type { Principal } from '../policy/types.ts';

interface Index {
  readonly bySubject: ReadonlyMap<string, readonly CatalogRevocation[]>;
  readonly byJti: ReadonlyMap<string, readonly CatalogRevocation[]>;
}

const indexes = new WeakMap<ReadonlyMap<string, CatalogRevocation>, Index>();

export function isRevoked(
  revocations: ReadonlyMap<string, CatalogRevocation>,
  { issuer, subject, claims }: Pick<Principal, 'issuer' | 'subject' | 'claims'>,
  nowMs: number,
): boolean {
  if (revocations.size === 0) return false;
  const { bySubject, byJti } = indexOf(revocations);
  const { jti } = claims;
  const found = [...(bySubject.get(subject) ?? []), ...(typeof jti === 'string' ? (byJti.get(jti) ?? []) : [])];
  return found.some(
    (revocation) =>
      nowMs < revocation.untilMs &&
      (revocation.issuer === undefined || revocation.issuer === issuer) &&
      wasIssuedBefore(claims.iat, revocation.beforeMs),
  );
}

/** What does not say when it was issued (an API key, a certificate, a token without `iat`) was issued before. */
function wasIssuedBefore(issuedAt: unknown, beforeMs: number | undefined): boolean {
  if (beforeMs === undefined || typeof issuedAt !== 'number') return true;
  // A token of the same second is older, for all that it says.
  return issuedAt * 1000 <= beforeMs;
}

function indexOf(revocations: ReadonlyMap<string, CatalogRevocation>): Index {
  const known = indexes.get(revocations);
  if (known !== undefined) return known;
  const by = (member: 'subject' | 'jti'): Map<string, CatalogRevocation[]> => {
    const map = new Map<string, CatalogRevocation[]>();
    for (const revocation of revocations.values()) {
      const value = revocation[member];
      if (value !== undefined) map.set(value, [...(map.get(value) ?? []), revocation]);
    }
    return map;
  };
  const index = { bySubject: by('subject'), byJti: by('jti') };
  indexes.set(revocations, index);
  return index;
}
