// Decides what is remembered of issuers' keys over a restart, so that an issuer that is away then does not lock its people out.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { IssuerDocument } from '../../core/catalog/document.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { readPrivateFile } from '../keys/private-file.ts';

export interface KeptKeys {
  /** null: nothing is known of the place where this document says that they are. */
  of(document: IssuerDocument): { readonly keys: readonly JsonObject[]; readonly readAtMs: number } | null;
  save(document: IssuerDocument, keys: readonly JsonObject[], readAtMs: number): void;
  drop(name: string): void;
}

const keptSchema = z.record(
  z.string(),
  z.object({
    issuer: z.string(),
    jwksUri: z.string().optional(),
    readAtMs: z.number(),
    keys: z.array(z.record(z.string(), z.json())).max(LIMITS.issuerKeysMax),
  }),
);

/** Public keys, in a file that nobody else may write: who could would be every principal. */
export function openKeptKeys(home: string, log: Logger): KeptKeys {
  const path = join(home, 'issuer-keys.json');
  const all = new Map(Object.entries(read(path, log)));
  const write = (): void => {
    try {
      writeFileSync(`${path}.tmp`, `${JSON.stringify(Object.fromEntries(all))}\n`, { mode: 0o600 });
      renameSync(`${path}.tmp`, path);
    } catch (error) {
      log.warn({ err: error }, 'the keys of issuers could not be kept; they will be read anew after a restart');
    }
  };
  return {
    of({ name, issuer, jwksUri }) {
      const found = all.get(name);
      return found?.issuer === issuer && found.jwksUri === jwksUri
        ? { keys: found.keys as readonly JsonObject[], readAtMs: found.readAtMs }
        : null;
    },
    save({ name, issuer, jwksUri }, keys, readAtMs) {
      const entry = { issuer, readAtMs, keys: keys as z.output<typeof keptSchema>[string]['keys'] };
      all.set(name, jwksUri === undefined ? entry : { ...entry, jwksUri });
      write();
    },
    drop(name) {
      if (all.delete(name)) write();
    },
  };
}

function read(path: string, log: Logger): z.output<typeof keptSchema> {
  try {
    const text = readPrivateFile(path, LIMITS.issuersKeptBytesMax);
    return text === null ? {} : keptSchema.parse(JSON.parse(text));
  } catch (error) {
    log.warn({ err: error }, 'the keys of issuers that were kept cannot be used; they are read anew');
    return {};
  }
}
