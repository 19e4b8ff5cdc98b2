// Decides how Envoy makes sure of a server that it calls over TLS, and what it shows of itself.
import { isIP } from 'node:net';
import { sdsSecret } from './secrets.ts';
import { FILTERS } from './type-urls.ts';
import type { Backend, EnvoyJson, Place } from './types.ts';

/**
 * The name that was configured is the name that is verified.
 * @param host of the endpoint; `declared.serverName` stands for it.
 */
export function upstreamTls(host: string, place: Place, declared: Backend['tls'] = {}): EnvoyJson {
  const { ca, serverName = host, clientCertificate } = declared;
  const isAddress = isIP(serverName) !== 0;
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': FILTERS.upstreamTls,
      // "Literal IPv4 and IPv6 addresses are not permitted" (RFC 6066 §3).
      ...(isAddress ? {} : { sni: serverName }),
      common_tls_context: {
        ...(clientCertificate === undefined
          ? {}
          : { tls_certificate_sds_secret_configs: [sdsSecret(clientCertificate)] }),
        validation_context: {
          trusted_ca: ca === undefined ? { filename: place.caFile } : { inline_string: ca },
          match_typed_subject_alt_names: [
            { san_type: isAddress ? 'IP_ADDRESS' : 'DNS', matcher: { exact: serverName } },
          ],
        },
      },
    },
  };
}
