// Decides what another ext-proc is told of a message that belongs to what lives in it.
import type { Asker } from '../../core/catalog/govern.ts';
import type { Message } from '../../core/mcp/message.ts';
import type { Question } from './instances.ts';
import { principalOnWire, type RelayKind } from './wire.ts';

/** Who calls, as verified here; of a session also its token. */
export function questionOf(
  kind: RelayKind,
  { surface, principal, token = '' }: Pick<Asker, 'surface' | 'principal'> & { readonly token?: string },
  message: Pick<Message, 'bytes'> | null,
): Question {
  return {
    kind,
    surface: surface.name,
    principal: principalOnWire(principal),
    session: token,
    asked: '',
    message: message?.bytes ?? Buffer.alloc(0),
  };
}
