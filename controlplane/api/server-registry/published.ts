// Decides which versions of which servers the official registry API shows, and as what: they are reached at our surfaces.
import type { ServerDocument, SurfaceDocument } from '../../../core/catalog/document.ts';
import type { LifecycleState } from '../../../core/catalog/lifecycle.ts';
import { surfaceUrl } from '../../../core/contract.ts';
import type { RegistrySnapshot, StoredDocument } from '../../registry/types.ts';
import type { ApiSettings } from '../route.ts';
import { isoTime } from '../server-status.ts';
import { documentsOf } from '../shown.ts';
import { OFFICIAL_META, type Published, SERVER_JSON_SCHEMA } from './server-json.ts';

type Status = Published['_meta'][typeof OFFICIAL_META]['status'];

/** What is not here is not shown: nobody can be led to it yet. */
export const STATUS: Partial<Record<LifecycleState, Status>> = {
  canary: 'active',
  active: 'active',
  deprecated: 'deprecated',
  decommissioned: 'deleted',
};

/** In this order a version is the latest: that to which new sessions are led comes first. */
const LATEST: readonly LifecycleState[] = ['active', 'deprecated', 'canary', 'decommissioned'];

const DESCRIPTION_CHARS_MAX = 100;

export interface PublishedVersion {
  readonly status: Status;
  readonly isLatest: boolean;
  readonly updatedAtMs: number;
  readonly sinceMs: number;
  /** The server's own name, and its version: by these a list is ordered. */
  readonly key: readonly [string, string];
  readonly fullName: string;
  readonly stored: StoredDocument;
  readonly shown: (publishedAtMs: number) => Published;
}

/** Of all servers that a surface has, by name and version. */
export function publishedVersions(snapshot: RegistrySnapshot, settings: ApiSettings): readonly PublishedVersion[] {
  const remotes = remotesByServer(snapshot, settings);
  return documentsOf(snapshot, 'Server').flatMap((stored) => {
    const { document } = stored;
    const found = document.kind === 'Server' ? remotes.get(document.name) : undefined;
    if (document.kind !== 'Server' || found === undefined) return [];
    return versionsOf(document, { stored, snapshot, settings, remotes: found });
  });
}

interface Around {
  readonly stored: StoredDocument;
  readonly snapshot: RegistrySnapshot;
  readonly settings: ApiSettings;
  readonly remotes: Published['server']['remotes'];
}

function versionsOf(
  server: ServerDocument,
  { stored, snapshot, settings, remotes }: Around,
): readonly PublishedVersion[] {
  const latest = LATEST.flatMap((state) => server.versions.filter((version) => version.state === state))[0]?.version;
  const { name, title } = server;
  const description = (server.description ?? title ?? name).slice(0, DESCRIPTION_CHARS_MAX) || name;
  const found = server.versions.flatMap(({ version, state }): PublishedVersion[] => {
    const status = STATUS[state];
    if (status === undefined) return [];
    const sinceMs = snapshot.versions.get(`${name} ${version}`)?.sinceMs ?? stored.updatedAtMs;
    const updatedAtMs = Math.max(stored.updatedAtMs, sinceMs);
    const isLatest = version === latest;
    const fullName = `${namespaceOf(settings)}/${name}`;
    const official = { status, statusChangedAt: isoTime(sinceMs), updatedAt: isoTime(updatedAtMs), isLatest };
    const shown = (publishedAtMs: number): Published => ({
      server: {
        $schema: SERVER_JSON_SCHEMA,
        name: fullName,
        description,
        ...(title === undefined || title === '' ? {} : { title: title.slice(0, DESCRIPTION_CHARS_MAX) }),
        version,
        remotes: [...remotes],
      },
      _meta: { [OFFICIAL_META]: { ...official, publishedAt: isoTime(publishedAtMs) } },
    });
    return [{ status, isLatest, updatedAtMs, sinceMs, key: [name, version], fullName, stored, shown }];
  });
  return found.sort((a, b) => (a.key[1] < b.key[1] ? -1 : 1));
}

/** Where each server is reached: at surfaces that show it alone first, then by name. */
function remotesByServer(
  snapshot: RegistrySnapshot,
  { publicUrl }: ApiSettings,
): ReadonlyMap<string, Published['server']['remotes']> {
  const surfaces = documentsOf(snapshot, 'Surface')
    .flatMap(({ document }) => (document.kind === 'Surface' ? [document] : []))
    .sort((a, b) => Number(a.servers.length > 1) - Number(b.servers.length > 1));
  const found = new Map<string, Published['server']['remotes'][number][]>();
  for (const surface of surfaces) {
    const remote = remoteOf(surface, publicUrl);
    for (const server of new Set(surface.servers.map((member) => member.server))) {
      const remotes = found.get(server) ?? [];
      remotes.push(remote);
      found.set(server, remotes);
    }
  }
  return found;
}

function remoteOf({ name, auth }: SurfaceDocument, publicUrl: string): Published['server']['remotes'][number] {
  const url = surfaceUrl(publicUrl, name);
  if (auth === 'none') return { type: 'streamable-http', url };
  const header = { name: 'Authorization', description: 'Bearer token or API key', isRequired: true, isSecret: true };
  return { type: 'streamable-http', url, headers: [header] };
}

/** The setting, or the public host reversed, as packages are named: `mcp.example.com` → `com.example.mcp`. */
export function namespaceOf({ registryNamespace, publicUrl }: ApiSettings): string {
  if (registryNamespace !== '') return registryNamespace;
  const { hostname } = new URL(publicUrl);
  const isAddress = hostname.startsWith('[') || /^[\d.]+$/.test(hostname);
  const name = isAddress ? hostname : hostname.split('.').reverse().join('.');
  return name.replace(/[^a-zA-Z0-9.-]+/g, '-').replace(/^-|-$/g, '');
}
