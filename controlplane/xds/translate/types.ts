// Decides what translation takes and gives: the catalog and where things are, to plain JSON in Envoy's own field names.
import type { BuiltCatalog } from '../../catalog/build.ts';
import type { EnvoyJson } from '../envoy-snapshot.ts';

export type { Backend, BackendAuth } from '../../catalog/build.ts';
export type { EnvoyJson } from '../envoy-snapshot.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly runDir: string;
  /** ext-proc on Envoy's host; absent: one. */
  readonly instances?: number;
  readonly publicUrl: string;
  readonly allowedOrigins: readonly string[];
  readonly bodyBytesMax: number;
  /** PEM file of the authorities that may vouch for `https` endpoints; absolute. */
  readonly caFile: string;
  /** PEM files, absolute; absent or '': plain HTTP. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** PEM file of the authorities of agents' certificates, absolute; absent or '': none is asked for. */
  readonly clientCa?: string;
  readonly clientCertificate?: 'optional' | 'required';
  /** File that Envoy writes its access log to; absolute. */
  readonly accessLog: string;
}

export interface TranslateInput {
  readonly built: BuiltCatalog;
  readonly place: Place;
  /** Clusters that Envoy is not given: a name in their endpoints led where it must not. Replaced when it changes. */
  readonly blocked?: ReadonlySet<string>;
}

export const NONE_BLOCKED: ReadonlySet<string> = new Set();

/** Type URL → name → resource, of one group of Envoys. */
export type Translated = Readonly<Record<string, ReadonlyMap<string, EnvoyJson>>>;

export function seconds(ms: number): string {
  return `${ms / 1000}s`;
}

/**
 * A cluster whose names Envoy resolves by itself. All addresses: with its default it takes IPv6 ones only where a name has
 * both, and `localhost` has, of which a server may listen on one.
 */
export const BY_NAME = { type: 'STRICT_DNS', dns_lookup_family: 'ALL' } as const;

/** Where Envoy gets a resource that another one names. */
export const OVER_ADS = { ads: {}, resource_api_version: 'V3' } as const;
