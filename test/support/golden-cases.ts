// Decides how a folder of test/golden is read: documents and settings in, Envoy's resources out.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { buildCatalog } from '../../controlplane/catalog/build.ts';
import { type Translation, translate } from '../../controlplane/xds/translate/translate.ts';
import { TYPES } from '../../controlplane/xds/translate/type-urls.ts';
import type { EnvoyJson, Place, Translated } from '../../controlplane/xds/translate/types.ts';
import { NODE_GROUPS } from '../../core/contract.ts';
import { registrySnapshot } from './registry-snapshot.ts';

export const GOLDEN_DIR = join(import.meta.dirname, '..', 'golden');

/** File of each type of resources. */
export const GOLDEN_FILES = {
  clusters: TYPES.cluster,
  endpoints: TYPES.endpoints,
  listeners: TYPES.listener,
  routes: TYPES.routes,
  secrets: TYPES.secret,
  extensions: TYPES.extension,
  runtime: TYPES.runtime,
} as const;

const settingsSchema: z.ZodType<Place> = z.strictObject({
  host: z.string(),
  port: z.int(),
  publicUrl: z.string(),
  runDir: z.string(),
  instances: z.int().exactOptional(),
  allowedOrigins: z.array(z.string()),
  bodyBytesMax: z.int(),
  caFile: z.string(),
  accessLog: z.string(),
});

export interface GoldenCase {
  readonly name: string;
  /** The group of Envoys whose resources these are. */
  readonly group: string;
}

/** One for each folder and group: that of all Envoys, and those of its NodeGroup documents. */
export function goldenCases(): GoldenCase[] {
  return readdirSync(GOLDEN_DIR, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => [...translateCase(name).groups.keys()].map((group) => ({ name, group })));
}

/** The file of a group's resources of one type. */
export function goldenFile({ name, group }: GoldenCase, file: string): string {
  return join(GOLDEN_DIR, name, ...(group === NODE_GROUPS.envoy ? [] : [group]), `${file}.json`);
}

/** Translates the case's `in.yaml`: `settings:` first, then documents as for `chancery apply`. @throws Error naming what is wrong in it. */
export function translateCase(name: string, over: Partial<Place> = {}): Translation {
  const path = join(GOLDEN_DIR, name, 'in.yaml');
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  const [first, ...documents] = parseAllDocuments(readFileSync(path, 'utf8')).map(
    (document) => document.toJS() as unknown,
  );
  const place = { ...z.strictObject({ settings: settingsSchema }).parse(first).settings, ...over };
  const issuers = [{ name: 'local', issuer: place.publicUrl, algorithms: ['ES256'], jwks: { keys: [] } }];
  const built = buildCatalog(registrySnapshot({ documents }), { settings: place, issuers, sessionKeys: [] });
  return translate({ built, place });
}

/** A group's resources of one type, as a golden shows them: whatever a secret holds is not among it. */
export function shownResources(resources: Translated, type: string): Readonly<Record<string, EnvoyJson>> {
  const all = [...(resources[type] ?? [])];
  return Object.fromEntries(
    type === TYPES.secret ? all.map(([name, json]) => [name, withoutContent(json)] as const) : all,
  );
}

function withoutContent(json: EnvoyJson): EnvoyJson {
  return JSON.parse(
    JSON.stringify(json, (key, value: unknown) => (key === 'inline_string' ? '(not shown)' : value)),
  ) as EnvoyJson;
}
