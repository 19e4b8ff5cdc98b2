// Decides how the supervisor asks the parts over HTTP: one request, one deadline, a bounded answer.
import { request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { LIMITS } from '../../core/limits.ts';

export type Answer = { readonly status: number; readonly body: string } | { readonly problem: string };

export interface Question {
  /** A Unix socket, or a host and a port. */
  readonly at: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Over TLS, whoever vouches for the other side: it is only asked whether it is there, and told nothing. */
  readonly tls?: boolean;
}

const ANSWER_CHARS_MAX = 4 * 1024 * 1024;

/** Total: what goes wrong is a value. */
export function ask({ at, path, method = 'GET', headers = {}, tls = false }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const options: RequestOptions = { ...at, path, method, headers, agent: false };
    const request = tls ? secureRequest : plainRequest;
    const call = request({ ...options, ...(tls && { rejectUnauthorized: false }) }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > ANSWER_CHARS_MAX) call.destroy(new Error('the answer is too long'));
      });
      response.on('end', () => finish({ status: response.statusCode ?? 0, body }));
      response.on('error', (error) => finish({ problem: error.message }));
    });
    const deadline = setTimeout(() => call.destroy(new Error('no answer in time')), LIMITS.probeDeadlineMs);
    const finish = (answer: Answer): void => {
      clearTimeout(deadline);
      resolve(answer);
    };
    call.on('error', (error) => finish({ problem: error.message }));
    call.end();
  });
}

/** Where a part that listens on `host` is asked: a wildcard address is reached over loopback. */
export function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
