// Decides what a server answers that plays the REST API, where a test wants answers that the real one would not give.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Command } from '../context.ts';
import { type Called, type CallOptions, callIn } from './instance.ts';

export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Played {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Absent: no body. Text as it is; anything else as JSON. */
  readonly body?: unknown;
}

export interface PlayedApi {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Runs a command that finds the server by its environment. */
  call(command: Command, args: readonly string[], options?: CallOptions): Promise<Called>;
  close(): Promise<void>;
}

export async function playApi(cwd: string, answer: (asked: Asked) => Played): Promise<PlayedApi> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    asked.push(one);
    const { status = 200, headers = {}, body } = answer(one);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    call: (command, args, options = {}) =>
      callIn(cwd, {}, command, args, {
        ...options,
        env: { CHANCERY_API_URL: url, CHANCERY_TOKEN: 'chk_1a2b3c4d_x', ...options.env },
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
