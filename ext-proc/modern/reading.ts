// Decides whether a caller may read a resource, and whose it is, where no message asks for it.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import { govern, type Viewer } from '../../core/catalog/govern.ts';
import { type Message, parseMessage } from '../../core/mcp/message.ts';

/** The server version that the caller would read it from; null: he may not, or nobody has it. */
export function ownerOf(viewer: Viewer, uri: string): ServerVersion | null {
  const verdict = govern(readOf(uri), viewer, 'modern');
  return verdict.kind === 'call' ? verdict.exposed.version : null;
}

/** The question that a policy is asked for a resource. */
function readOf(uri: string): Message {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'resources/read', params: { uri } });
  const parsed = parseMessage(Buffer.from(text));
  if (!parsed.ok) throw new Error('a question of ours is no message');
  return parsed.message;
}
