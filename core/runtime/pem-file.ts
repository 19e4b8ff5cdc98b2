// Decides how a PEM file that a setting names is read at a start.
import { readFileSync } from 'node:fs';
import { LIMITS } from '../limits.ts';
import { StartError } from './process.ts';

/** @param what e.g. "the key of ADS". @throws StartError with the one sentence that says what is wrong. */
export function readPemFile(path: string, what: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new StartError(`${what} cannot be read from ${path}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`, {
      cause,
    });
  }
  if (bytes.length > LIMITS.pemFileBytesMax || !bytes.includes('-----BEGIN '))
    throw new StartError(`${path} is no PEM file: wanted ${what}`);
  return bytes;
}
