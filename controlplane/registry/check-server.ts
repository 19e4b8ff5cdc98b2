// Decides whether a server's versions can be reached: endpoints listed once and where they may lie, sockets, secrets.
import type { Problem, ServerDocument, ServerVersionDocument } from '../../core/catalog/document.ts';
import { type EndpointAddress, parseEndpoint } from '../../core/catalog/endpoint.ts';
import { endpointProblem } from '../../core/catalog/networks.ts';
import { isLoopback } from '../../core/runtime/settings.ts';
import { destinationProblem, secretUses } from './references.ts';
import { socketProblems } from './sockets.ts';
import type { Around, Constraints } from './together.ts';

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
    const message =
      address === null
        ? null
        : (endpointProblem(address, constraints.networks) ?? ownAddressProblem(address, constraints));
    return message === null ? [] : [{ path, message }];
  };
  return [
    ...endpoints.flatMap(({ url }, place) => problem(url, ['endpoints', place, 'url'])),
    ...(auth?.type === 'oauth' ? problem(auth.tokenUrl, ['auth', 'tokenUrl']) : []),
  ];
}

/** Each call would come back as another one, until something gives way. */
function ownAddressProblem({ kind, host, port, authority }: EndpointAddress, { own }: Constraints): string | null {
  if (kind !== 'tcp') return null;
  const here = port === own.port && (isLoopback(host) || host === own.host);
  return here || authority === own.authority ? `${authority} is this gateway itself` : null;
}

function unfitSecrets(version: ServerVersionDocument, { after, claimed }: Around): Problem[] {
  return secretUses(version).flatMap((use): Problem[] => {
    const { secret, type, path } = use;
    const found = after.documents.Secret.get(secret)?.document;
    if (found?.kind === 'Secret') {
      const message =
        found.type === type
          ? destinationProblem(found, use)
          : `the secret "${secret}" is of type ${found.type}, wanted ${type}`;
      return message === null ? [] : [{ path, message }];
    }
    return claimed.has(`Secret/${secret}`) ? [] : [{ path, message: `no secret is named "${secret}"` }];
  });
}
