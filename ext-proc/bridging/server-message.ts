// Decides what one message is that a server sent on the stream of a call.
import { type Message, messagesIn, parseMessage } from '../../core/mcp/message.ts';
import { memberText } from './json-text.ts';

export interface ServerMessage {
  readonly kind: Message['kind'];
  readonly text: string;
  /** JSON text; `null` of a notification. */
  readonly idText: string;
  /** '' of a response. */
  readonly method: string;
  /** JSON text; null: there are none. */
  readonly params: string | null;
}

/** Of one event, or a JSON body; what is no message is left out. */
export function serverMessages(data: string): readonly ServerMessage[] {
  return data === '' ? [] : messagesIn(data).flatMap((bytes) => serverMessage(bytes.toString()) ?? []);
}

/** Null: it is no message of JSON-RPC, or one that two readers would read differently. Total. */
export function serverMessage(text: string): ServerMessage | null {
  const parsed = parseMessage(Buffer.from(text));
  if (!parsed.ok) return null;
  const { kind, idText, method } = parsed.message;
  return { kind, text, idText, method, params: memberText(text, 'params') };
}
