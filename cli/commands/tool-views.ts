// Decides what a person sees of changes of tools, and of what is approved.
import { z } from 'zod';
import { ageText, view } from './view.ts';

const change = z.object({
  id: z.string(),
  server: z.string(),
  version: z.string(),
  tool: z.string(),
  kind: z.string(),
  state: z.string(),
  changed: z.array(z.string()),
  compatible: z.boolean(),
  renamedFrom: z.string().optional(),
  problem: z.string().optional(),
  canary: z.object({ percent: z.number(), principals: z.array(z.string()) }).optional(),
  seenAt: z.string(),
  decidedBy: z.string().optional(),
  decidedWhy: z.string().optional(),
});

export const TOOL_CHANGE_VIEW = view(change, (items) => items, [
  { title: 'ID', cell: ({ id }) => id },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'AGE', cell: ({ seenAt }, nowMs) => ageText(seenAt, nowMs) },
  { title: 'SERVER', cell: ({ server }) => server },
  { title: 'VERSION', cell: ({ version }) => version },
  { title: 'TOOL', cell: ({ tool }) => tool },
  { title: 'CHANGED', cell: changedText },
  { title: 'COMPATIBLE', wide: true, cell: ({ compatible }) => (compatible ? 'yes' : 'no') },
  { title: 'CANARY', wide: true, cell: ({ canary }) => (canary === undefined ? '-' : canaryText(canary)) },
  { title: 'PROBLEM', wide: true, cell: ({ problem }) => problem ?? '-' },
  {
    title: 'DECIDED',
    wide: true,
    cell: ({ decidedBy, decidedWhy }) => [decidedBy ?? '-', decidedWhy].join(' ').trim(),
  },
]);

function changedText({ kind, changed, renamedFrom }: z.output<typeof change>): string {
  if (renamedFrom !== undefined) return `was ${renamedFrom}`;
  return kind === 'changed' ? changed.join(', ') : 'all: it is new';
}

function canaryText({ percent, principals }: NonNullable<z.output<typeof change>['canary']>): string {
  return [`${percent} %`, ...principals].join(', ');
}

const pin = z.object({
  version: z.string(),
  tool: z.string(),
  hash: z.string(),
  firstSeenAt: z.string(),
  approvedBy: z.string().optional(),
  approvedAt: z.string(),
  problem: z.string().optional(),
});

/** Of a hash; enough to tell two apart. */
const HASH_CHARS = 12;

export const TOOL_PIN_VIEW = view(pin, (items) => items, [
  { title: 'VERSION', cell: ({ version }) => version },
  { title: 'TOOL', cell: ({ tool }) => tool },
  { title: 'HASH', cell: ({ hash }) => hash.slice(0, HASH_CHARS) },
  { title: 'APPROVED', cell: ({ approvedAt }) => approvedAt },
  { title: 'BY', cell: ({ approvedBy }) => approvedBy ?? 'as it was read first' },
  { title: 'PROBLEM', cell: ({ problem }) => problem ?? '-' },
]);
