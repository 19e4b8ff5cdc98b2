// Decides what a route of the REST API is, and what it is given.
import type { Context } from 'hono';
import type { Logger } from '../../core/runtime/log.ts';
import type { Registry } from '../registry/registry.ts';
import type { NodeStatus } from '../xds/hub.ts';

export interface ApiServices {
  readonly registry: Registry;
  /** The xDS clients that are connected. */
  readonly nodes: () => readonly NodeStatus[];
  /** What keeps the gateway from serving what the registry holds, a sentence each; empty when nothing does. */
  readonly missing: () => readonly string[];
  /** The registry was written: publish. */
  readonly onChange: (revision: number) => void;
  readonly log: Logger;
}

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  /** Open to everybody: it tells nothing. */
  readonly open?: true;
  readonly summary: string;
  readonly handle: (context: Context, services: ApiServices) => Promise<Response>;
}

/** The revision that an answer is of. */
export const REVISION_HEADER = 'chancery-revision';

/** Who is noted in the history: there is one token so far. */
export const WHO = 'operator';
