// Decides whether a surface's servers and issuers are there, and whether it may be open.
import type { Problem, SurfaceDocument } from '../../core/catalog/document.ts';
import { LOCAL_ISSUER } from '../../core/catalog/documents/issuer.ts';
import { isLoopback } from '../../core/runtime/settings.ts';
import type { Around } from './together.ts';

export function surfaceProblems(surface: SurfaceDocument, { after, claimed, constraints }: Around): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [index, { server }] of surface.servers.entries()) {
    const path = ['servers', index, 'server'];
    if (!after.documents.Server.has(server) && !claimed.has(`Server/${server}`)) {
      problems.push({ path, message: `no server is named "${server}"` });
    }
    if (seen.has(server)) problems.push({ path, message: `the server "${server}" is listed twice` });
    seen.add(server);
  }
  for (const [index, issuer] of (surface.issuers ?? []).entries()) {
    if (issuer === LOCAL_ISSUER || after.documents.Issuer.has(issuer) || claimed.has(`Issuer/${issuer}`)) continue;
    problems.push({ path: ['issuers', index], message: `no issuer is named "${issuer}"` });
  }
  if (surface.auth === 'certificate' || surface.auth === 'either') {
    if (constraints.clientCertificates !== true)
      problems.push({
        path: ['auth'],
        message: 'this gateway takes no client certificates: see the setting client-ca',
      });
    if (surface.decision === 'ext_authz')
      problems.push({ path: ['decision'], message: 'a caller with a certificate is decided on by ext_proc' });
  }
  if (surface.auth === 'none' && !isLoopback(constraints.host)) {
    const message = `"none" is only for a gateway that listens on loopback, and this one listens on ${constraints.host}`;
    problems.push({ path: ['auth'], message });
  }
  return problems;
}
