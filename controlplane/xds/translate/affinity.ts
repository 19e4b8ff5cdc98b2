// Decides that a session's calls reach the replica that opened it.
import { HEADERS } from '../../../core/contract.ts';
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson } from './types.ts';

/**
 * The envelope around a backend's session id names its replica; it lives inside the sealed session token. Not strict: when
 * the replica is gone the call goes to another, which does not know the session, and the repair opens one there.
 */
export function affinityFilter(): EnvoyJson {
  return {
    name: 'envoy.filters.http.stateful_session',
    typed_config: {
      '@type': FILTERS.statefulSession,
      session_state: {
        name: 'envoy.http.stateful_session.envelope',
        typed_config: { '@type': FILTERS.envelope, header: { name: HEADERS.session } },
      },
    },
  };
}
