// Decides what rules may ask of a tool, prompt or resource beside its name.
import { ANNOTATIONS, type Annotations, type Facts } from '../policy/types.ts';
import type { CatalogServer, Json, Listed, ServerVersion } from './catalog.ts';
import { chosen } from './names.ts';

interface Made {
  readonly server: CatalogServer;
  readonly facts: Facts;
}
// Items and versions are immutable, and what is told of them changes with their server only.
const ofItem = new WeakMap<Listed, Made>();
const ofVersion = new WeakMap<ServerVersion, Made>();

/** Candidate → the definition that is approved. */
const approved = new WeakMap<Listed, Listed>();

/** What a definition that nobody approved says of itself is nothing to rules: they read the other one. */
export function readAs(candidate: Listed, pinned: Listed): void {
  approved.set(candidate, pinned);
}

/** One object for each item of each server; `item`: a tool as its server lists it, null for what has no facts of its own. */
export function factsOf(server: CatalogServer, version: ServerVersion, item: Listed | null, name: string): Facts {
  const found = item === null ? ofVersion.get(version) : ofItem.get(item);
  if (found?.server === server) return found.facts;
  const read = item === null ? null : (approved.get(item) ?? item);
  const facts: Facts = {
    version: version.version,
    title: read === null ? '' : titleOf(read),
    labels: item === null ? server.labels : { ...server.labels, ...overlaid(server.toolLabels, name) },
    classification: server.classification ?? '',
    annotations: annotationsOf(read?.annotations),
    overrides: (item === null ? null : overlaid(server.annotations, name)) ?? {},
  };
  if (item === null) ofVersion.set(version, { server, facts });
  else ofItem.set(item, { server, facts });
  return facts;
}

/**
 * What the patterns that fit a tool's name say of it; null: none does. Of several the one that sorts last counts: `*` sorts
 * before every letter, so a longer pattern comes after the one that it refines.
 */
export function overlaid<Value>(
  table: Readonly<Record<string, Readonly<Record<string, Value>>>> | undefined,
  tool: string,
): Readonly<Record<string, Value>> | null {
  if (table === undefined) return null;
  const fitting = Object.keys(table).filter((pattern) => chosen([pattern], tool));
  return fitting.length === 0 ? null : Object.assign({}, ...fitting.sort().map((pattern) => table[pattern]));
}

function titleOf({ title }: Listed): string {
  return typeof title === 'string' ? title : '';
}

/** What is no boolean says nothing. */
function annotationsOf(value: Json | undefined): Annotations {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const said = value as Readonly<Record<string, Json>>;
  return Object.fromEntries(
    ANNOTATIONS.filter((name) => Object.hasOwn(said, name) && typeof said[name] === 'boolean').map((name) => [
      name,
      said[name],
    ]),
  );
}
