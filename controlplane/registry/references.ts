// Decides which documents name which others, so that a check asks an index and not every document.
import type {
  Document,
  SecretData,
  SecretDocument,
  ServerDocument,
  ServerVersionDocument,
} from '../../core/catalog/document.ts';
import { parseEndpoint } from '../../core/catalog/endpoint.ts';
import { bridgeSocket } from '../../core/contract.ts';
import { globMatches } from '../../core/policy/glob.ts';
import { keyOf } from './problem.ts';

/** `Server/<name>`, `Issuer/<name>`, `Secret/<name>` or `socket/<file>` → the documents (`<kind>/<name>`) that name or take it. */
export type References = ReadonlyMap<string, ReadonlySet<string>>;

export interface SecretUse {
  readonly secret: string;
  readonly type: SecretData['type'];
  /** Inside the version. */
  readonly path: readonly string[];
  /** Hosts, or sockets, that it is sent to; null: to a program. */
  readonly hosts: readonly string[] | null;
}

/** Every secret that a version names, and of which type it must be. */
export function secretUses({ auth, tls, stdio, endpoints = [] }: ServerVersionDocument): readonly SecretUse[] {
  const uses: SecretUse[] = [];
  const hostsOf = (urls: readonly string[]): string[] =>
    urls.flatMap((url) => parseEndpoint(url)?.host.toLowerCase() ?? []);
  const hosts = hostsOf(endpoints.map(({ url }) => url));
  if (auth !== undefined && auth.type !== 'none')
    uses.push({
      secret: auth.secret,
      type: 'opaque',
      path: ['auth', 'secret'],
      // A client's secret goes to the token endpoint, and what it gives to the server.
      hosts: auth.type === 'oauth' ? [...hosts, ...hostsOf([auth.tokenUrl])] : hosts,
    });
  if (tls?.clientCertificate !== undefined)
    uses.push({ secret: tls.clientCertificate, type: 'tls', path: ['tls', 'clientCertificate'], hosts });
  for (const [variable, value] of Object.entries(stdio?.env ?? {})) {
    if (typeof value === 'object')
      uses.push({ secret: value.secret, type: 'opaque', path: ['stdio', 'env', variable, 'secret'], hosts: null });
  }
  return uses;
}

/** Why a secret may not go where a version would send it; null: it may. */
export function destinationProblem({ name, hosts }: SecretDocument, use: SecretUse): string | null {
  if (hosts === undefined) return null;
  const allowed = hosts.join(', ');
  if (use.hosts === null) return `the secret "${name}" is for the hosts ${allowed}, and not for a program`;
  const strange = use.hosts.find((host) => !hosts.some((pattern) => globMatches(pattern.toLowerCase(), host)));
  return strange === undefined ? null : `the secret "${name}" is for the hosts ${allowed}, and not for ${strange}`;
}

export function socketKey(server: string, version: string): string {
  return `socket/${bridgeSocket(server, version)}`;
}

function namesIn(document: Document | null): ReadonlySet<string> {
  if (document?.kind === 'Surface')
    return new Set([
      ...document.servers.map(({ server }) => `Server/${server}`),
      ...(document.issuers ?? []).map((issuer) => `Issuer/${issuer}`),
    ]);
  return new Set(document?.kind === 'Server' ? namesInServer(document) : []);
}

function namesInServer({ name, versions }: ServerDocument): string[] {
  return versions.flatMap((version) => [
    ...secretUses(version).map(({ secret }) => `Secret/${secret}`),
    ...(version.stdio === undefined ? [] : [socketKey(name, version.version)]),
  ]);
}

export interface ReferenceChange {
  readonly before: Document | null;
  readonly after: Document | null;
}

/** The index after some documents changed; the very same one when they name what they named. */
export function changedReferences(references: References, changes: Iterable<ReferenceChange>): References {
  const drafts = new Map<string, Set<string>>();
  const draft = (target: string): Set<string> => {
    const known = drafts.get(target) ?? new Set(references.get(target));
    drafts.set(target, known);
    return known;
  };
  for (const { before, after } of changes) {
    const [old, now] = [namesIn(before), namesIn(after)];
    for (const target of old) if (!now.has(target) && before !== null) draft(target).delete(keyOf(before));
    for (const target of now) if (!old.has(target) && after !== null) draft(target).add(keyOf(after));
  }
  if (drafts.size === 0) return references;
  const result = new Map(references);
  for (const [target, holders] of drafts) {
    if (holders.size === 0) result.delete(target);
    else result.set(target, holders);
  }
  return result;
}
