// Decides which answers without an id are the answer to the one request that was asked.
import { LIMITS } from '../../core/limits.ts';
import { scan } from '../../core/mcp/scan.ts';

/** The error of a body that says it without an id, as servers do of a request that they did not read; null: it is none. */
export function refusalText(bytes: Buffer, idText: string): string | null {
  const scanned = scan(bytes, LIMITS.jsonDepthMax);
  if (typeof scanned === 'string') return null;
  const id = scanned.members.get('id');
  const error = scanned.members.get('error');
  if (error === undefined || (id !== undefined && bytes.toString('utf8', id.start, id.end) !== 'null')) return null;
  return `{"jsonrpc":"2.0","id":${idText},"error":${bytes.toString('utf8', error.start, error.end)}}`;
}
