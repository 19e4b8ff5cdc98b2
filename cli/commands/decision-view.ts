// Decides what a person sees of recorded decisions.
import { z } from 'zod';
import { ageText, view } from './view.ts';

const decision = z.object({
  at: z.string(),
  id: z.string(),
  surface: z.string(),
  subject: z.string(),
  issuer: z.string(),
  agent: z.string().nullable(),
  method: z.string(),
  server: z.string(),
  name: z.string(),
  outcome: z.string(),
  code: z.string(),
  rules: z.array(z.string()),
  revision: z.number(),
  shadow: z.object({ allowed: z.boolean(), rules: z.array(z.string()) }).nullable(),
  indeterminate: z.array(z.string()),
});

export const DECISION_VIEW = view(decision, (items) => items, [
  { title: 'AGE', cell: ({ at }, nowMs) => ageText(at, nowMs) },
  { title: 'OUTCOME', cell: ({ outcome, code }) => (code === '' ? outcome : `${outcome}: ${code}`) },
  { title: 'SURFACE', cell: ({ surface }) => surface },
  { title: 'SUB', cell: ({ subject }) => subject },
  { title: 'ISSUER', wide: true, cell: ({ issuer }) => issuer },
  { title: 'AGENT', wide: true, cell: ({ agent }) => agent ?? '-' },
  { title: 'METHOD', wide: true, cell: ({ method }) => method },
  { title: 'TARGET', cell: ({ server, name }) => `${server}/${name}` },
  { title: 'RULES', cell: ({ rules }) => rules.join(',') || '-' },
  { title: 'SHADOW', cell: shadowText },
  { title: 'NO VALUE', wide: true, cell: ({ indeterminate }) => indeterminate.join(',') || '-' },
  { title: 'REVISION', wide: true, cell: ({ revision }) => String(revision) },
  { title: 'ID', wide: true, cell: ({ id }) => id },
]);

function shadowText({ shadow }: z.output<typeof decision>): string {
  if (shadow === null) return '-';
  const by = shadow.rules.join(',');
  return `${shadow.allowed ? 'allowed' : 'denied'}${by === '' ? '' : ` by ${by}`}`;
}
