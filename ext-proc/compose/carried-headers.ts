// Decides which headers of its client go with a call that ext-proc makes: those that Envoy would send on by itself.
import { CARRIED_HEADERS } from '../../core/contract.ts';
import type { HeaderMap } from '../../core/grpc/ext-proc.ts';

/** A header that a client sent several times is one value by now. What cannot be one of ours is left out. */
export function carriedHeaders(headers: HeaderMap): Record<string, string> {
  const carried: Record<string, string> = {};
  for (const name of CARRIED_HEADERS) {
    const value = headers.get(name);
    if (value !== undefined && value !== '') carried[name] = value;
  }
  return carried;
}
