// Decides whether documents fit each other and this gateway, once each is right by itself.
import type {
  Document,
  PolicyDocument,
  Problem,
  ServerDocument,
  SurfaceDocument,
} from '../../core/catalog/document.ts';
import { checkPolicy } from '../../core/policy/check-policy.ts';
import { compileTarget } from '../../core/policy/pattern.ts';
import { isLoopback } from '../../core/runtime/settings.ts';
import { type Claim, type DocumentName, type DocumentProblem, keyOf } from './problem.ts';
import { bridgeSocketOwners, socketProblems } from './sockets.ts';

/** What of the settings limits the documents. */
export interface Constraints {
  /** Address that the gateway listens on. */
  readonly host: string;
  /** Absolute. */
  readonly runDir: string;
}

export interface Together {
  readonly claims: readonly Claim[];
  readonly deletes: readonly DocumentName[];
  /** How many documents the request has; problems of deletions are counted on from here. */
  readonly documents: number;
  /** What the registry holds now. */
  readonly stored: readonly Document[];
}

/** What would be there afterwards. */
interface After {
  readonly servers: ReadonlyMap<string, ServerDocument>;
  /** Servers that are given, though with problems of their own. */
  readonly claimed: ReadonlySet<string>;
  readonly socketOwners: ReadonlyMap<string, string>;
  readonly constraints: Constraints;
}

/** All problems of the request's documents with each other and with what is stored. Pure. */
export function checkTogether(request: Together, constraints: Constraints): DocumentProblem[] {
  const { claims, deletes, stored } = request;
  const gone = new Set(deletes.map(keyOf));
  const replaced = new Set(claims.map(keyOf));
  const kept = stored.filter((document) => !gone.has(keyOf(document)) && !replaced.has(keyOf(document)));
  const documents = [...kept, ...claims.flatMap(({ document }) => (document === null ? [] : [document]))];
  const servers = new Map(
    documents.filter((document) => document.kind === 'Server').map((server) => [server.name, server]),
  );
  const claimed = new Set(claims.filter(({ kind }) => kind === 'Server').map(({ name }) => name));
  const after: After = { servers, claimed, socketOwners: bridgeSocketOwners(servers.values()), constraints };
  return [
    ...repeated(request, gone),
    ...claims.flatMap(({ document, index }) =>
      document === null ? [] : problemsOf(document, after).map((problem) => ({ document: index, ...problem })),
    ),
    ...stillNamed(request, kept),
  ];
}

function problemsOf(document: Document, after: After): Problem[] {
  switch (document.kind) {
    case 'Server':
      return serverProblems(document, after);
    case 'Surface':
      return surfaceProblems(document, after);
    case 'Policy':
      return policyProblems(document);
  }
}

function serverProblems(server: ServerDocument, { socketOwners, constraints }: After): Problem[] {
  const problems = socketProblems(server, socketOwners, constraints.runDir);
  for (const [index, version] of server.versions.entries()) {
    const urls = (version.endpoints ?? []).map(({ url }) => url);
    for (const [place, url] of urls.entries()) {
      if (urls.indexOf(url) === place) continue;
      problems.push({
        path: ['versions', index, 'endpoints', place, 'url'],
        message: `the endpoint "${url}" is listed twice`,
      });
    }
  }
  return problems;
}

function surfaceProblems(surface: SurfaceDocument, { servers, claimed, constraints }: After): Problem[] {
  const problems: Problem[] = [];
  const names = surface.servers.map(({ server }) => server);
  for (const [index, name] of names.entries()) {
    const path = ['servers', index, 'server'];
    if (!servers.has(name) && !claimed.has(name)) problems.push({ path, message: `no server is named "${name}"` });
    if (names.indexOf(name) !== index) problems.push({ path, message: `the server "${name}" is listed twice` });
  }
  if (surface.auth === 'none' && !isLoopback(constraints.host)) {
    const message = `"none" is only for a gateway that listens on loopback, and this one listens on ${constraints.host}`;
    problems.push({ path: ['auth'], message });
  }
  return problems;
}

const TARGET_KEYS = ['tools', 'prompts', 'resources'] as const;

/** What no service could enforce is refused here, where its author reads why. */
function policyProblems(policy: PolicyDocument): Problem[] {
  const problems: Problem[] = [];
  for (const [index, rule] of policy.rules.entries()) {
    for (const key of TARGET_KEYS) {
      for (const [place, pattern] of (rule[key] ?? []).entries()) {
        if (compileTarget(pattern) !== null) continue;
        const message = `found "${pattern}", wanted "SERVER/NAME" with * for any run of characters, or "*"`;
        problems.push({ path: ['rules', index, key, place], message });
      }
    }
  }
  if (problems.length > 0) return problems;
  const message = checkPolicy(policy as Parameters<typeof checkPolicy>[0]);
  return message === null ? [] : [{ path: [], message }];
}

function repeated({ claims, deletes, documents }: Together, gone: ReadonlySet<string>): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const first = new Map<string, number>();
  for (const claim of claims) {
    const key = keyOf(claim);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, claim.index);
    else
      problems.push({ document: claim.index, path: ['name'], message: `${claim.kind} "${claim.name}" is given twice` });
    if (gone.has(key)) {
      problems.push({
        document: claim.index,
        path: ['name'],
        message: `${claim.kind} "${claim.name}" is also to be deleted`,
      });
    }
  }
  const deleted = new Set<string>();
  for (const [index, name] of deletes.entries()) {
    if (deleted.has(keyOf(name))) {
      problems.push({ document: documents + index, path: [], message: `${name.kind} "${name.name}" is deleted twice` });
    }
    deleted.add(keyOf(name));
  }
  return problems;
}

/** A surface that stays may not lose a server; one that is given itself was asked by `surfaceProblems`. */
function stillNamed({ deletes, documents }: Together, kept: readonly Document[]): DocumentProblem[] {
  const naming = new Map<string, string[]>();
  for (const document of kept) {
    if (document.kind !== 'Surface') continue;
    for (const { server } of document.servers) naming.set(server, [...(naming.get(server) ?? []), document.name]);
  }
  return deletes.flatMap(({ kind, name }, index) => {
    const surfaces = kind === 'Server' ? (naming.get(name) ?? []) : [];
    if (surfaces.length === 0) return [];
    const list = surfaces.map((surface) => `"${surface}"`).join(', ');
    const message = `the server "${name}" is named by surface ${list}: take it out there first`;
    return [{ document: documents + index, path: [], message }];
  });
}
