// Decides what an operator is told about how the instance is.
import type { Route } from '../route.ts';
import { serverStatus } from '../server-status.ts';

export const statusRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/status',
    summary: 'The revision, each server as it was read, and whether all is ready, or what is missing.',
    async handle(_, { registry, missing }) {
      const { revision, documents, discoveries } = await registry.snapshot();
      const servers = documents.flatMap(({ document }) => {
        const status = serverStatus(document, discoveries);
        if (document.kind !== 'Server' || status === null) return [];
        return [{ name: document.name, version: document.versions[0]?.version, ...status }];
      });
      const lacks = missing();
      const ready = lacks.length === 0 && servers.every(({ discovered }) => discovered);
      return Response.json({ revision, ready, missing: lacks, servers });
    },
  },
  {
    method: 'GET',
    path: '/v1/nodes',
    summary: 'The connected xDS clients, and what each has acknowledged.',
    handle: async (_, { nodes }) => Response.json({ items: nodes() }),
  },
  {
    method: 'GET',
    path: '/healthz',
    open: true,
    summary: 'Whether the process answers.',
    handle: async () => Response.json({ status: 'ok' }),
  },
];
