// Decides how much of a request's body is read, and for how long.
import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '../core/errors.ts';

export type Body = { readonly bytes: Buffer } | { readonly refused: ErrorCode } | { readonly left: true };

/** Total. `left`: the client went away before the end. */
export function readBody(request: IncomingMessage, bytesMax: number, deadlineMs: number): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return Promise.resolve({ refused: 'body_too_large' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (body: Body): void => {
      clearTimeout(timer);
      request.off('data', take);
      resolve(body);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > bytesMax) finish({ refused: 'body_too_large' });
    };
    const timer = setTimeout(() => finish({ refused: 'body_timeout' }), deadlineMs);
    request.on('data', take);
    request.once('end', () => finish({ bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) }));
    request.once('error', () => finish({ left: true }));
    request.once('close', () => finish({ left: true }));
  });
}
