// Decides whether an issuer is told apart from all others, and whether its keys lie where we may ask for them.
import type { IssuerDocument, Problem } from '../../core/catalog/document.ts';
import { parseEndpoint } from '../../core/catalog/endpoint.ts';
import { endpointProblem } from '../../core/catalog/networks.ts';
import { API_KEY_ISSUER } from '../../core/identity/api-key.ts';
import type { Around } from './together.ts';

export function issuerProblems(document: IssuerDocument, { after, constraints }: Around): Problem[] {
  const { name, issuer, jwks, jwksUri } = document;
  const problems: Problem[] = [];
  // A token is read by its `iss`: two documents for one would each say something else of it.
  const other = [...after.documents.Issuer.values()].find(
    ({ document: found }) => found.kind === 'Issuer' && found.name !== name && found.issuer === issuer,
  );
  if (other !== undefined)
    problems.push({ path: ['issuer'], message: `the issuer "${other.document.name}" has it already` });
  if (constraints.ownIssuers?.includes(issuer) === true || issuer === API_KEY_ISSUER)
    problems.push({ path: ['issuer'], message: `"${issuer}" is this gateway itself` });
  const asked =
    jwks !== undefined ? null : jwksUri !== undefined ? (['jwksUri', jwksUri] as const) : (['issuer', issuer] as const);
  if (asked === null) return problems;
  const [path, url] = asked;
  const address = parseEndpoint(url);
  const message =
    address === null ? 'wanted a URL with a host and no query' : endpointProblem(address, constraints.networks);
  if (message !== null) problems.push({ path: [path], message });
  return problems;
}
