// Decides how an issuer is asked for a document: where it may lie, how long it may take, how large it may be.
import { lookup as systemLookup } from 'node:dns';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isSafeUrl } from '../../core/catalog/documents/issuer.ts';
import { parseEndpoint } from '../../core/catalog/endpoint.ts';
import { addressProblem, endpointProblem, type Networks } from '../../core/catalog/networks.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';

/** A GET of a JSON object. Rejects with a sentence that an operator may read. */
export type FetchJson = (url: string) => Promise<JsonObject>;

export interface FetchOptions {
  readonly networks: Networks;
  /** PEM of the authorities that may vouch for an issuer; absent: the system's. */
  readonly ca?: string;
}

/** The address that a name leads to is judged and then dialled, so that it cannot be another one (DNS rebinding). */
export function createFetchJson({ networks, ca }: FetchOptions): FetchJson {
  const lookup: LookupFunction = (host, options, done) => {
    systemLookup(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined)
        return done(error ?? new Error(`the name "${host}" has no address`), '', 0);
      const problem = addresses.map(({ address }) => addressProblem(address, networks)).find((found) => found !== null);
      if (problem !== undefined) return done(new Error(problem), '', 0);
      if (options.all === true) return done(null, addresses);
      done(null, first.address, first.family);
    });
  };
  return (url) =>
    new Promise((resolve, reject) => {
      const address = isSafeUrl(url) ? parseEndpoint(url) : null;
      const problem = address === null ? 'is not a URL that may be asked' : endpointProblem(address, networks);
      if (problem !== null) return reject(new Error(`${url}: ${problem}`));
      const failed = (message: string): void => reject(new Error(`${url}: ${message}`));
      const request = url.startsWith('https:') ? secureRequest : plainRequest;
      const asked = request(
        url,
        {
          lookup,
          headers: { accept: 'application/json', 'accept-encoding': 'identity' },
          signal: AbortSignal.timeout(LIMITS.issuerDeadlineMs),
          agent: false,
          ...(ca === undefined ? {} : { ca }),
        },
        (response) => read(response, resolve, failed),
      );
      asked.on('error', (error) =>
        failed(error.name === 'AbortError' ? `no answer within ${LIMITS.issuerDeadlineMs} ms` : error.message),
      );
      asked.end();
    });
}

/** A redirection is not followed: it would lead where nobody looked. */
function read(response: IncomingMessage, done: (value: JsonObject) => void, failed: (message: string) => void): void {
  if (response.statusCode !== 200) {
    response.destroy();
    return failed(`HTTP ${response.statusCode}, wanted 200`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LIMITS.issuerBytesMax) {
      response.destroy();
      return failed(`the answer is larger than ${LIMITS.issuerBytesMax} bytes`);
    }
    chunks.push(chunk);
  });
  response.on('error', (error) => failed(error.message));
  response.on('end', () => {
    try {
      const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return done(value as JsonObject);
    } catch {}
    failed('the answer is not a JSON object');
  });
}
