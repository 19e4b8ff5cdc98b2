// Decides how a call tells its own repair which session and which server version it was made with.
import type { ServerVersion } from '../../core/catalog/catalog.ts';

export interface RepairContext {
  /** The sealed session token, as the client sent it. */
  readonly token: string;
  readonly server: string;
  readonly version: string;
  /** Raw JSON of the request's id; `null` where none is known. */
  readonly idText: string;
}

/** In place of the token: a call of the modern era, in which there is no session to repair. */
export const NO_SESSION = 'modern';

/** Neither tokens nor names contain a space, and a server's name no slash. */
export function repairContext(token: string, { name, version }: ServerVersion, idText: string): string {
  return `${token} ${name}/${version} ${Buffer.from(idText).toString('base64url')}`;
}

/** What is missing is ''. Total. */
export function readRepairContext(text: string): RepairContext {
  const [token = '', backend = '', id = ''] = text.split(' ');
  const [server = '', version = ''] = backend.split('/');
  return { token, server, version, idText: id === '' ? 'null' : Buffer.from(id, 'base64url').toString() };
}
