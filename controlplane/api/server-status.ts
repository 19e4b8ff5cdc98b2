// Decides what is told of the versions of a server: where each is in its life, and how it was read.
import type { ServerDocument, ServerVersionDocument } from '../../core/catalog/document.ts';
import type { EndpointHealth } from '../health.ts';
import type { ServerPins } from '../pinning/types.ts';
import { versionKey } from '../registry/state.ts';
import type { RegistrySnapshot } from '../registry/types.ts';

export interface VersionStatusView {
  readonly version: string;
  readonly state: ServerVersionDocument['state'];
  /** When it came into this state, ISO 8601. */
  readonly since?: string;
  /** Whether its tools are known. */
  readonly discovered: boolean;
  /** Oldest first. */
  readonly protocolVersions: readonly string[];
  /** How many it shows to a client that can do everything. */
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
  /** It was seen to refuse a request whose `Mcp-Method` header disagrees with the body. */
  readonly refusesDisagreement?: boolean;
  /** Of all that was read. */
  readonly hash?: string;
  /** When it was last read, ISO 8601. */
  readonly readAt?: string;
  /** Why the latest attempt failed. */
  readonly error?: string;
  readonly errorAt?: string;
  /** Changes of its tools that wait. */
  readonly toolChanges?: number;
  /** Tools that are shown to nobody, and why. */
  readonly hidden?: readonly { readonly tool: string; readonly problem: string }[];
  /** As Envoy sees its replicas. */
  readonly health?: readonly EndpointHealth[];
}

/** In the order of the document. */
export function versionsStatus(server: ServerDocument, snapshot: RegistrySnapshot): readonly VersionStatusView[] {
  return server.versions.map(({ version, state }) => {
    const key = versionKey(server.name, version);
    const since = snapshot.versions.get(key)?.sinceMs;
    const found = snapshot.discoveries.get(key);
    const read = found?.discovered ?? null;
    return {
      version,
      state,
      ...(since === undefined ? {} : { since: isoTime(since) }),
      discovered: read !== null,
      protocolVersions: read === null ? [] : (read.protocolVersions ?? [read.protocolVersion]),
      tools: read?.tools.full.length ?? 0,
      prompts: read?.prompts.full.length ?? 0,
      resources: read?.resources.full.length ?? 0,
      ...(read?.refusesDisagreement === undefined ? {} : { refusesDisagreement: read.refusesDisagreement }),
      ...(read === null ? {} : { hash: read.hash }),
      ...(found?.readAtMs == null ? {} : { readAt: isoTime(found.readAtMs) }),
      ...(found?.error == null ? {} : { error: found.error }),
      ...(found?.errorAtMs == null ? {} : { errorAt: isoTime(found.errorAtMs) }),
      ...pinsStatus(snapshot.pins.get(key)),
    };
  });
}

function pinsStatus(pins: ServerPins | undefined): Pick<VersionStatusView, 'toolChanges' | 'hidden'> {
  if (pins === undefined) return {};
  const changes = [...pins.changes.values()];
  const waiting = changes.filter(({ state }) => state === 'pending').length;
  const broken = changes.flatMap(({ tool, problem }) => (problem === null ? [] : [[tool, problem] as const]));
  const hidden = [...new Map([...pins.problems, ...broken])].map(([tool, problem]) => ({ tool, problem }));
  return { ...(waiting > 0 && { toolChanges: waiting }), ...(hidden.length > 0 && { hidden }) };
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
