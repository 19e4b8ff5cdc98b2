// Decides how much of a request's body is read, and as what.
import { LIMITS } from '../../core/limits.ts';
import { ApiError } from './error.ts';

/** The body as JSON. It is counted while it comes: one that is too large is never held whole. @throws ApiError */
export async function readJson(request: Request, bytesMax: number = LIMITS.apiBodyBytesMax): Promise<unknown> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  // A form or plain text is what a web page can send without being asked for leave (CORS "simple" requests).
  if (type !== 'application/json')
    throw new ApiError('unsupported_media_type', { detail: `found ${JSON.stringify(type)}` });
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new ApiError('unsupported_encoding');
  const bytes = await readBytes(request, bytesMax);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError('invalid_json');
  }
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
