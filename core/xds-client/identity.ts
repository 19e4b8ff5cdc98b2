// Decides which group and node id a client's certificate fixes.
import { X509Certificate } from 'node:crypto';

export interface Identity {
  readonly group: string;
  readonly id: string;
}

/** One name of the text that Node makes of a certificate's subjectAltName: special characters are inside quotes. */
const NAME = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
/** `spiffe://<trust domain>/chancery/<group>/<node id>`; segments as the SPIFFE ID specification has them. */
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]+\/chancery\/([A-Za-z0-9._-]+)\/([A-Za-z0-9._-]+)$/;

/**
 * From the text of a verified certificate's subjectAltName; null when it names no node. "An X.509 SVID MUST contain
 * exactly one URI SAN" (SPIFFE X509-SVID §2): with two it is not clear who calls.
 */
export function identityOf(subjectAltName: string | undefined): Identity | null {
  const text = subjectAltName ?? '';
  const uris: string[] = [];
  for (let at = 0; at < text.length; at = NAME.lastIndex) {
    NAME.lastIndex = at;
    const [, kind = '', value = ''] = NAME.exec(text) ?? [];
    if (kind === '') return null;
    if (kind === 'URI') uris.push(value);
  }
  const [, group, id] = (uris.length === 1 ? SPIFFE_ID.exec(uris[0]!) : null) ?? [];
  return group === undefined || id === undefined ? null : { group, id };
}

/** What our own certificate says that we are; null when it names no node, or cannot be read. */
export function certifiedIdentity(pem: Buffer): Identity | null {
  try {
    return identityOf(new X509Certificate(pem).subjectAltName);
  } catch {
    return null;
  }
}
