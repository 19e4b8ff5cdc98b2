// Decides how much of a request's body is read, and as what.
import { LIMITS } from '../../core/limits.ts';
import { mediaType } from '../../core/mcp/media-type.ts';
import { scan } from '../../core/mcp/scan.ts';
import { ApiError } from './error.ts';

/**
 * The body as a JSON object. It is counted while it comes: one that is too large is never held whole. It is scanned before
 * it is parsed, so that neither its depth nor a repeated key reaches what walks it later. @throws ApiError
 */
export async function readJson(request: Request, bytesMax: number = LIMITS.apiBodyBytesMax): Promise<object> {
  const type = mediaType(request.headers.get('content-type') ?? '');
  // A form or plain text is what a web page can send without being asked for leave (CORS "simple" requests).
  if (type !== 'application/json')
    throw new ApiError('unsupported_media_type', { detail: `found ${JSON.stringify(type)}` });
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new ApiError('unsupported_encoding');
  const bytes = withoutByteOrderMark(await readBytes(request, bytesMax));
  const scanned = scan(bytes, LIMITS.jsonDepthMax);
  if (scanned === 'parse_error')
    throw new ApiError('invalid_json', {
      detail: `wanted UTF-8, nested at most ${LIMITS.jsonDepthMax} deep, with at most ${LIMITS.messageMembersMax} members`,
    });
  if (scanned === 'duplicate_key') throw new ApiError('duplicate_key');
  if (typeof scanned === 'string') throw new ApiError('invalid_request', { detail: 'the body must be an object' });
  const text = bytes.toString('utf8');
  const value = JSON.parse(text) as object;
  // Only what is escaped, or spelled out, can be one of these.
  const trap = text.includes('\\u') || text.includes('__proto__') ? trapIn(value) : null;
  if (trap !== null) throw new ApiError('invalid_json', { detail: trap });
  return value;
}

/** A sentence; null when there is nothing that later readers would take for something else. No recursion. */
function trapIn(root: unknown): string | null {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    // SQLite stores UTF-8, which has no lone surrogates: it would come back as something else.
    if (typeof value === 'string' && !value.isWellFormed()) return 'lone surrogates are not allowed';
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, member] of Object.entries(value)) {
      if (key === '__proto__') return 'a key "__proto__" is not allowed';
      waiting.push(key, member);
    }
  }
  return null;
}

/** RFC 8259 §8.1: a parser may ignore one. */
function withoutByteOrderMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

async function readBytes(request: Request, bytesMax: number): Promise<Buffer> {
  const tooLarge = new ApiError('body_too_large', {
    detail: `wanted at most ${bytesMax} bytes`,
    headers: { connection: 'close' },
  });
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) return Buffer.concat(chunks);
    bytes += part.value.byteLength;
    if (bytes > bytesMax) {
      // Not awaited: the rest may never come.
      void reader?.cancel().catch(() => {});
      throw tooLarge;
    }
    chunks.push(part.value);
  }
}
