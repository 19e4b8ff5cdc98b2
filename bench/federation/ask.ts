// Decides how one MCP message is sent and timed, over TCP or a Unix socket, on connections that stay open.
import http from 'node:http';
import { BOUNDS } from '../bounds.ts';
import { PROTOCOL_VERSION } from '../load-order.ts';

export interface Place {
  readonly at: { readonly port: number } | { readonly socketPath: string };
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Said {
  readonly session: string;
  readonly text: string;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
};
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** @throws Error unless the status is 2xx. */
export function ask({ at, path, headers }: Place, message: object, session = ''): Promise<Said> {
  const body = JSON.stringify(message);
  return new Promise((resolve, reject) => {
    const request = http.request({
      ...at,
      host: '127.0.0.1',
      agent,
      path,
      method: 'POST',
      timeout: BOUNDS.requestDeadlineMs,
      headers: {
        ...headers,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(session === '' ? {} : { 'mcp-session-id': session }),
      },
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        if (status < 200 || status > 299)
          return reject(new Error(`found status ${status}, wanted 2xx: ${text.slice(0, BOUNDS.failureCharsMax)}`));
        resolve({ session: String(response.headers['mcp-session-id'] ?? ''), text });
      });
    });
    request.end(body);
  });
}

/** A session as a client opens it. */
export async function open(place: Place): Promise<Said> {
  const said = await ask(place, INITIALIZE);
  await ask(place, INITIALIZED, said.session);
  return said;
}

export async function timed(step: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await step();
  return performance.now() - before;
}
