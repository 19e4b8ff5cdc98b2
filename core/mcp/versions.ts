// Decides which protocol versions the gateway speaks, and which one a session of the legacy era gets.

/** Released revisions with `initialize` and sessions, oldest first. */
export const LEGACY_VERSIONS = ['2025-03-26', '2025-06-18', '2025-11-25'] as const;
export const LATEST_LEGACY_VERSION = '2025-11-25';

/** Released revisions without sessions, oldest first. */
export const MODERN_VERSIONS = ['2026-07-28'] as const;
export const MODERN_VERSION = '2026-07-28';

/**
 * "If the server supports the requested protocol version, it MUST respond with the same version. Otherwise, the server
 * MUST respond with another protocol version it supports. This SHOULD be the latest version supported by the server."
 * (MCP 2025-11-25, basic/lifecycle, "Version Negotiation")
 */
export function negotiate(requested: string): string {
  return isLegacyVersion(requested) ? requested : LATEST_LEGACY_VERSION;
}

export function isLegacyVersion(version: string): boolean {
  return (LEGACY_VERSIONS as readonly string[]).includes(version);
}

export function isModernVersion(version: string): boolean {
  return (MODERN_VERSIONS as readonly string[]).includes(version);
}
