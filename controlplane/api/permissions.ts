// Decides which role may change what.
import { DOCUMENT_KINDS, type Document, type DocumentKind } from '../../core/catalog/document.ts';
import { GOVERNED_MEMBERS } from '../../core/catalog/documents/server.ts';
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
  Secret: { roles: ['operator'], what: 'write and delete secrets (nobody reads their values)' },
  Server: {
    roles: ['operator'],
    what: 'write, move through their lifecycle and delete servers, but for what follows',
  },
  governed: {
    roles: ['security'],
    what: 'give a server labels, a classification or annotations, change them, and delete one that has them: policies read them',
  },
  Surface: { roles: ['operator'], what: 'write and delete surfaces' },
  Policy: { roles: ['security'], what: 'write and delete policies' },
  NodeGroup: { roles: ['operator'], what: 'write and delete node groups' },
  Runtime: {
    roles: ['admin'],
    what: "write and delete runtimes: Envoy's runtime can switch off what the gateway's safety stands on",
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
    const what = refused === 'governed' ? `${GOVERNED_MEMBERS.join(', ')} of ${change.kind}` : change.kind;
    return `to change ${what} "${change.name}" needs the role ${PERMISSIONS[refused].roles.join(' or ')}`;
  };
}

/**
 * What has to be allowed for this change. A deletion takes what policies read with it: who may not change a label must
 * not get rid of it by making the server anew.
 */
function permissionsFor({ kind, before, after }: ChangedDocument): readonly Permission[] {
  if (kind !== 'Server') return [kind];
  const governed = membersOf(before, true) === membersOf(after, true) ? [] : (['governed'] as const);
  const own = before !== null && membersOf(before, false) === membersOf(after, false) ? [] : ([kind] as const);
  return [...own, ...governed];
}

/** The members that policies read, or all others. No labels are the same as no member `labels`. */
function membersOf(document: Document | null, governed: boolean): string {
  const chosen = Object.entries(document ?? {}).filter(
    ([key, value]) =>
      (GOVERNED_MEMBERS as readonly string[]).includes(key) === governed &&
      !(governed && canonicalJson(value) === '{}'),
  );
  return canonicalJson(Object.fromEntries(chosen));
}
