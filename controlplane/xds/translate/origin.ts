// Decides which web pages may call the gateway (MCP 2025-11-25, transports: "Servers MUST validate the Origin header").
import { FILTERS } from './type-urls.ts';
import type { EnvoyJson, Place } from './types.ts';

export const ORIGIN_FILTER = 'chancery.origin';

/** In the listener, which never changes: denies every Origin unless a virtual host says which are allowed. */
export function originFilter(): EnvoyJson {
  return { name: ORIGIN_FILTER, typed_config: { '@type': FILTERS.rbac, rules: denyUnless([]) } };
}

export function originPerHost(place: Place): Readonly<Record<string, EnvoyJson>> {
  return { [ORIGIN_FILTER]: { '@type': FILTERS.rbacPerRoute, rbac: { rules: denyUnless(allowedOrigins(place)) } } };
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
