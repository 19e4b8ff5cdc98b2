// Decides in which protocol version a backend is spoken to.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { SessionState } from '../../core/session/types.ts';

/**
 * The client's, or the newest that the backend has where that is older: discovery asks with the newest of ours, and "if
 * the server receives a request with an invalid or unsupported MCP-Protocol-Version, it MUST respond with 400". Versions
 * are dates, so their texts compare.
 */
export function backendVersion(
  { discovered }: ServerVersion,
  { protocolVersion }: Pick<SessionState, 'protocolVersion'>,
): string {
  return discovered !== null && discovered.protocolVersion < protocolVersion
    ? discovered.protocolVersion
    : protocolVersion;
}
