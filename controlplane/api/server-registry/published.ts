// Decides which versions of which servers the official registry API shows, and as what: they are reached at our surfaces.
import type { SurfaceDocument } from '../../../core/catalog/document.ts';
import type { LifecycleState } from '../../../core/catalog/lifecycle.ts';
import { surfaceUrl } from '../../../core/contract.ts';
import { versionKey } from '../../registry/state.ts';
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
  const around = aroundOf(snapshot, settings);
  return documentsOf(snapshot, 'Server').flatMap((stored) => versionsOf(stored, around));
}

/** Of one server by its full name, by version; none when no surface has it. */
export function publishedVersionsOf(
  fullName: string,
  snapshot: RegistrySnapshot,
  settings: ApiSettings,
): readonly PublishedVersion[] {
  const around = aroundOf(snapshot, settings);
  if (!fullName.startsWith(around.namespace)) return [];
  const stored = snapshot.find('Server', fullName.slice(around.namespace.length));
  return stored === undefined ? [] : versionsOf(stored, around);
}

interface Around {
  readonly snapshot: RegistrySnapshot;
  /** With its slash. */
  readonly namespace: string;
  readonly remotes: ReturnType<typeof remotesByServer>;
}

function aroundOf(snapshot: RegistrySnapshot, settings: ApiSettings): Around {
  return { snapshot, namespace: `${namespaceOf(settings)}/`, remotes: remotesByServer(snapshot, settings) };
}

function versionsOf(stored: StoredDocument, { snapshot, namespace, remotes }: Around): readonly PublishedVersion[] {
  const { document: server } = stored;
  const reached = server.kind === 'Server' ? remotes.get(server.name) : undefined;
  if (server.kind !== 'Server' || reached === undefined) return [];
  const latest = LATEST.flatMap((state) => server.versions.filter((version) => version.state === state))[0]?.version;
  const { name, title } = server;
  const fullName = `${namespace}${name}`;
  const description = (server.description ?? title ?? name).slice(0, DESCRIPTION_CHARS_MAX) || name;
  const found = server.versions.flatMap(({ version, state }): PublishedVersion[] => {
    const status = STATUS[state];
    if (status === undefined) return [];
    const sinceMs = snapshot.versions.get(versionKey(name, version))?.sinceMs ?? stored.updatedAtMs;
    const updatedAtMs = Math.max(stored.updatedAtMs, sinceMs);
    const isLatest = version === latest;
    const shown = (publishedAtMs: number): Published => ({
      server: {
        $schema: SERVER_JSON_SCHEMA,
        name: fullName,
        description,
        ...(title === undefined || title === '' ? {} : { title: title.slice(0, DESCRIPTION_CHARS_MAX) }),
        version,
        remotes: [...reached],
      },
      _meta: {
        [OFFICIAL_META]: {
          status,
          statusChangedAt: isoTime(sinceMs),
          updatedAt: isoTime(updatedAtMs),
          isLatest,
          publishedAt: isoTime(publishedAtMs),
        },
      },
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
function namespaceOf({ registryNamespace, publicUrl }: ApiSettings): string {
  if (registryNamespace !== '') return registryNamespace;
  const { hostname } = new URL(publicUrl);
  const isAddress = hostname.startsWith('[') || /^[\d.]+$/.test(hostname);
  const name = isAddress ? hostname : hostname.split('.').reverse().join('.');
  return name.replace(/[^a-zA-Z0-9.-]+/g, '-').replace(/^-|-$/g, '');
}
