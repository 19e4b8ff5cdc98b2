// Decides which files `chancery apply` reads, and in which order.
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { LIMITS } from '../../core/limits.ts';
import type { CliContext } from '../context.ts';
import type { Source } from './apply-input.ts';
import { readText, unreadable } from './read-bounded.ts';

export type Sources = { readonly sources: readonly Source[] } | { readonly problem: string };

/** The texts of files, of what is below directories, and of the standard input (`-`), as they were named. Total. */
export async function readInputs(named: readonly string[], context: CliContext): Promise<Sources> {
  const files: string[] = [];
  for (const name of named) {
    const found = await filesOf(name, context);
    if ('problem' in found) return found;
    files.push(...found.files);
  }
  const sources: Source[] = [];
  let bytesLeft: number = LIMITS.apiBodyBytesMax;
  for (const file of files) {
    const read = await readText(file, bytesLeft, context);
    if ('problem' in read) {
      const together = read.tooLarge === true && bytesLeft < LIMITS.apiBodyBytesMax;
      return together
        ? { problem: `${file}: with it, all files are larger than ${LIMITS.apiBodyBytesMax} bytes` }
        : read;
    }
    bytesLeft -= Buffer.byteLength(read.text);
    sources.push({ file, text: read.text });
  }
  return { sources };
}

type Files = { readonly files: readonly string[] } | { readonly problem: string };

async function filesOf(name: string, { cwd }: CliContext): Promise<Files> {
  if (name === '-') return { files: [name] };
  try {
    const path = resolve(cwd, name);
    if (!(await stat(path)).isDirectory()) return { files: [name] };
    const walk: Walk = { root: await realpath(path), entered: new Set(), files: [], seen: 0 };
    const problem = await enter(name, path, walk);
    if (problem !== null) return { problem };
    if (walk.files.length === 0) return { problem: `${name}: there is no .yaml, .yml or .json file in this folder` };
    return { files: walk.files };
  } catch (error) {
    return { problem: `${name}: ${unreadable(error)}` };
  }
}

interface Walk {
  readonly root: string;
  /** Real paths of folders: a link to a folder above would never end. */
  readonly entered: Set<string>;
  readonly files: string[];
  seen: number;
}

/** A problem, or null. What is left out without a word would be deleted by `--prune`. */
async function enter(name: string, path: string, walk: Walk): Promise<string | null> {
  walk.entered.add(await realpath(path));
  const entries = await readdir(path, { withFileTypes: true });
  // By code units, as anywhere else: not by the language of whoever runs it.
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    // What begins with a dot is a tool's own (.git, .chancery); `*.run.yaml` says what `up` runs beside the documents.
    if (entry.name.startsWith('.') || /\.run\.ya?ml$/.test(entry.name)) continue;
    if (++walk.seen > LIMITS.cliFilesMax) return `${name}: there are more than ${LIMITS.cliFilesMax} files below it`;
    const [inner, innerPath] = [join(name, entry.name), join(path, entry.name)];
    const wanted = /\.(ya?ml|json)$/.test(entry.name);
    if (entry.isSymbolicLink()) {
      const target = await realpath(innerPath).catch(() => null);
      const inside = target !== null && `${target}${sep}`.startsWith(`${walk.root}${sep}`);
      const counts = wanted || (target !== null && (await stat(target)).isDirectory());
      if (!inside && counts) return `${inner}: is a link to what is not in the folder`;
      if (!inside) continue;
    }
    const found = entry.isSymbolicLink() ? await stat(innerPath) : entry;
    if (found.isDirectory()) {
      if (walk.entered.has(await realpath(innerPath))) continue;
      const problem = await enter(inner, innerPath, walk);
      if (problem !== null) return problem;
    } else if (wanted) {
      if (!found.isFile()) return `${inner}: is not a file`;
      walk.files.push(inner);
    }
  }
  return null;
}
