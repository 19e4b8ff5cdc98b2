// Decides which version a remote of a server.json becomes: its address, and the credential that it asks for.
import { parseEndpoint } from '../../../core/catalog/endpoint.ts';
import { filledIn } from './filled-in.ts';
import type { ImportedPackage } from './imported-package.ts';
import { secretName } from './secret-name.ts';
import type { ServerJsonRemote } from './server-json.ts';

/** A sentence when it cannot be used. */
export function remoteVersion(remote: ServerJsonRemote, server: string): ImportedPackage | string {
  if (remote.type !== 'streamable-http')
    return `the transport is ${JSON.stringify(remote.type)}, wanted streamable-http`;
  const url = filledIn(remote.url, remote.variables);
  if ('missing' in url) return `its URL has the variable {${url.missing}} without a value`;
  const address = parseEndpoint(url.text);
  if (address === null || address.kind !== 'tcp') return 'its URL is not http(s)://HOST:PORT/PATH without a query';
  const secrets = remote.headers.filter(({ isSecret = false, value = '' }) => isSecret || /\{[^}]*\}/.test(value));
  const [credential] = secrets;
  const notes = remote.headers
    .filter((header) => header !== credential)
    .map(({ name }) => `the header ${JSON.stringify(name)} is not sent`);
  const endpoints = [{ url: url.text }];
  if (credential === undefined) return { version: { endpoints }, secrets: [], notes };
  const secret = secretName(server, credential.name);
  const header = credential.name.toLowerCase();
  const isBearer = header === 'authorization';
  if (isBearer && credential.value !== undefined && !/^bearer /i.test(credential.value))
    notes.push('its Authorization header is not a bearer token: give the header with auth type "header"');
  const auth = isBearer ? { type: 'bearer', secret } : { type: 'header', header, secret };
  return { version: { endpoints, auth }, secrets: [secret], notes };
}
