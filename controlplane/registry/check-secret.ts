// Decides whether a secret holds something, and what those want that name it.
import type { Problem, SecretDocument } from '../../core/catalog/document.ts';
import { keyOf } from './problem.ts';
import { destinationProblem, secretUses } from './references.ts';
import type { Around } from './together.ts';

const MEMBERS_OF = {
  opaque: { first: 'value', wanted: 'its value' },
  tls: { first: 'certificate', wanted: 'its certificate and privateKey' },
} as const;

export function secretProblems(secret: SecretDocument, { before, after, claimed }: Around): Problem[] {
  const { first, wanted } = MEMBERS_OF[secret.type];
  if (!after.secrets.has(secret.name)) {
    const why = before.secrets.has(secret.name) ? 'a secret that becomes another type' : 'a new secret';
    return [
      {
        path: [first],
        message: `${why} needs ${wanted}, which no export has: see "chancery secret set ${secret.name}"`,
      },
    ];
  }
  const problems: Problem[] = [];
  for (const server of namedBy(secret, after)) {
    if (claimed.has(keyOf(server))) continue;
    const uses = server.versions.flatMap(secretUses).filter((use) => use.secret === secret.name);
    const unfit = uses.find(({ type }) => type !== secret.type);
    if (unfit !== undefined) {
      const message = `server "${server.name}" names it where a secret of type ${unfit.type} is wanted`;
      problems.push({ path: ['type'], message });
      continue;
    }
    const elsewhere = uses.map((use) => destinationProblem(secret, use)).find((message) => message !== null);
    if (elsewhere !== undefined)
      problems.push({ path: ['hosts'], message: `server "${server.name}" names it: ${elsewhere}` });
  }
  return problems;
}

function namedBy(secret: SecretDocument, { references, documents }: Around['after']) {
  return [...(references.get(keyOf(secret)) ?? [])].flatMap((holder) => {
    const document = documents.Server.get(holder.slice('Server/'.length))?.document;
    return document?.kind === 'Server' ? [document] : [];
  });
}
