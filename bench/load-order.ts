// Decides what the generator is told and what it tells back: one order, one run.
import type { Counts } from './histogram.ts';

export const LOOPBACK = '127.0.0.1';

/** Where calls go: directly, through plain Envoy, or through Chancery. */
export interface Target {
  /** On loopback. */
  readonly port: number;
  /** Of the MCP endpoint. */
  readonly path: string;
  /** Request headers besides those of the protocol, lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The tool's name there. */
  readonly tool: string;
}

export interface LoadOrder {
  readonly target: Target;
  /** What each session sends as Mcp-Session-Id; each has a connection of its own and one call at a time. */
  readonly sessions: readonly string[];
  /** Bytes of the one argument. */
  readonly textBytes: number;
  /** Calls within this are not counted, but their failures are. */
  readonly warmUpMs: number;
  /** How long to go on after that, or how many calls to make. */
  readonly until: { readonly ms: number } | { readonly calls: number };
}

export interface LoadResult {
  readonly calls: number;
  readonly elapsedMs: number;
  readonly latencies: Counts;
  /** By kind; warm-up included. */
  readonly failures: Readonly<Record<string, number>>;
  /** The first few, in words. */
  readonly samples: readonly string[];
}

/** `measuring`: the warm-up is over. */
export type LoadReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'measuring' }
  | { readonly kind: 'progress'; readonly calls: number; readonly failed: number }
  | { readonly kind: 'done'; readonly result: LoadResult };

/** The version in which all sessions are opened. */
export const PROTOCOL_VERSION = '2025-11-25';
