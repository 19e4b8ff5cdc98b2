// Decides how the REST API listens, and how it stops.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { LIMITS } from '../../core/limits.ts';
import { StartError } from '../../core/runtime/process.ts';
import { SETTINGS } from '../../core/runtime/settings.ts';
import { ApiError, problemResponse } from './error.ts';

export interface ServedApi {
  readonly port: number;
  /** Answers what has begun, for a moment. */
  close(): Promise<void>;
}

/** Port 0: any. @throws StartError with the setting that changes the address. */
export async function serveApi(app: Hono, host: string, port: number): Promise<ServedApi> {
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // Before there is a request there can only be an address that is none.
    errorHandler: () => problemResponse(new ApiError('bad_host')),
  });
  const server = createServer(
    {
      requestTimeout: LIMITS.bodyDeadlineMs,
      headersTimeout: LIMITS.bodyDeadlineMs,
      maxHeaderSize: LIMITS.keyFileBytesMax,
    },
    listener,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new StartError(sentence(error, host, port), { cause: error })));
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), LIMITS.probeDeadlineMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function sentence(error: NodeJS.ErrnoException, host: string, port: number): string {
  const { apiPort, apiHost } = SETTINGS;
  const taken = error.code === 'EADDRINUSE';
  const why = taken ? 'the port is taken' : error.message;
  const how = taken
    ? `--${apiPort.flag} or ${apiPort.env}`
    : `--${apiHost.flag}, --${apiPort.flag}, ${apiHost.env} or ${apiPort.env}`;
  return `the REST API cannot listen on ${host}:${port}: ${why}; choose another with ${how}`;
}
