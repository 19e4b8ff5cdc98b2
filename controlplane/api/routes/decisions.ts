// Decides how recorded decisions are read over HTTP.
import { z } from 'zod';
import { instantSchema } from '../../../core/catalog/documents/fields.ts';
import { OUTCOMES, outcomeOf } from '../../../core/ledger-client/decision-record.ts';
import { listDecisions, type StoredDecision, sinceTime } from '../../ledger/decisions.ts';
import { beforeIn } from '../log-entry.ts';
import { cursorOf, pageParameters } from '../page.ts';
import { PERMISSIONS } from '../permissions.ts';
import { type Route, route } from '../route.ts';
import { decisionSchema, listSchema } from '../schemas.ts';
import { isoTime } from '../server-status.ts';

const SCOPE = 'decisions';

const query = z.strictObject({
  ...pageParameters,
  surface: z.string().max(256).optional().describe('Only those on this surface.'),
  subject: z.string().max(512).optional().describe('Only those about this subject.'),
  target: z.string().max(8_300).optional().describe('Only those about `SERVER/NAME`.'),
  outcome: z.enum(OUTCOMES).optional().describe('Only those that came to this.'),
  since: instantSchema.optional().describe('Only those from then on.'),
});

export const decisionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/decisions',
    access: PERMISSIONS.decisions.roles,
    summary:
      'What was decided of calls, newest first, for as long as it is kept. Arguments are in it only where the surface says so.',
    query,
    answers: { 200: { doc: 'A page of them.', schema: listSchema(decisionSchema) } },
    examples: [
      { title: 'What was denied to somebody', path: '/v1/decisions?subject=alice&outcome=denied', status: 200 },
    ],
    async handle({ query: { limit, cursor, since, surface, subject, target, outcome } }, { registry }) {
      const before = beforeIn(SCOPE, cursor);
      const read = await registry.beside.read(async (db) =>
        listDecisions(db, {
          ...(surface === undefined ? {} : { surface }),
          ...(subject === undefined ? {} : { subject }),
          ...(target === undefined ? {} : { target }),
          ...(outcome === undefined ? {} : { outcome }),
          ...(since === undefined ? {} : { since: await sinceTime(db, Date.parse(since)) }),
          ...(before === undefined ? {} : { before }),
          limit: limit + 1,
        }),
      );
      const items = read.slice(0, limit);
      const last = items.at(-1);
      const next = last === undefined || read.length <= limit ? {} : { next: cursorOf(SCOPE, [String(last.sequence)]) };
      return Response.json({ revision: registry.snapshot().revision, items: items.map(shown), ...next });
    },
  }),
];

function shown({ sequence, record }: StoredDecision): z.output<typeof decisionSchema> {
  const { atMs, ...rest } = record;
  return { sequence, at: isoTime(atMs), outcome: outcomeOf(record), ...rest };
}
