// Decides which role may change what.
import { DOCUMENT_KINDS, type Document, type DocumentKind } from '../../core/catalog/document.ts';
import { GOVERNED_SECRET_MEMBERS } from '../../core/catalog/documents/secret.ts';
import { GOVERNED_MEMBERS } from '../../core/catalog/documents/server.ts';
import { parseEndpoint } from '../../core/catalog/endpoint.ts';
import { LIFECYCLE } from '../../core/catalog/lifecycle.ts';
import { canonicalJson } from '../../core/runtime/canonical.ts';
import type { ChangedDocument, Role } from '../registry/types.ts';
import { type Actor, hasRole } from './actor.ts';

interface PermissionRow {
  /** Any of them; `admin` may do everything. */
  readonly roles: readonly Role[];
  readonly what: string;
}

/** The one table: routes, writes and the documentation read it. */
export const PERMISSIONS = {
  read: {
    roles: ['viewer'],
    what: 'read everything there is to read: documents, history, status, nodes, keys, metrics, export',
  },
  Secret: {
    roles: ['operator'],
    what: 'write and delete secrets: nobody reads their values, but who writes servers decides where they are sent',
  },
  Server: {
    roles: ['operator'],
    what: 'write, move through their lifecycle and delete servers, but for what follows',
  },
  governed: {
    roles: ['security'],
    what: 'give a server labels, a classification, annotations or rules of pinning, change them, and delete one that has them: policies read them; and say to which hosts a secret may go (beside the role to write it)',
  },
  programs: {
    roles: ['admin'],
    what: 'let a server version run a program (`stdio`), or be reached at a Unix socket that is given with its folder, from `staging` on: both are done as the user that Chancery runs as, who may read its keys. An operator asks for it as `requested`',
  },
  Issuer: { roles: ['security'], what: 'write and delete issuers: whose tokens are taken' },
  Surface: { roles: ['operator'], what: 'write and delete surfaces' },
  Policy: { roles: ['security'], what: 'write and delete policies' },
  Revocation: { roles: ['security'], what: 'write and delete revocations' },
  NodeGroup: { roles: ['operator'], what: 'write and delete node groups' },
  Runtime: {
    roles: ['admin'],
    what: "write and delete runtimes: Envoy's runtime can switch off what the gateway's safety stands on",
  },
  approvals: {
    roles: ['approver'],
    what: 'see calls that wait for a person, with their arguments; and approve or deny those of rules that name them, and that are not their own',
  },
  decisions: {
    roles: ['security'],
    what: 'read the record of decisions, explain why somebody may or may not do something, try a policy on what was recorded, and see calls that wait for a person',
  },
  toolChanges: {
    roles: ['security'],
    what: 'approve and reject changes of tools, and say who is shown one that waits',
  },
  agentKeys: { roles: ['security'], what: 'create and revoke API keys of agents' },
  adminKeys: { roles: ['admin'], what: 'create and revoke API keys of administrators' },
} as const satisfies Record<string, PermissionRow> & Record<DocumentKind, PermissionRow>;

export type Permission = keyof typeof PERMISSIONS;

/** Who may come to a route that writes documents of this kind; what each may change there is asked again in the write. */
export function rolesToWrite(kind: DocumentKind): readonly Role[] {
  const governed = kind === 'Server' ? PERMISSIONS.governed.roles : [];
  return [...PERMISSIONS[kind].roles, ...governed];
}

/** Of every kind. */
export const ROLES_TO_WRITE: readonly Role[] = [
  ...new Set(Object.keys(DOCUMENT_KINDS).flatMap((kind) => rolesToWrite(kind as DocumentKind))),
];

export function isAllowed(actor: Actor, permission: Permission): boolean {
  return PERMISSIONS[permission].roles.some((role) => hasRole(actor, role));
}

/** What `ApplyRequest.permit` asks: a sentence refuses the change. */
export function permitFor(actor: Actor): (change: ChangedDocument) => string | null {
  return (change) => {
    const refused = permissionsFor(change).find((permission) => !isAllowed(actor, permission));
    if (refused === undefined) return null;
    const what = `${partOf(refused, change.kind)}${change.kind}`;
    return `to change ${what} "${change.name}" needs the role ${PERMISSIONS[refused].roles.join(' or ')}`;
  };
}

/** Which part of a document a permission is about; '' for all of it. */
function partOf(permission: Permission, kind: DocumentKind): string {
  if (permission === 'governed') return `${(GOVERNED[kind] ?? []).join(', ')} of `;
  return permission === 'programs' ? 'programs or sockets of ' : '';
}

/** Members that need the role `security`, whoever may write the rest. */
const GOVERNED: Partial<Record<DocumentKind, readonly string[]>> = {
  Server: GOVERNED_MEMBERS,
  Secret: GOVERNED_SECRET_MEMBERS,
};

/**
 * What has to be allowed for this change. A deletion takes what policies read with it: who may not change a label must
 * not get rid of it by making the server anew.
 */
function permissionsFor({ kind, before, after }: ChangedDocument): readonly Permission[] {
  // A secret that is made anew needs its values, so whoever deletes one has not got it.
  if (kind === 'Secret')
    return [kind, ...(after !== null && governedChange(before, after) ? (['governed'] as const) : [])];
  if (kind !== 'Server') return [kind];
  const governed = governedChange(before, after) ? (['governed'] as const) : [];
  const own = before !== null && membersOf(before, false) === membersOf(after, false) ? [] : ([kind] as const);
  const had = new Set(grantsOf(before));
  const programs = grantsOf(after).every((grant) => had.has(grant)) ? [] : (['programs'] as const);
  return [...own, ...governed, ...programs];
}

/** What of this machine the versions of a server are let to use: programs with all that steers them, and sockets. */
function grantsOf(document: Document | null): readonly string[] {
  if (document?.kind !== 'Server') return [];
  const reached = document.versions.filter(({ state }) => LIFECYCLE[state].reached);
  return reached.flatMap(({ stdio, endpoints = [] }) => [
    ...(stdio === undefined ? [] : [canonicalJson(stdio)]),
    ...endpoints.flatMap(({ url }) => {
      const address = parseEndpoint(url);
      return address?.kind === 'unix' && address.host.includes('/') ? [url] : [];
    }),
  ]);
}

function governedChange(before: Document | null, after: Document | null): boolean {
  return membersOf(before, true) !== membersOf(after, true);
}

/** The members that policies read, or all others. No labels are the same as no member `labels`. */
function membersOf(document: Document | null, governed: boolean): string {
  const chosen = Object.entries(document ?? {}).filter(
    ([key, value]) =>
      (document === null ? [] : (GOVERNED[document.kind] ?? [])).includes(key) === governed &&
      !(governed && canonicalJson(value) === '{}'),
  );
  return canonicalJson(Object.fromEntries(chosen));
}
