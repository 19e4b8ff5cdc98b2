// Decides which file of certificate authorities Envoy verifies `https` servers against.
import { existsSync } from 'node:fs';

/** Debian and Alpine, Fedora, macOS and BSD. */
const WELL_KNOWN = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** The configured file, else the system's. '' when there is none: `https` servers then cannot be published. */
export function authoritiesFile(configured: string): string {
  return configured !== '' ? configured : (WELL_KNOWN.find((path) => existsSync(path)) ?? '');
}
