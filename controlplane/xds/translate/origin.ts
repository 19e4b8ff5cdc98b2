// Decides which web pages may call the gateway (MCP 2025-11-25, transports: "Servers MUST validate the Origin header").
import { EXTENSIONS } from '../../../core/contract.ts';
import { loopbackHosts } from './own-hosts.ts';
import { FILTERS } from './type-urls.ts';
import { type EnvoyJson, OVER_ADS, type Place } from './types.ts';

/**
 * In the listener, which never changes: its configuration comes by itself (ECDS). There is no default one, and the
 * listener does not open before the first has come.
 */
export function originFilter(): EnvoyJson {
  return {
    name: EXTENSIONS.origin,
    config_discovery: { config_source: { ...OVER_ADS, initial_fetch_timeout: '0s' }, type_urls: [FILTERS.rbac] },
  };
}

export function originExtension(place: Place): EnvoyJson {
  return {
    name: EXTENSIONS.origin,
    typed_config: { '@type': FILTERS.rbac, rules: denyUnless(allowedOrigins(place)) },
  };
}

function allowedOrigins(place: Place): string[] {
  const loopback = loopbackHosts(place).map((host) => `http://${host}`);
  return [...new Set([new URL(place.publicUrl).origin, ...loopback, ...place.allowedOrigins])];
}

function denyUnless(origins: readonly string[]): EnvoyJson {
  const present = { header: { name: 'origin', present_match: true } };
  const allowed = origins.map((exact) => ({ not_rule: { header: { name: 'origin', string_match: { exact } } } }));
  return {
    action: 'DENY',
    policies: {
      origin: { permissions: [{ and_rules: { rules: [present, ...allowed] } }], principals: [{ any: true }] },
    },
  };
}
