// Decides what translation takes and gives: the catalog and where things are, to plain JSON in Envoy's own field names.
import type { Catalog } from '../../../core/catalog/catalog.ts';
import type { Backend } from '../../catalog/build.ts';

export type { Backend };

/** A resource as Envoy's documentation writes it (snake_case); the strict encoder rejects what Envoy does not know. */
export type EnvoyJson = { readonly [member: string]: unknown };

export interface Place {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly runDir: string;
  readonly publicUrl: string;
  readonly allowedOrigins: readonly string[];
  readonly bodyBytesMax: number;
  /** PEM file of the authorities that may vouch for `https` endpoints; absolute. */
  readonly caFile: string;
  /** File that Envoy writes its access log to; absolute. */
  readonly accessLog: string;
}

export interface TranslateInput {
  readonly catalog: Catalog;
  readonly backends: readonly Backend[];
  readonly place: Place;
}

/** Type URL → name → resource. */
export type Translated = Readonly<Record<string, Readonly<Record<string, EnvoyJson>>>>;

export function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
