// Decides how agents are met over TLS, and whether they are asked for a certificate of their own.
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson, Place } from './types.ts';

/** Nothing for a gateway that speaks plain HTTP. A certificate that nobody vouches for ends the connection. */
export function agentsTls({ tlsCert = '', tlsKey = '', clientCa = '', clientCertificate }: Place): EnvoyJson {
  if (tlsCert === '') return {};
  const asked = clientCa !== '';
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': FILTERS.downstreamTls,
        ...(asked && { require_client_certificate: clientCertificate === 'required' }),
        common_tls_context: {
          tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
          tls_certificates: [{ certificate_chain: { filename: tlsCert }, private_key: { filename: tlsKey } }],
          ...(asked && { validation_context: { trusted_ca: { filename: clientCa } } }),
          alpn_protocols: ['h2', 'http/1.1'],
        },
      },
    },
  };
}
