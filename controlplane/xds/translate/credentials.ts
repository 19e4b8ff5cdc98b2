// Decides how Envoy says who the gateway is to a server: a credential put on each request, behind everything that we log.
import { parseEndpoint } from '../../../core/catalog/endpoint.ts';
import { LIMITS } from '../../../core/limits.ts';
import { isNamed } from '../../catalog/endpoints.ts';
import { endpoint } from './endpoints.ts';
import { sdsSecret } from './secrets.ts';
import { upstreamTls } from './tls.ts';
import { FILTERS } from './type-urls.ts';
import { type Backend, type BackendAuth, BY_NAME, type EnvoyJson, type Place, seconds } from './types.ts';

const CREDENTIAL_FILTER = 'chancery.credential';

/** Envoy's word for a request that it does not let go on, because it has no credential (yet). */
export const NO_CREDENTIAL = 'failed_to_inject_credential';

/**
 * Among a backend cluster's own filters, before the codec. Without the credential a request is refused: a server that
 * lets anybody in for one thing and not for another must not take the gateway for anybody.
 */
export function credentialFilters({ auth, server, version }: Backend): readonly EnvoyJson[] {
  if (auth === undefined) return [];
  return [
    {
      name: CREDENTIAL_FILTER,
      typed_config: {
        '@type': FILTERS.credentialInjector,
        overwrite: true,
        allow_request_without_credential: false,
        credential: {
          name: `${CREDENTIAL_FILTER}.${auth.type}`,
          typed_config: credential(auth, tokenCluster(server, version.version)),
        },
      },
    },
  ];
}

function credential(auth: BackendAuth, cluster: string): EnvoyJson {
  const generic = { '@type': FILTERS.genericCredential, credential: sdsSecret(auth.secret) };
  switch (auth.type) {
    case 'bearer':
      return { ...generic, header_value_prefix: 'Bearer ' };
    case 'header':
      return { ...generic, header: auth.header };
    case 'oauth':
      return {
        '@type': FILTERS.oauthCredential,
        token_endpoint: { uri: auth.tokenUrl, cluster, timeout: seconds(LIMITS.tokenFetchDeadlineMs) },
        ...(auth.scopes.length === 0 ? {} : { scopes: auth.scopes }),
        client_credentials: {
          client_id: auth.clientId,
          client_secret: sdsSecret(auth.secret),
          // What Envoy 1.40 does, whatever it is told.
          auth_type: 'URL_ENCODED_BODY',
        },
        token_fetch_retry_interval: seconds(LIMITS.tokenFetchRetryMs),
      };
  }
}

function tokenCluster(server: string, version: string): string {
  return `oauth.${server}.${version}`;
}

/** The cluster of the endpoint where Envoy fetches tokens; none for a backend that needs none. */
export function tokenClusters({ auth, server, version }: Backend, place: Place): readonly EnvoyJson[] {
  const address = auth?.type === 'oauth' ? parseEndpoint(auth.tokenUrl) : null;
  if (address === null) return [];
  const name = tokenCluster(server, version.version);
  return [
    {
      name,
      ...(isNamed(address) ? BY_NAME : { type: 'STATIC' }),
      connect_timeout: seconds(LIMITS.connectDeadlineMs),
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint(address)] }] },
      ...(address.tls ? { transport_socket: upstreamTls(address.host, place) } : {}),
    },
  ];
}
