// Decides what a write changes, and which state comes of it. Pure.
import type { Document, SecretData } from '../../core/catalog/document.ts';
import type { LifecycleState } from '../../core/catalog/lifecycle.ts';
import { changedMap } from './changed-map.ts';
import type { Claim, DocumentName, DocumentProblem } from './problem.ts';
import { changedReferences } from './references.ts';
import type { Seal } from './seal.ts';
import { advanced, type State, versionKey } from './state.ts';
import type { Change, StoredDocument, VersionStatus } from './types.ts';

/** What a request wants, once its documents are read. */
export interface Wanted {
  readonly claims: readonly Claim[];
  /** Of single documents. */
  readonly problems: readonly DocumentProblem[];
  readonly deletes: readonly DocumentName[];
  /** How many documents the request has; problems of deletions are counted on from here. */
  readonly documents: number;
  /** The revision whose content comes back; undefined: this is no rollback. */
  readonly source?: number;
}

/** One document of a write. */
export interface Edit extends DocumentName {
  /** Place in the request. */
  readonly index: number;
  readonly change: Change['change'];
  readonly before: StoredDocument | null;
  /** The same object as `before` when nothing changes. */
  readonly after: StoredDocument | null;
  /** Of a secret: what it holds afterwards; null when nobody ever said. */
  readonly secret: SecretData | null;
}

/** In the order of the request. Documents with problems of their own are left out. */
export function editsOf(state: State, { claims, deletes, documents }: Wanted, seal: Seal, nowMs: number): Edit[] {
  const revision = state.revision + 1;
  return [
    ...claims.flatMap(({ kind, name, index, document, secret: given }): Edit[] => {
      if (document === null) return [];
      const before = state.documents[kind].get(name) ?? null;
      const secret = given ?? keptSecret(state, document);
      const hash = seal.hash(document, secret);
      if (before?.hash === hash) return [{ kind, name, index, change: 'unchanged', before, after: before, secret }];
      const after = { document, hash, revision, updatedAtMs: nowMs };
      return [{ kind, name, index, change: before === null ? 'created' : 'updated', before, after, secret }];
    }),
    ...deletes.map(({ kind, name }, index): Edit => {
      const before = state.documents[kind].get(name) ?? null;
      const change = before === null ? 'unchanged' : 'deleted';
      return { kind, name, index: documents + index, change, before, after: null, secret: null };
    }),
  ];
}

/** A secret that is given without its values keeps those that it has. */
function keptSecret(state: State, document: Document): SecretData | null {
  if (document.kind !== 'Secret') return null;
  const kept = state.secrets.get(document.name);
  return kept?.type === document.type ? kept : null;
}

/** The state after the edits; the very same one when they change nothing. */
export function edited(state: State, all: readonly Edit[], nowMs: number): State {
  const edits = all.filter(({ change }) => change !== 'unchanged');
  if (edits.length === 0) return state;
  const documents: Record<string, State['documents'][Edit['kind']]> = { ...state.documents };
  for (const kind of new Set(edits.map((edit) => edit.kind))) {
    const changes = edits.filter((edit) => edit.kind === kind);
    documents[kind] = changedMap(
      state.documents[kind],
      changes.map(({ name, after }) => [name, after]),
    );
  }
  const moves = edits.flatMap(transitionsOf);
  const gone = moves.filter(({ to }) => to === null);
  return advanced(state, {
    revision: state.revision + 1,
    documents: documents as State['documents'],
    references: changedReferences(
      state.references,
      edits.map(({ before, after }) => ({ before: before?.document ?? null, after: after?.document ?? null })),
    ),
    secrets: changedMap(
      state.secrets,
      edits.filter(({ kind }) => kind === 'Secret').map(({ name, secret }) => [name, secret]),
    ),
    versions: changedMap(
      state.versions,
      moves.map(({ server, version, to }): [string, VersionStatus | null] => [
        versionKey(server, version),
        to === null ? null : { state: to, sinceMs: nowMs },
      ]),
    ),
    // What was read from a version that is gone is of no use, and must not come back with its number.
    discoveries: changedMap(
      state.discoveries,
      gone.map(({ server, version }) => [versionKey(server, version), null]),
    ),
    pins: changedMap(
      state.pins,
      gone.map(({ server, version }) => [versionKey(server, version), null]),
    ),
  });
}

export interface Transition {
  readonly server: string;
  readonly version: string;
  /** null: it is new. */
  readonly from: LifecycleState | null;
  /** null: it left. */
  readonly to: LifecycleState | null;
}

/** Every version of a server that came, left or went into another state: those of the document first. */
export function transitionsOf({ name: server, before, after }: Pick<Edit, 'name' | 'before' | 'after'>): Transition[] {
  const [old, now] = [statesIn(before), statesIn(after)];
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((version) => {
    const [from, to] = [old.get(version) ?? null, now.get(version) ?? null];
    return from === to ? [] : [{ server, version, from, to }];
  });
}

function statesIn(stored: StoredDocument | null): ReadonlyMap<string, LifecycleState> {
  const document = stored?.document;
  return new Map(document?.kind === 'Server' ? document.versions.map(({ version, state }) => [version, state]) : []);
}
