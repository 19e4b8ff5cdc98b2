// Decides what a bearer token of the local issuer says.
import { randomUUID } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { surfaceUrl } from '../../core/contract.ts';
import { ISSUER_ALGORITHM, type IssuerKey } from './issuer-key.ts';

export interface MintRequest {
  /** Without a trailing slash. */
  readonly publicUrl: string;
  readonly subject: string;
  /** The surface's name: the token is good for that one only (RFC 8707). */
  readonly surface: string;
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  readonly ttlMs: number;
  readonly nowMs: number;
  readonly jti?: string;
}

/** A signed JWT (RFC 9068's claims, without a client). */
export async function mintToken(key: IssuerKey, request: MintRequest): Promise<string> {
  const { publicUrl, subject, surface, groups, scopes, ttlMs, nowMs, jti = randomUUID() } = request;
  const issuedAt = Math.floor(nowMs / 1000);
  const claims = {
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ISSUER_ALGORITHM, typ: 'at+jwt', kid: key.kid })
    .setIssuer(publicUrl)
    .setSubject(subject)
    .setAudience(surfaceUrl(publicUrl, surface))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.floor(ttlMs / 1000))
    .setJti(jti)
    .sign(await importJWK(key, ISSUER_ALGORITHM));
}
