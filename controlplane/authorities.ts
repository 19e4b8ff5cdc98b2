// Decides which file of certificate authorities Envoy verifies `https` servers against.
import { existsSync } from 'node:fs';
import { certificatesProblem } from '../core/catalog/documents/pem.ts';
import { readPemFile } from '../core/runtime/pem-file.ts';
import { StartError } from '../core/runtime/process.ts';
import { SETTINGS } from '../core/runtime/settings.ts';

/** Debian and Alpine, Fedora, macOS and BSD. */
const WELL_KNOWN = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/**
 * The configured file, else the system's. '' when there is none: `https` servers then cannot be published.
 * @throws StartError about a configured file with which Envoy would refuse every `https` server.
 */
export function authoritiesFile(configured: string): string {
  if (configured === '') return WELL_KNOWN.find((path) => existsSync(path)) ?? '';
  const what = `the authorities of ${SETTINGS.caFile.env}`;
  const problem = certificatesProblem(readPemFile(configured, what).toString());
  if (problem !== null) throw new StartError(`${configured} is no file of ${what}: ${problem}`);
  return configured;
}
