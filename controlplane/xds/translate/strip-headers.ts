// Decides which request headers a client cannot set: all internal ones, before a route is chosen by them.
import { INTERNAL_HEADER_PREFIX } from '../../../core/contract.ts';
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson } from './types.ts';

/**
 * An early mutation and no filter: Envoy chooses the route, and with it the cluster that a header names and the filters
 * that run, before the first filter sees the request.
 */
export function stripHeaders(): EnvoyJson {
  const internal = { key_matcher: { prefix: INTERNAL_HEADER_PREFIX, ignore_case: true } };
  return {
    name: 'envoy.http.early_header_mutation.header_mutation',
    typed_config: { '@type': FILTERS.earlyHeaderMutation, mutations: [{ remove_on_match: internal }] },
  };
}
