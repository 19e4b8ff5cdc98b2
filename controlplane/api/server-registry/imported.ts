// Decides which server document a server.json becomes, and what somebody still has to do for it.
import { LIMITS } from '../../../core/limits.ts';
import { type ImportedPackage, packageVersion } from './imported-package.ts';
import { remoteVersion } from './imported-remote.ts';
import type { ServerJson } from './server-json.ts';

export interface ImportChoice {
  /** Name of the server here; absent: what follows the slash, as a name may be written. */
  readonly name?: string | undefined;
  /** Which of the `remotes`, or of the `packages`; absent: the first that can be used, remotes before packages. */
  readonly remote?: number | undefined;
  readonly package?: number | undefined;
}

export interface Imported {
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly version: ImportedPackage['version'] & { readonly version: string; readonly state: 'requested' };
  /** Names of secrets that it refers to. */
  readonly secrets: readonly string[];
  /** What was left out, or is still to be filled in; a sentence each. */
  readonly notes: readonly string[];
}

export interface ImportProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Total. Nothing is fetched, and nothing will be dialled or run before the version has been reviewed. */
export function imported(server: ServerJson, choice: ImportChoice): Imported | { readonly problem: ImportProblem } {
  const name = choice.name ?? shortName(server.name);
  const notes: string[] = [];
  const version = server.version.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, VERSION_CHARS_MAX);
  if (version !== server.version) notes.push(`the version is written "${version}" here`);
  const found = chosen(server, choice, name);
  if ('problem' in found) return found;
  return {
    name,
    ...(server.title === undefined ? {} : { title: server.title }),
    description: server.description,
    version: { version, state: 'requested', ...found.version },
    secrets: [...new Set(found.secrets)],
    notes: [...notes, ...found.notes],
  };
}

const VERSION_CHARS_MAX = 32;

function shortName(full: string): string {
  return full
    .slice(full.indexOf('/') + 1)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, LIMITS.serverNameCharsMax)
    .replace(/-$/, '');
}

type Found = ImportedPackage | { readonly problem: ImportProblem };

function read<Item>(
  list: string,
  items: readonly Item[],
  index: number,
  name: string,
  version: (item: Item, name: string) => ImportedPackage | string,
): Found {
  const item = items[index];
  if (item === undefined) return { problem: { path: ['server', list], message: `there is no number ${index}` } };
  const result = version(item, name);
  return typeof result === 'string' ? { problem: { path: ['server', list, index], message: result } } : result;
}

function chosen(server: ServerJson, choice: ImportChoice, name: string): Found {
  const remote = (index: number): Found => read('remotes', server.remotes, index, name, remoteVersion);
  const packaged = (index: number): Found => read('packages', server.packages, index, name, packageVersion);
  if (choice.remote !== undefined) return remote(choice.remote);
  if (choice.package !== undefined) return packaged(choice.package);
  const all = [
    ...server.remotes.map((_, index) => remote(index)),
    ...server.packages.map((_, index) => packaged(index)),
  ];
  const nothing = { path: ['server'], message: 'it has neither remotes nor packages' };
  return all.find((result) => !('problem' in result)) ?? all[0] ?? { problem: nothing };
}
