// Decides what a person sees of API keys.
import { z } from 'zod';
import { ageText, view } from './view.ts';

const key = z.object({
  id: z.string(),
  prefix: z.string(),
  description: z.string(),
  use: z.string(),
  subject: z.string(),
  groups: z.array(z.string()),
  scopes: z.array(z.string()),
  surfaces: z.array(z.string()),
  roles: z.array(z.string()),
  createdBy: z.string(),
  expiresAt: z.string(),
  revokedAt: z.string().nullish(),
  lastUsedAt: z.string().nullish(),
});

export const KEY_VIEW = view(key, (items) => items, [
  { title: 'ID', cell: ({ id }) => id },
  { title: 'PREFIX', wide: true, cell: ({ prefix }) => prefix },
  { title: 'SUB', cell: ({ subject }) => subject },
  { title: 'OPENS', cell: ({ use, roles, surfaces }) => (use === 'admin' ? `api: ${roles}` : `${surfaces}`) },
  { title: 'GROUPS', wide: true, cell: ({ groups }) => groups.join(',') || '-' },
  { title: 'SCOPES', wide: true, cell: ({ scopes }) => scopes.join(',') || '-' },
  { title: 'BY', wide: true, cell: ({ createdBy }) => createdBy },
  { title: 'USED', cell: ({ lastUsedAt }, nowMs) => (lastUsedAt ? `${ageText(lastUsedAt, nowMs)} ago` : 'never') },
  { title: 'STATUS', cell: standingOf },
  { title: 'DESCRIPTION', cell: ({ description }) => description || '-' },
]);

function standingOf({ revokedAt, expiresAt }: z.output<typeof key>, nowMs: number): string {
  if (revokedAt) return `revoked ${ageText(revokedAt, nowMs)} ago`;
  const leftMs = Date.parse(expiresAt) - nowMs;
  return leftMs > 0 ? `good for ${ageText(nowMs - leftMs, nowMs)}` : `expired ${ageText(expiresAt, nowMs)} ago`;
}
