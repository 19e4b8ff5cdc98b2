// Decides whether a server's versions can be reached: endpoints listed once and where they may lie, sockets, secrets.
import type { Problem, ServerDocument, ServerVersionDocument } from '../../core/catalog/document.ts';
import { type EndpointAddress, parseEndpoint } from '../../core/catalog/endpoint.ts';
import { endpointProblem } from '../../core/catalog/networks.ts';
import { secretUses } from './references.ts';
import { socketProblems } from './sockets.ts';
import type { Around } from './together.ts';

export function serverProblems(server: ServerDocument, around: Around): Problem[] {
  return [
    ...socketProblems(server, around.after.references, around.constraints.runDir),
    ...server.versions.flatMap((version, index) =>
      [...repeatedEndpoints(version), ...forbiddenAddresses(version, around), ...unfitSecrets(version, around)].map(
        ({ path, message }) => ({ path: ['versions', index, ...path], message }),
      ),
    ),
  ];
}

function repeatedEndpoints({ endpoints = [] }: ServerVersionDocument): Problem[] {
  const urls = endpoints.map(({ url }) => url);
  return urls.flatMap((url, place) =>
    urls.indexOf(url) === place
      ? []
      : [{ path: ['endpoints', place, 'url'], message: `the endpoint "${url}" is listed twice` }],
  );
}

/** Nothing is sent to a decommissioned version any more: it may say where it was. */
function forbiddenAddresses(
  { state, endpoints = [], auth }: ServerVersionDocument,
  { constraints }: Around,
): Problem[] {
  if (state === 'decommissioned') return [];
  const problem = (url: string, path: Problem['path']): Problem[] => {
    const address: EndpointAddress | null = parseEndpoint(url);
    const message = address === null ? null : endpointProblem(address, constraints.networks);
    return message === null ? [] : [{ path, message }];
  };
  return [
    ...endpoints.flatMap(({ url }, place) => problem(url, ['endpoints', place, 'url'])),
    ...(auth?.type === 'oauth' ? problem(auth.tokenUrl, ['auth', 'tokenUrl']) : []),
  ];
}

function unfitSecrets(version: ServerVersionDocument, { after, claimed }: Around): Problem[] {
  return secretUses(version).flatMap(({ secret, type, path }): Problem[] => {
    const found = after.documents.Secret.get(secret)?.document;
    if (found?.kind === 'Secret') {
      if (found.type === type) return [];
      return [{ path, message: `the secret "${secret}" is of type ${found.type}, wanted ${type}` }];
    }
    return claimed.has(`Secret/${secret}`) ? [] : [{ path, message: `no secret is named "${secret}"` }];
  });
}
