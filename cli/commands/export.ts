// Decides where `chancery export` puts the documents of the registry: all on the standard output, or one in each file.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DOCUMENT_KINDS, type DocumentKind, parseDocument } from '../../core/catalog/document.ts';
import { askApi } from '../api-client.ts';
import { failed, misused, readArguments } from '../arguments.ts';
import { type CliContext, EXIT_STATUSES } from '../context.ts';
import { readSources } from './apply-input.ts';

export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const read = readArguments('export', args);
  if ('problem' in read) return misused('export', read.problem, context);
  const answer = await askApi({ path: '/v1/export', wanted: 'yaml' }, context);
  if (!answer.ok) return failed('export', answer.sentence, context);
  const { output } = read.flags;
  if (output === undefined) {
    context.out(answer.text);
    return EXIT_STATUSES.done.status;
  }
  const files = filesOf(answer.text);
  if (files === null)
    return failed('export', 'the REST API is of another version: its export has another shape', context);
  try {
    for (const [name, text] of files) await replaceFile(resolve(context.cwd, output, name), text);
    const left = await leftOver(resolve(context.cwd, output), files);
    for (const name of left) context.err(`export: ${join(output, name)} is of no document any more; remove it\n`);
  } catch (error) {
    return failed('export', `${output}: cannot be written: ${(error as Error).message}`, context);
  }
  context.err(`${files.size} ${files.size === 1 ? 'document' : 'documents'} in ${output}\n`);
  return EXIT_STATUSES.done.status;
}

/**
 * `server/github.yaml` → its bytes as they came. A line `---` is between documents and never within one (YAML 1.2.2,
 * section 9.2). null: a piece is not a document, so its name would be no safe name of a file.
 */
function filesOf(text: string): ReadonlyMap<string, string> | null {
  const files = new Map<string, string>();
  for (const piece of text.split(/^---\n/m)) {
    const { documents, problems } = readSources([{ file: 'export', text: piece }]);
    if (documents.length === 0 && piece.replace(/^#.*$/gm, '').trim() === '') continue;
    const found = parseDocument(documents[0]?.value);
    if (documents.length !== 1 || problems.length > 0 || !('document' in found)) return null;
    files.set(`${found.document.kind.toLowerCase()}/${found.document.name}.yaml`, piece);
  }
  return files;
}

/** Another's reader sees the old file or the new one, and a link is replaced instead of followed. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${randomUUID()}`;
  try {
    await writeFile(fresh, text, { flag: 'wx' });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** Files that an earlier export wrote of documents that are gone: applying the folder would bring them back. */
async function leftOver(folder: string, files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const kinds = (Object.keys(DOCUMENT_KINDS) as DocumentKind[]).map((kind) => kind.toLowerCase());
  const found = await Promise.all(
    kinds.map(async (kind) => {
      const names = await readdir(join(folder, kind)).catch(() => []);
      return names.filter((name) => name.endsWith('.yaml')).map((name) => `${kind}/${name}`);
    }),
  );
  return found.flat().filter((name) => !files.has(name));
}
