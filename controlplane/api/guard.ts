// Decides from where the REST API may be called: by its own name, and never by a web page.
import { ApiError } from './error.ts';
import type { ApiSettings } from './route.ts';

export type GuardSettings = Pick<ApiSettings, 'apiHost' | 'apiPort'>;

/** A page whose own name was rebound to our address still sends its own name. @throws ApiError */
export function checkHost(headers: Headers, { apiHost, apiPort }: GuardSettings): void {
  const host = headers.get('host');
  const names = ['127.0.0.1', 'localhost', '[::1]', apiHost.includes(':') ? `[${apiHost}]` : apiHost.toLowerCase()];
  // RFC 9110 §4.2.1: the port of the scheme is left out.
  const allowed = names.flatMap((name) => [`${name}:${apiPort}`, ...(apiPort === 80 ? [name] : [])]);
  if (host === null || !allowed.includes(host.toLowerCase())) throw new ApiError('bad_host');
}

/** Browsers send Origin with every request that may write; ours has no pages, so only its own address may be there. @throws ApiError */
export function checkOrigin(headers: Headers): void {
  const origin = headers.get('origin');
  if (origin !== null && origin.toLowerCase() !== `http://${headers.get('host')?.toLowerCase()}`)
    throw new ApiError('bad_origin');
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') throw new ApiError('bad_origin');
}
