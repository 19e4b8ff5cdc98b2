// Decides which request headers a client cannot set: those by which routes and clusters are chosen, before one is.
import { INTERNAL_HEADERS } from '../../../core/contract.ts';
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson } from './types.ts';

/**
 * An early mutation and no filter: Envoy chooses the route, and with it the cluster that a header names and the filters
 * that run, before the first filter sees the request. By name and not by prefix: a pattern is tried on every header of
 * every request, which costs as much as a filter.
 */
export function stripHeaders(): EnvoyJson {
  return {
    name: 'envoy.http.early_header_mutation.header_mutation',
    typed_config: { '@type': FILTERS.earlyHeaderMutation, mutations: INTERNAL_HEADERS.map((remove) => ({ remove })) },
  };
}
