// Decides how the change log is read.
import { z } from 'zod';
import { DOCUMENT_KINDS } from '../../../core/catalog/document.ts';
import { logPage, shownEntry } from '../log-entry.ts';
import { pageParameters } from '../page.ts';
import { READERS, type Route, route } from '../route.ts';
import { listSchema, logEntrySchema } from '../schemas.ts';

const query = z.strictObject({
  ...pageParameters,
  kind: z
    .enum([...Object.keys(DOCUMENT_KINDS), 'ApiKey', 'ToolChange'])
    .optional()
    .describe('Of the document; `ApiKey` for keys, `ToolChange` for changes of tools.'),
  name: z.string().max(256).optional().describe('Of the document; the id of a key; `SERVER/TOOL`.'),
});

export const logRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/log',
    access: READERS,
    summary:
      'Every change that was made, newest first: what, who, when and why. Nothing in it is ever changed or deleted.',
    query,
    answers: { 200: { doc: 'A page of the log.', schema: listSchema(logEntrySchema) } },
    examples: [
      { title: 'The latest three changes', path: '/v1/log?limit=3', status: 200 },
      { title: 'What was done to one server', path: '/v1/log?kind=Server&name=memory', status: 200 },
    ],
    async handle({ query: { kind, name, cursor, limit } }, { registry }) {
      const { revision } = registry.snapshot();
      const chosen = { ...(kind === undefined ? {} : { kind }), ...(name === undefined ? {} : { name }) };
      const { items, next } = await logPage(registry, chosen, { scope: 'log', cursor, limit });
      return Response.json({ revision, items: items.map(shownEntry), ...(next === undefined ? {} : { next }) });
    },
  }),
];
