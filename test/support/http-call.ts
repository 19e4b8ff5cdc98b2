// Decides how a test asks an Envoy of its own: one request on a connection of its own, within a deadline.
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** @throws Error when there is no answer in time. */
export function callHttp(options: RequestOptions, deadlineMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, timeout: deadlineMs, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => void chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error(`${options.path}: no answer`)));
    sent.on('error', reject);
    sent.end();
  });
}
