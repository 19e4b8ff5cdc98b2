// Decides what the services are told of an issuer that a document declares.
import type { CatalogIssuer, JsonObject } from '../../core/catalog/catalog.ts';
import type { IssuerDocument } from '../../core/catalog/document.ts';

/** @param keys its public keys, as far as they are known. */
export function catalogIssuer(document: IssuerDocument, keys: readonly JsonObject[]): CatalogIssuer {
  const { name, issuer, algorithms, taskClaim, groupsClaim, scopes } = document;
  return {
    name,
    issuer,
    algorithms,
    jwks: { keys },
    ...(taskClaim === undefined ? {} : { taskClaim }),
    ...(groupsClaim === undefined ? {} : { groupsClaim }),
    ...(scopes === undefined ? {} : { scopes }),
  };
}

/** null: they are somewhere else. */
export function inlineKeys({ jwks }: IssuerDocument): readonly JsonObject[] | null {
  return jwks === undefined ? null : (jwks.keys as readonly JsonObject[]);
}
