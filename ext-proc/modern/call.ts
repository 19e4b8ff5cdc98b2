// Decides what one call of the modern era is: it says itself what a session says in the legacy one.
import type { Verdict, Viewer } from '../../core/catalog/govern.ts';
import type { Envelope } from '../../core/mcp/inbound.ts';
import type { Message } from '../../core/mcp/message.ts';
import type { Caller } from '../call.ts';

/** A caller with a request, and with the versions of the servers that he is led to each time. */
export interface ModernCall extends Caller, Viewer {
  readonly message: Message;
  readonly envelope: Envelope;
}

/** A call with a target that the policy allows. */
export type Allowed = Extract<Verdict, { kind: 'call' }>;
export type Governed = Extract<Verdict, { kind: 'lifecycle' | 'call' }>;
