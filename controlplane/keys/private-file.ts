// Decides how a file that holds a secret is created, once, and when one that is there is fit to be believed.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { LIMITS } from '../../core/limits.ts';

/** A secret that cannot be used; the message is a whole sentence for the operator and never quotes the content. */
export class KeyError extends Error {
  override name = 'KeyError';
}

/** The content; null when there is no such file. @throws KeyError when others may read or replace it. */
export function readPrivateFile(path: string, bytesMax: number = LIMITS.keyFileBytesMax): string | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code === 'ELOOP') throw new KeyError(`${path} is a symbolic link, wanted a plain file`);
    throw new KeyError(`${path} cannot be read (${code ?? (error as Error).message}): check its owner and its mode`);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new KeyError(`${path} is not a plain file`);
    const uid = process.getuid?.();
    if (uid !== undefined && stat.uid !== uid) {
      throw new KeyError(`${path} belongs to another user (uid ${stat.uid}, wanted ${uid})`);
    }
    const mode = stat.mode & 0o777;
    if ((mode & 0o177) !== 0) {
      throw new KeyError(
        `${path} has mode ${mode.toString(8).padStart(4, '0')}, wanted 0600: run "chmod 600 ${path}", and replace it if others could read it`,
      );
    }
    if (stat.size > bytesMax) {
      throw new KeyError(`${path} has ${stat.size} bytes, wanted at most ${bytesMax}`);
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/**
 * The content of the file, which is made by `make` when there is none. It appears whole or not at all, and is never
 * overwritten: of two processes that start at once, both get the content of the one that was first. @throws KeyError
 */
export function openPrivateFile(path: string, make: () => string): string {
  const known = readPrivateFile(path);
  if (known !== null) return known;
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(file, make());
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    try {
      linkSync(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  } catch (error) {
    throw new KeyError(`${path} cannot be created: ${(error as Error).message}`);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(dirname(path));
  const content = readPrivateFile(path);
  if (content === null) throw new KeyError(`${path} was removed while it was made`);
  return content;
}

/** A name is only durable once its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Creates the folder with mode 0700; one that is there must be ours, and nobody else may write to it. @throws KeyError */
export function openPrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new KeyError(`the folder ${path} cannot be created: ${(error as Error).message}`);
  }
  const stat = lstatSync(path);
  const uid = process.getuid?.();
  if (!stat.isDirectory()) throw new KeyError(`${path} is not a folder`);
  if (uid !== undefined && stat.uid !== uid) {
    throw new KeyError(`the folder ${path} belongs to another user (uid ${stat.uid}, wanted ${uid})`);
  }
  if ((stat.mode & 0o022) !== 0) {
    throw new KeyError(
      `others may write to the folder ${path}: run "chmod 700 ${path}", or choose another home folder`,
    );
  }
}
