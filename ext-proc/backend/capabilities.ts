// Decides which capabilities of a client its backends are told of.
import type { ListProfile } from '../../core/catalog/exposure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { SessionState } from '../../core/session/types.ts';

/** Those with which a server may ask its client, and whose requests and answers the gateway can tell apart. */
const MAPPED = ['roots', 'sampling', 'elicitation'] as const;

/** What a backend is initialised with. `transparent`: it is the surface's only one, and gets all that the client said. */
export function passedCapabilities(
  { clientCapabilities }: Pick<SessionState, 'clientCapabilities'>,
  transparent: boolean,
): JsonObject {
  if (transparent) return clientCapabilities;
  return Object.fromEntries(
    MAPPED.flatMap((name) => (Object.hasOwn(clientCapabilities, name) ? [[name, clientCapabilities[name]!]] : [])),
  );
}

/** Whether a server may send requests to a client that declared these. */
export function asksClient(declared: JsonObject): boolean {
  return MAPPED.some((name) => Object.hasOwn(declared, name));
}

/**
 * Which lists of a server a client is shown. Discovery reads a server as a client without capabilities and as one with all
 * of them; one that declares only some is shown what everybody gets, since of the rest it is not known what it needs.
 */
export function profileOf(declared: JsonObject): ListProfile {
  return MAPPED.every((name) => Object.hasOwn(declared, name)) ? 'full' : 'bare';
}
