// Decides which web pages may call the gateway (MCP 2025-11-25, transports: "Servers MUST validate the Origin header").
import { EXTENSIONS } from '../../../core/contract.ts';
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

/** The public URL's own origin and, on the same port, loopback by its other names. */
function allowedOrigins({ publicUrl, allowedOrigins: configured, port }: Place): string[] {
  const own = new URL(publicUrl);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(own.hostname)
    ? [`http://127.0.0.1:${port}`, `http://localhost:${port}`, `http://[::1]:${port}`]
    : [];
  return [...new Set([own.origin, ...loopback, ...configured])];
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
