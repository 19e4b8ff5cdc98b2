// Decides what an operator is told about how the instance is.
import { z } from 'zod';
import { LIFECYCLE } from '../../../core/catalog/lifecycle.ts';
import { READERS, type Route, route } from '../route.ts';
import { versionStatusSchema } from '../schemas.ts';
import { versionsStatus } from '../server-status.ts';
import { documentsOf } from '../shown.ts';

export const statusRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/status',
    access: READERS,
    summary:
      'The revision, each server version that is reached as it was read, and whether all is ready, or what is missing.',
    answers: {
      200: {
        doc: '`ready`: nothing is missing, and every version that sessions are led to was read.',
        schema: z.strictObject({
          revision: z.int(),
          ready: z.boolean(),
          missing: z.array(z.string()),
          servers: z.array(versionStatusSchema.extend({ name: z.string() })),
        }),
      },
    },
    examples: [{ title: 'How it is', path: '/v1/status', status: 200 }],
    async handle(_, { registry, missing }) {
      const snapshot = registry.snapshot();
      const servers = documentsOf(snapshot, 'Server').flatMap(({ document }) =>
        document.kind === 'Server'
          ? versionsStatus(document, snapshot)
              .filter(({ state }) => LIFECYCLE[state].reached)
              .map((version) => ({ name: document.name, ...version }))
          : [],
      );
      const lacks = missing();
      const ready =
        lacks.length === 0 && servers.every(({ state, discovered }) => discovered || !LIFECYCLE[state].served);
      return Response.json({ revision: snapshot.revision, ready, missing: lacks, servers });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/nodes',
    access: READERS,
    summary:
      'The xDS clients, those that left too: what each was sent, acknowledged and refused (with its words), its last contact.',
    answers: { 200: { doc: 'All of them.', schema: z.strictObject({ items: z.array(z.looseObject({})) }) } },
    examples: [{ title: 'Who is connected', path: '/v1/nodes', status: 200 }],
    handle: async (_, { nodes }) => Response.json({ items: nodes() }),
  }),
  route({
    method: 'GET',
    path: '/metrics',
    access: READERS,
    summary: "The control plane's metrics in Prometheus' text format.",
    answers: { 200: { doc: 'Text.', schema: z.string(), type: 'text/plain' } },
    examples: [{ title: 'What Prometheus scrapes', path: '/metrics', status: 200 }],
    async handle(_, { metrics }) {
      return new Response(await metrics(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
    },
  }),
  route({
    method: 'GET',
    path: '/healthz',
    access: 'open',
    summary: 'Whether the process answers.',
    answers: { 200: { doc: 'It does.', schema: z.strictObject({ status: z.literal('ok') }) } },
    examples: [{ title: 'Without a token', path: '/healthz', status: 200 }],
    handle: async () => Response.json({ status: 'ok' }),
  }),
];
