// Decides what the operator's token for the REST API looks like, and where it lies.
import { join } from 'node:path';
import { KeyError, openPrivateFile, readPrivateFile } from './private-file.ts';

/** So that a scanner for leaked secrets can know one. */
const PREFIX = 'chop_';
const TOKEN = /^chop_[A-Za-z0-9_-]{43}$/;

export function operatorTokenPath(home: string): string {
  return join(home, 'operator.token');
}

/** Makes it at the first start. @throws KeyError */
export function openOperatorToken(home: string, random: (bytes: number) => Buffer): string {
  const path = operatorTokenPath(home);
  return check(
    path,
    openPrivateFile(path, () => `${PREFIX}${random(32).toString('base64url')}\n`),
  );
}

/** null when there is none yet. @throws KeyError */
export function readOperatorToken(home: string): string | null {
  const path = operatorTokenPath(home);
  const text = readPrivateFile(path);
  return text === null ? null : check(path, text);
}

function check(path: string, text: string): string {
  const token = text.trim();
  if (TOKEN.test(token)) return token;
  throw new KeyError(
    `${path} does not hold an operator token: remove it, and the control plane makes a new one at its next start`,
  );
}
