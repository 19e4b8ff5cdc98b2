// Decides what one call is, once it is known who makes it: the things that every handler below reads.
import type { CatalogApiKey } from '../core/catalog/catalog.ts';
import type { Asker, Viewer } from '../core/catalog/govern.ts';
import type { Message } from '../core/mcp/message.ts';
import type { SessionState } from '../core/session/types.ts';
import type { Admitted } from './admit.ts';
import type { Gateway } from './gateway.ts';

/** A verified caller on a surface, at one revision. */
export interface Caller extends Asker {
  readonly gateway: Gateway;
  readonly admitted: Admitted;
  /** With which the caller came; null: with a token of an issuer, or with nothing. */
  readonly apiKey: CatalogApiKey | null;
  /** Its message is one of several: Envoy cannot carry it alone. */
  readonly batched?: true;
}

/** A caller with a message and an open session, and so with versions of the servers. */
export interface SessionCall extends Caller, Viewer {
  readonly message: Message;
  readonly session: SessionState;
  /** The sealed form, as the client sent it. */
  readonly token: string;
}

/** What of it is known in whichever ext-proc a message of the session reached. */
export type SessionMessage = Pick<
  SessionCall,
  | 'gateway'
  | 'catalog'
  | 'surface'
  | 'principal'
  | 'decisionId'
  | 'situation'
  | 'exposure'
  | 'message'
  | 'session'
  | 'token'
>;
