// Decides how Envoy asks ext-authz, and that a silent ext-authz refuses.
import { AUTHZ_TRANSLATED, CLUSTERS } from '../../../core/contract.ts';
import { LIMITS } from '../../../core/limits.ts';
import { FILTERS } from './type-urls.ts';
import { type EnvoyJson, seconds } from './types.ts';

const EXT_AUTHZ_FILTER = 'chancery.ext_authz';

/** Off in the listener; a route that wants it turns it on. */
export function extAuthzFilter(bodyBytesMax: number): EnvoyJson {
  return {
    name: EXT_AUTHZ_FILTER,
    disabled: true,
    typed_config: {
      '@type': FILTERS.extAuthz,
      transport_api_version: 'V3',
      grpc_service: { envoy_grpc: { cluster_name: CLUSTERS.extAuthz }, timeout: seconds(LIMITS.authzDeadlineMs) },
      with_request_body: { max_request_bytes: bodyBytesMax, allow_partial_message: false, pack_as_bytes: true },
      failure_mode_allow: false,
      status_on_error: { code: 'ServiceUnavailable' },
      validate_mutations: true,
    },
  };
}

export function extAuthzOn(): Readonly<Record<string, EnvoyJson>> {
  return {
    [EXT_AUTHZ_FILTER]: {
      '@type': FILTERS.filterConfig,
      config: {
        '@type': FILTERS.extAuthzPerRoute,
        check_settings: { context_extensions: { [AUTHZ_TRANSLATED]: 'true' } },
      },
    },
  };
}
