// Decides how a call of the modern era is made by ext-proc itself, because something in its answer has to change.
import { HEADERS } from '../../core/contract.ts';
import { carriedHeaders } from '../compose/carried-headers.ts';
import { composeCall, type MessageTransform } from '../compose/compose.ts';
import { deprecationHeaders } from '../federation/deprecated.ts';
import type { Outcome } from '../outcome.ts';
import { answerFor } from './answered.ts';
import type { Allowed, ModernCall } from './call.ts';
import type { Forwarded } from './relay.ts';

/** What a call through the egress listener says by other means. */
const OURS: ReadonlySet<string> = new Set([HEADERS.cluster, ':path', HEADERS.protocolVersion, 'content-type']);

/** `answer`: what the caller gets of a message of the server; absent: as of any call. */
export function composeModern(
  call: ModernCall,
  { decision }: Pick<Allowed, 'decision'>,
  forwarded: Forwarded,
  answer: MessageTransform = (message) => answerFor(call, forwarded.exposed, message),
): Outcome {
  const { gateway, message, envelope, admitted } = call;
  const { exposed, setHeaders, removeHeaders } = forwarded;
  const { version } = exposed;
  gateway.log.debug(
    { server: version.name, version: version.version, target: exposed.name, decision: decision.id },
    'a call of the modern era is made here',
  );
  const kept = [...admitted.paramHeaders].filter(([name]) => !removeHeaders.includes(name));
  return composeCall({
    gateway,
    idText: message.idText,
    exposed,
    decision,
    backendSession: '',
    protocolVersion: envelope.protocolVersion,
    headers: {
      ...carriedHeaders(admitted.headers),
      ...Object.fromEntries([...kept, ...setHeaders.filter(([name]) => !OURS.has(name))]),
    },
    body: Buffer.concat(forwarded.body),
    transform: () => answer,
    answerHeaders: deprecationHeaders(version),
  });
}
