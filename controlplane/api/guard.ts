// Decides who may call the REST API: an operator with the token, and never a web page.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readBearer } from '../../core/identity/bearer.ts';
import { ApiError } from './error.ts';

export interface GuardSettings {
  readonly apiHost: string;
  /** Read on each request, as a port of 0 is known only later. */
  readonly apiPort: number;
}

export type Guard = (headers: Headers) => void;

/** @throws ApiError. The token is compared in constant time. */
export function createGuard(settings: GuardSettings, operatorToken: string): Guard {
  const wanted = digest(operatorToken);
  return (headers) => {
    checkHost(headers.get('host'), settings);
    checkOrigin(headers);
    const bearer = readBearer(headers.get('authorization') ?? undefined);
    if (!bearer.ok && bearer.reason === 'missing') throw unauthenticated('Bearer realm="chancery"');
    if (!bearer.ok || !timingSafeEqual(digest(bearer.token), wanted)) {
      throw unauthenticated('Bearer realm="chancery", error="invalid_token"');
    }
  };
}

/** A page whose own name was rebound to our address still sends its own name. */
function checkHost(host: string | null, { apiHost, apiPort }: GuardSettings): void {
  const names = ['127.0.0.1', 'localhost', '[::1]', apiHost.includes(':') ? `[${apiHost}]` : apiHost.toLowerCase()];
  // RFC 9110 §4.2.1: the port of the scheme is left out.
  const allowed = names.flatMap((name) => [`${name}:${apiPort}`, ...(apiPort === 80 ? [name] : [])]);
  if (host === null || !allowed.includes(host.toLowerCase())) throw new ApiError('bad_host');
}

/** Browsers send Origin with every request that may write; ours has no pages, so only its own address may be there. */
function checkOrigin(headers: Headers): void {
  const origin = headers.get('origin');
  if (origin !== null && origin.toLowerCase() !== `http://${headers.get('host')?.toLowerCase()}`)
    throw new ApiError('bad_origin');
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') throw new ApiError('bad_origin');
}

/** RFC 6750 §3: without a token there is no error code. */
function unauthenticated(challenge: string): ApiError {
  const detail = 'send "Authorization: Bearer TOKEN" with the content of operator.token in the home folder';
  return new ApiError('unauthenticated', { detail, headers: { 'www-authenticate': challenge } });
}

/** Digests have one length, which timingSafeEqual wants. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
