// Decides which one sentence an operator reads when the registry's database cannot be used.

/** The registry cannot be opened, read or written; the message is a whole sentence for the operator. */
export class RegistryError extends Error {
  override name = 'RegistryError';
}

/** No more API keys are given out: the caller's to mend, not the database's. */
export class TooManyKeysError extends RegistryError {
  override name = 'TooManyKeysError';
}

/** By the beginning of SQLite's result code; the first that fits. */
const SENTENCES: readonly (readonly [string, string])[] = [
  ['SQLITE_NOTADB', 'is not a SQLite database: restore a backup, or move it away to start with an empty registry'],
  ['SQLITE_CORRUPT', 'is damaged: restore a backup, or move it away to start with an empty registry'],
  ['SQLITE_CANTOPEN', 'cannot be opened: check that it is a file and that its folder may be written'],
  ['SQLITE_PERM', 'may not be accessed: check its owner and its mode'],
  ['SQLITE_AUTH', 'may not be accessed: check its owner and its mode'],
  ['SQLITE_READONLY', 'may not be written: check its owner and its mode'],
  ['SQLITE_BUSY', 'is held by another process: end the other control plane'],
  ['SQLITE_LOCKED', 'is held by another process: end the other control plane'],
  ['SQLITE_FULL', 'cannot grow: the disk is full'],
  ['SQLITE_IOERR', 'cannot be read or written: the disk reports an error'],
  ['EACCES', 'may not be accessed: check its owner and its mode'],
  ['EPERM', 'may not be accessed: check its owner and its mode'],
  ['EROFS', 'may not be written: the file system is read-only'],
  ['EISDIR', 'is a folder, wanted a file'],
  ['ENOTDIR', 'cannot be opened: a part of its path is not a folder'],
  ['ENOENT', 'cannot be opened: its folder does not exist'],
  ['ENOSPC', 'cannot grow: the disk is full'],
];

/** The error as one for the operator; anything but a failure of the database or its file is given back as it is. */
export function asRegistryError(path: string, error: unknown): unknown {
  if (error instanceof RegistryError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const sentence = SENTENCES.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (sentence !== undefined) return new RegistryError(`the registry ${path} ${sentence} (${code})`, { cause: error });
  if (code.startsWith('SQLITE_')) {
    return new RegistryError(`the registry ${path} cannot be used (${code})`, { cause: error });
  }
  return error;
}
