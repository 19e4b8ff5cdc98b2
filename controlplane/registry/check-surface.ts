// Decides whether a surface's servers are there, and whether it may be open.
import type { Problem, SurfaceDocument } from '../../core/catalog/document.ts';
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
  if (surface.auth === 'none' && !isLoopback(constraints.host)) {
    const message = `"none" is only for a gateway that listens on loopback, and this one listens on ${constraints.host}`;
    problems.push({ path: ['auth'], message });
  }
  return problems;
}
