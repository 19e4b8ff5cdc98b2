// Decides how a test remembers keys: in memory, for as long as the test lasts.
import type { JsonObject } from '../../../core/json.ts';
import type { KeptKeys } from '../kept-keys.ts';

export function createKeptWorld(): KeptKeys {
  const all = new Map<string, { readonly keys: readonly JsonObject[]; readonly readAtMs: number }>();
  const placeOf = ({ name, issuer, jwksUri = '' }: Parameters<KeptKeys['of']>[0]): string =>
    `${name} ${issuer} ${jwksUri}`;
  return {
    of: (document) => all.get(placeOf(document)) ?? null,
    save: (document, keys, readAtMs) => void all.set(placeOf(document), { keys, readAtMs }),
    drop: (name) => {
      for (const place of all.keys()) if (place.startsWith(`${name} `)) all.delete(place);
    },
  };
}
