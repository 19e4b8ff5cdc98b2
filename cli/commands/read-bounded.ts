// Decides how much of a file or of the standard input a command reads.
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { CliContext } from '../context.ts';

export type ReadText = { readonly text: string } | { readonly problem: string; readonly tooLarge?: true };

/** `-` is the standard input; a pipe is as good as a file. Total. */
export function readText(
  file: string,
  bytesMax: number,
  context: Pick<CliContext, 'cwd' | 'stdin'>,
): Promise<ReadText> {
  if (file === '-') return readStream(file, context.stdin ?? process.stdin, bytesMax);
  return readStream(file, createReadStream(resolve(context.cwd, file)), bytesMax);
}

async function readStream(
  name: string,
  stream: AsyncIterable<Uint8Array | string>,
  bytesMax: number,
): Promise<ReadText> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      bytes += piece.length;
      if (bytes > bytesMax) return { problem: `${name}: is larger than ${bytesMax} bytes`, tooLarge: true };
      chunks.push(piece);
    }
  } catch (error) {
    return { problem: `${name}: ${unreadable(error)}` };
  }
  return { text: Buffer.concat(chunks).toString('utf8') };
}

/** Why a file or folder could not be read. */
export function unreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${message}`;
}
