// Decides which secrets an instance has from its first start on.
import { randomBytes } from 'node:crypto';
import type { CatalogIssuer, SessionKey } from '../../core/catalog/catalog.ts';
import { deriveIdentityKeys, type IdentityKeys } from './identity-keys.ts';
import { issuerOf, openIssuerKey } from './issuer-key.ts';
import { deriveKey, openMasterKey } from './master-key.ts';
import { openOperatorToken } from './operator-token.ts';
import { openPrivateFolder } from './private-file.ts';
import { deriveSessionKey } from './session-keys.ts';

export { KeyError } from './private-file.ts';

export interface Keys {
  /** Secret: who has it may do everything over the REST API. */
  readonly operatorToken: string;
  /** Public keys only. */
  readonly issuer: CatalogIssuer;
  /** Secret. */
  readonly sessionKeys: readonly SessionKey[];
  /** Secret. */
  readonly identityKeys: IdentityKeys;
  /** Secret: what the registry keeps of secrets is sealed with it. */
  readonly registryKey: Buffer;
}

export interface KeysOptions {
  /** Without a trailing slash; the `iss` of the tokens that are made here. */
  readonly publicUrl: string;
  readonly random?: (bytes: number) => Buffer;
}

/** Reads the secrets in the home folder, and makes those that are missing. @throws KeyError with one sentence. */
export function openKeys(home: string, { publicUrl, random = randomBytes }: KeysOptions): Keys {
  openPrivateFolder(home);
  const master = openMasterKey(home, random);
  return {
    operatorToken: openOperatorToken(home, random),
    issuer: issuerOf(openIssuerKey(home), publicUrl),
    sessionKeys: [deriveSessionKey(master)],
    identityKeys: deriveIdentityKeys(master),
    registryKey: deriveKey(master, 'registry'),
  };
}
