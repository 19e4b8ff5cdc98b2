// Decides what `chancery apply` does: all documents of its files go into the registry, or none and every problem is told.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { LIMITS } from '../../core/limits.ts';
import { createApiClient } from '../api-client.ts';
import type { CliContext } from '../context.ts';
import { checkDocuments, type Located, readSources, type Source } from './apply-input.ts';

const USAGE = 'usage: chancery apply -f FILE|FOLDER|- [-f …]\n';
const answerSchema = z.object({
  changes: z.array(z.object({ kind: z.string(), name: z.string(), change: z.string() })),
});

/** Resolves to 0 when all is written, to 1 when nothing is, to 2 for a wrong command line. */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  let files: readonly string[];
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { file: { type: 'string', short: 'f', multiple: true } },
    });
    files = values.file ?? [];
  } catch (error) {
    context.err(`apply: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (files.length === 0) {
    context.err(USAGE);
    return 2;
  }
  const sources: Source[] = [];
  for (const file of files) {
    const read = await readInput(file, context);
    if ('problem' in read) {
      context.err(`${read.problem}\n`);
      return 1;
    }
    sources.push(...read.sources);
  }
  const { documents, problems } = readSources(sources);
  if (problems.length > 0) return tell([...problems, ...checkDocuments(documents)], sources, context);

  const answer = await createApiClient(context.settings).post('/v1/apply', {
    documents: documents.map(({ value }) => value),
  });
  if (!answer.ok) {
    const located = answer.problems.flatMap((problem) => documents[problem.document]?.locate(problem) ?? []);
    if (located.length > 0) return tell(located, sources, context);
    context.err(`apply: ${answer.sentence}\n`);
    return 1;
  }
  for (const { kind, name, change } of answerSchema.parse(answer.body).changes) {
    context.out(`${kind.toLowerCase()}/${name} ${change}\n`);
  }
  return 0;
}

/** In the order of the files and their lines, as an editor lists them. */
function tell(problems: readonly Located[], sources: readonly Source[], { err }: CliContext): number {
  const order = new Map(sources.map(({ file }, index) => [file, index]));
  const sorted = [...problems].sort((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line);
  for (const { file, line, path, message } of sorted) {
    err(`${file}:${line}: ${path.length === 0 ? '' : `${pathText(path)}: `}${message.replace(/\p{Cc}/gu, ' ')}\n`);
  }
  err('nothing was applied\n');
  return 1;
}

/** `versions[0].endpoints[1].url`. */
function pathText(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('')
    .replace(/\p{Cc}/gu, ' ');
}

type Read = { readonly sources: readonly Source[] } | { readonly problem: string };

async function readInput(file: string, context: CliContext): Promise<Read> {
  if (file === '-') return readStream(context.stdin ?? process.stdin);
  const path = resolve(context.cwd, file);
  try {
    if (!(await stat(path)).isDirectory()) return await readSource(file, path);
    // `*.run.yaml` says what `up` runs beside the documents.
    const names = (await readdir(path))
      .filter((name) => /\.(ya?ml|json)$/.test(name) && !/\.run\.ya?ml$/.test(name))
      .sort();
    if (names.length === 0) return { problem: `${file}: there is no .yaml, .yml or .json file in this folder` };
    const sources: Source[] = [];
    for (const name of names) {
      const read = await readSource(join(file, name), join(path, name));
      if ('problem' in read) return read;
      sources.push(...read.sources);
    }
    return { sources };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { problem: code === 'ENOENT' ? `${file}: there is no such file` : `${file}: cannot be read: ${message}` };
  }
}

const TOO_LARGE = `is larger than ${LIMITS.apiBodyBytesMax} bytes`;

async function readSource(file: string, path: string): Promise<Read> {
  if ((await stat(path)).size > LIMITS.apiBodyBytesMax) return { problem: `${file}: ${TOO_LARGE}` };
  return { sources: [{ file, text: await readFile(path, 'utf8') }] };
}

async function readStream(stream: AsyncIterable<Uint8Array | string>): Promise<Read> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    bytes += piece.length;
    if (bytes > LIMITS.apiBodyBytesMax) return { problem: `-: ${TOO_LARGE}` };
    chunks.push(piece);
  }
  return { sources: [{ file: '-', text: Buffer.concat(chunks).toString('utf8') }] };
}
