// Decides what Envoy receives of a catalog: every resource, by type and name, in the order in which types are pushed.
import { clusters } from './clusters.ts';
import { endpoints } from './endpoints.ts';
import { listeners } from './listeners.ts';
import { routes } from './routes.ts';
import { TYPES } from './type-urls.ts';
import type { Translated, TranslateInput } from './types.ts';

/** Pure: equal catalogs give equal bytes. */
export function translate({ catalog, backends, place }: TranslateInput): Translated {
  return {
    [TYPES.cluster]: clusters(backends, place),
    [TYPES.endpoints]: endpoints(backends),
    [TYPES.listener]: listeners(place),
    [TYPES.routes]: routes(catalog, place),
  };
}
