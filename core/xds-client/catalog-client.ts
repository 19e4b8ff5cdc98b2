// Decides which catalog a service has: the newest revision that it holds all of, whatever becomes of the control plane.
import type { Catalog } from '../catalog/catalog.ts';
import type { ResourceOf } from '../catalog/resources.ts';
import { type NodeGroup, OWN_TYPES, type OwnKind } from '../contract.ts';
import { type DeltaResponse, emptyDeltaRequest } from '../grpc/ads.ts';
import { LIMITS } from '../limits.ts';
import type { Logger } from '../runtime/log.ts';
import { assemble, identityKeys, sessionKeys } from './assemble.ts';
import { certifiedIdentity } from './identity.ts';
import { retryPauseMs } from './retry-pause.ts';
import { type CheckPolicy, Store } from './store.ts';
import { type AdsStream, openStream } from './stream.ts';
import type { AdsTarget } from './target.ts';

export interface CatalogOptions extends AdsTarget {
  /** With a certificate that names a node, the id is that one's. */
  readonly node: {
    readonly id: string;
    readonly group: NodeGroup;
    readonly metadata?: Readonly<Record<string, string>>;
  };
  /** What to subscribe to; see KINDS_OF_GROUP. */
  readonly kinds: readonly OwnKind[];
  readonly log: Logger;
  readonly now: () => number;
  /** A policy that it finds a fault with is refused (NACK), and the revision that names it is not taken. */
  readonly checkPolicy?: CheckPolicy;
  /** From 0 to 1. */
  readonly random?: () => number;
}

export interface CatalogClient {
  /** The catalog to decide by; null until the first revision is held whole. Keep it for the length of a call. */
  current(): Catalog | null;
  /** Called after another catalog became current; without the kind `revision`, after any response. @returns stop. */
  onChange(listener: () => void): () => void;
  /** Token id → when it may be forgotten (epoch milliseconds). */
  tombstones(): ReadonlyMap<string, number>;
  /** Called after tombstones came or went. @returns stop. */
  onTombstone(listener: () => void): () => void;
  /** Called after an instance came or went. @returns stop. */
  onInstance(listener: () => void): () => void;
  /** What is held of a kind, of whichever revision; for kinds that no revision names. */
  resources<Kind extends OwnKind>(kind: Kind): ReadonlyMap<string, ResourceOf[Kind]>;
  /** Whether there is a catalog (without the kind `revision`: an answer for every kind) within the deadline. */
  ready(deadlineMs: number): Promise<boolean>;
  close(): void;
}

/** Connects at once, and again for ever: what is held is served meanwhile. */
export function openCatalog(options: CatalogOptions): CatalogClient {
  const { log, now, node, tls, random = Math.random } = options;
  const nodeId = (tls === undefined ? null : certifiedIdentity(tls.cert))?.id ?? node.id;
  const { metadata } = node;
  const self = { id: nodeId, cluster: node.group, userAgent: 'chancery', ...(metadata !== undefined && { metadata }) };
  const kinds = (Object.keys(OWN_TYPES) as OwnKind[]).filter((kind) => options.kinds.includes(kind));
  const kindOf = new Map<string, OwnKind>(kinds.map((kind) => [OWN_TYPES[kind], kind]));
  const revised = kinds.includes('revision');
  const store = new Store(options.checkPolicy ?? (() => null));
  const answered = new Set<OwnKind>();
  const changeListeners = new Set<() => void>();
  const tombstoneListeners = new Set<() => void>();
  const instanceListeners = new Set<() => void>();
  let tombstones: ReadonlyMap<string, number> = new Map();
  let catalog: Catalog | null = null;
  /** Those that the catalog has. */
  let keys = store.values('sessionKey');
  let signers = store.values('identityKey');
  /** The hash of the current Revision: the same one again is no change. */
  let version = '';
  let stream: AdsStream | null = null;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let lostAtMs: number | null = null;
  let reached = false;
  let warned = false;

  const isReady = (): boolean => (revised ? catalog !== null : kinds.every((kind) => answered.has(kind)));

  const connect = (): void => {
    stream = openStream(options, { response: take, ended });
    for (const [index, kind] of kinds.entries()) {
      stream.send({
        ...emptyDeltaRequest(OWN_TYPES[kind]),
        node: index === 0 ? self : null,
        subscribe: ['*'],
        initialVersions: store.versions(kind),
      });
    }
  };

  const ended = (reason: string): void => {
    failures += 1;
    const pauseMs = retryPauseMs(failures, random());
    lostAtMs ??= now();
    const values = { address: options.address, reason, revision: catalog?.revision ?? null };
    // One line when it is lost, not one for each attempt; and none at a start, when it comes up beside us.
    if (!warned && (reached || now() - lostAtMs >= LIMITS.xdsFirstContactMs)) {
      warned = true;
      log.warn(
        values,
        reached ? 'no control plane; going on with what is held' : 'no control plane yet; nothing is served without it',
      );
    } else {
      log.debug({ ...values, pauseMs }, 'the control plane could not be reached');
    }
    timer = setTimeout(connect, pauseMs);
  };

  const take = (response: DeltaResponse): void => {
    failures = 0;
    if (warned)
      log.info({ address: options.address, awayMs: now() - (lostAtMs ?? now()) }, 'the control plane is back');
    reached = true;
    warned = false;
    lostAtMs = null;
    const kind = kindOf.get(response.typeUrl);
    if (kind === undefined) return;
    const problems = store.apply(kind, response.resources, response.removed);
    const error = problems.length === 0 ? null : problems.join('; ');
    if (error !== null)
      log.error({ kind, version: response.version, problems }, 'refused resources; what was held before stays');
    stream?.send({ ...emptyDeltaRequest(response.typeUrl), responseNonce: response.nonce, error });
    answered.add(kind);
    if (kind === 'tombstone') {
      tombstones = new Map([...store.held(kind)].map(([name, { value }]) => [name, value.expiresAtMs]));
      for (const listener of tombstoneListeners) listener();
    }
    if (kind === 'instance') for (const listener of instanceListeners) listener();
    if (!revised || swap() || ((kind === 'sessionKey' || kind === 'identityKey') && rekey())) {
      for (const listener of changeListeners) listener();
    }
  };

  const swap = (): boolean => {
    const [newest] = store.held('revision').values();
    if (newest === undefined || newest.version === version || !kinds.every((kind) => answered.has(kind))) return false;
    const next = assemble(store, newest.value);
    if (next === null) return false;
    catalog = next;
    keys = store.values('sessionKey');
    signers = store.values('identityKey');
    version = newest.version;
    log.info({ revision: catalog.revision }, 'the catalog is at a new revision');
    return true;
  };

  /** Keys of sessions and of identities are of no revision. */
  const rekey = (): boolean => {
    if (catalog === null || (store.values('sessionKey') === keys && store.values('identityKey') === signers))
      return false;
    keys = store.values('sessionKey');
    signers = store.values('identityKey');
    catalog = { ...catalog, sessionKeys: sessionKeys(store), identityKeys: identityKeys(store) };
    return true;
  };

  connect();
  return {
    current: () => catalog,
    onChange: (listener) => listen(changeListeners, listener),
    tombstones: () => tombstones,
    onTombstone: (listener) => listen(tombstoneListeners, listener),
    onInstance: (listener) => listen(instanceListeners, listener),
    resources: (kind) => store.values(kind),
    ready(deadlineMs) {
      if (isReady()) return Promise.resolve(true);
      return new Promise((resolve) => {
        const finish = (ready: boolean): void => {
          clearTimeout(deadline);
          stop();
          resolve(ready);
        };
        const deadline = setTimeout(() => finish(false), deadlineMs);
        const stop = listen(changeListeners, () => {
          if (isReady()) finish(true);
        });
      });
    },
    close() {
      clearTimeout(timer);
      stream?.close();
    },
  };
}

function listen(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
