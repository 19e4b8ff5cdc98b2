// Decides how a folder of test/golden is read: documents and settings in, Envoy's resources out.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { buildCatalog } from '../../controlplane/catalog/build.ts';
import { translate } from '../../controlplane/xds/translate/translate.ts';
import { TYPES } from '../../controlplane/xds/translate/type-urls.ts';
import type { Place, Translated } from '../../controlplane/xds/translate/types.ts';
import { type Document, parseDocument } from '../../core/catalog/document.ts';

export const GOLDEN_DIR = join(import.meta.dirname, '..', 'golden');

/** File of each type of resources. */
export const GOLDEN_FILES = {
  clusters: TYPES.cluster,
  endpoints: TYPES.endpoints,
  listeners: TYPES.listener,
  routes: TYPES.routes,
} as const;

const settingsSchema: z.ZodType<Place> = z.strictObject({
  host: z.string(),
  port: z.int(),
  publicUrl: z.string(),
  runDir: z.string(),
  allowedOrigins: z.array(z.string()),
  bodyBytesMax: z.int(),
  caFile: z.string(),
  accessLog: z.string(),
});

export function goldenCases(): string[] {
  return readdirSync(GOLDEN_DIR, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Translates the case's `in.yaml`: `settings:` first, then documents as for `chancery apply`. @throws Error naming what is wrong in it. */
export function translateCase(name: string, over: Partial<Place> = {}): Translated {
  const [first, ...rest] = parseAllDocuments(readFileSync(join(GOLDEN_DIR, name, 'in.yaml'), 'utf8')).map(
    (document) => document.toJS() as unknown,
  );
  const place = { ...z.strictObject({ settings: settingsSchema }).parse(first).settings, ...over };
  const documents = rest.map((value): Document => {
    const parsed = parseDocument(value);
    if ('problems' in parsed) throw new Error(`${name}/in.yaml: ${JSON.stringify(parsed.problems)}`);
    return parsed.document;
  });
  const issuers = [{ name: 'local', issuer: place.publicUrl, algorithms: ['ES256'], jwks: { keys: [] } }];
  const { catalog, backends } = buildCatalog({
    revision: 1,
    documents,
    discoveries: [],
    settings: place,
    issuers,
    sessionKeys: [],
  });
  return translate({ catalog, backends, place });
}
