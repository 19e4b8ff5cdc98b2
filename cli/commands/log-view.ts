// Decides what a person sees of the change log, of all or of one document.
import { z } from 'zod';
import { nameOf } from './changes.ts';
import { view } from './view.ts';

const entry = z.object({
  revision: z.number(),
  at: z.string(),
  who: z.string(),
  why: z.string(),
  kind: z.string(),
  name: z.string(),
  change: z.string(),
  version: z.string().nullish(),
  from: z.string().nullish(),
  to: z.string().nullish(),
  source: z.number().nullish(),
});

export const LOG_VIEW = view(entry, (items) => items, [
  { title: 'REVISION', cell: ({ revision }) => String(revision) },
  { title: 'AT', cell: ({ at }) => at },
  { title: 'WHO', cell: ({ who }) => who },
  { title: 'WHAT', cell: ({ kind, name }) => nameOf(kind, name) },
  { title: 'CHANGE', cell: changeText },
  { title: 'WHY', cell: ({ why }) => why || '-' },
]);

function changeText({ change, version, from, to, source }: z.output<typeof entry>): string {
  if (change === 'transition') return `${version ?? ''} ${from ?? 'new'} -> ${to ?? 'gone'}`;
  return change === 'rollback' && source != null ? `rollback to ${source}` : change;
}
