// Decides whether a secret holds something, and what those want that name it.
import type { Problem, SecretDocument } from '../../core/catalog/document.ts';
import { keyOf } from './problem.ts';
import { secretUses } from './references.ts';
import type { Around } from './together.ts';

const MEMBERS_OF = {
  opaque: { first: 'value', wanted: 'its value' },
  tls: { first: 'certificate', wanted: 'its certificate and privateKey' },
} as const;

export function secretProblems(secret: SecretDocument, { before, after, claimed }: Around): Problem[] {
  const { first, wanted } = MEMBERS_OF[secret.type];
  if (!after.secrets.has(secret.name)) {
    const why = before.secrets.has(secret.name) ? 'a secret that becomes another type' : 'a new secret';
    return [{ path: [first], message: `${why} needs ${wanted}` }];
  }
  if (before.secrets.get(secret.name)?.type === secret.type) return [];
  const problems: Problem[] = [];
  for (const server of namedBy(secret, after)) {
    if (claimed.has(keyOf(server))) continue;
    const unfit = server.versions
      .flatMap(secretUses)
      .find((use) => use.secret === secret.name && use.type !== secret.type);
    if (unfit === undefined) continue;
    const message = `server "${server.name}" names it where a secret of type ${unfit.type} is wanted`;
    problems.push({ path: ['type'], message });
  }
  return problems;
}

function namedBy(secret: SecretDocument, { references, documents }: Around['after']) {
  return [...(references.get(keyOf(secret)) ?? [])].flatMap((holder) => {
    const document = documents.Server.get(holder.slice('Server/'.length))?.document;
    return document?.kind === 'Server' ? [document] : [];
  });
}
