// Decides what a person sees of calls that wait for one.
import { z } from 'zod';
import { ageText, view } from './view.ts';

const approval = z.object({
  id: z.string(),
  state: z.string(),
  surface: z.string(),
  issuer: z.string(),
  subject: z.string(),
  target: z.string(),
  rule: z.string(),
  reason: z.string(),
  by: z.object({ subjects: z.array(z.string()).optional(), groups: z.array(z.string()).optional() }),
  shown: z.string().optional(),
  requestedAt: z.string(),
  expiresAt: z.string(),
  decidedBy: z.string().optional(),
  decidedWhy: z.string().optional(),
});

export const APPROVAL_VIEW = view(approval, (items) => items, [
  { title: 'ID', cell: ({ id }) => id },
  { title: 'STATE', cell: stateText },
  { title: 'AGE', cell: ({ requestedAt }, nowMs) => ageText(requestedAt, nowMs) },
  { title: 'SURFACE', cell: ({ surface }) => surface },
  { title: 'SUB', cell: ({ subject }) => subject },
  { title: 'ISSUER', wide: true, cell: ({ issuer }) => issuer },
  { title: 'TARGET', cell: ({ target }) => target },
  { title: 'ARGUMENTS', cell: ({ shown }) => shown ?? '-' },
  { title: 'RULE', wide: true, cell: ({ rule }) => rule },
  { title: 'BY', wide: true, cell: decidersText },
  { title: 'REASON', wide: true, cell: ({ reason }) => reason || '-' },
  {
    title: 'DECIDED',
    wide: true,
    cell: ({ decidedBy, decidedWhy }) => [decidedBy ?? '-', decidedWhy].join(' ').trim(),
  },
]);

function stateText({ state, expiresAt }: z.output<typeof approval>, nowMs: number): string {
  const leftMs = Date.parse(expiresAt) - nowMs;
  if (state !== 'pending' && state !== 'approved') return state;
  return leftMs > 0 ? `${state}, ${ageText(nowMs - leftMs, nowMs)} left` : 'expired';
}

function decidersText({ by: { subjects = [], groups = [] } }: z.output<typeof approval>): string {
  return [...subjects, ...groups.map((group) => `group ${group}`)].join(', ');
}
