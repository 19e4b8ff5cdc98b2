// Decides what a person sees of the xDS clients: what each was sent, acknowledged and refused, and who is missing.
import { z } from 'zod';
import { NODE_GROUPS } from '../../core/contract.ts';
import { ageText, type View, view } from './view.ts';

const typeSchema = z.object({
  label: z.string(),
  sent: z.string().nullable(),
  acked: z.string().nullable(),
  nacked: z.object({ version: z.string(), message: z.string() }).nullish(),
});
type Type = z.output<typeof typeSchema>;
const node = z.object({
  id: z.string(),
  /** What kind of client it is; `group`: whose snapshot it is given. */
  client: z.string(),
  group: z.string(),
  transport: z.string(),
  variant: z.string(),
  userAgent: z.string(),
  connected: z.boolean(),
  lastContactMs: z.number(),
  disconnectedAtMs: z.number().nullable(),
  types: z.array(typeSchema),
});
type Node = z.output<typeof node>;

/** Who ought to be connected and is not, or a node that is. */
type Row = Node | { readonly missing: string };

const HEAD = [
  { title: 'ID', cell: ({ id }: Node) => id },
  { title: 'GROUP', cell: ({ client, group }: Node) => (client === group ? group : `${client}/${group}`) },
  { title: 'BY', cell: ({ transport }: Node) => transport },
  { title: 'CONTACT', cell: ({ lastContactMs }: Node, nowMs: number) => `${ageText(lastContactMs, nowMs)} ago` },
] as const;

/** One row for each node. */
export const NODE_VIEW: View = view<Node, Row>(
  node,
  (items, { only }) => {
    const present = items.filter(({ connected }) => connected).map(({ client }) => client);
    const missing = only ? [] : Object.values(NODE_GROUPS).filter((group) => !present.includes(group));
    return [...items, ...missing.map((group) => ({ missing: group }))];
  },
  [
    ...HEAD.map(({ title, cell }) => ({
      title,
      cell: (row: Row, nowMs: number) => {
        if ('missing' in row) return title === 'GROUP' ? row.missing : '-';
        return cell(row, nowMs);
      },
    })),
    {
      title: 'ACKED',
      cell: (row) => ('missing' in row ? '-' : `${row.types.filter(isAcked).length}/${row.types.length}`),
    },
    {
      title: 'STATUS',
      cell: (row, nowMs) => ('missing' in row ? `not connected: see ${row.missing}.log` : nodeStanding(row, nowMs)),
    },
  ],
);

/** One row for each type of resource that a node subscribes to. */
export const NODE_TYPES_VIEW: View = view(
  node,
  (items) => items.flatMap((item) => item.types.map((type) => ({ ...item, type }))),
  [
    ...HEAD,
    { title: 'VARIANT', cell: ({ variant }) => variant },
    { title: 'AGENT', wide: true, cell: ({ userAgent }) => userAgent || '-' },
    { title: 'TYPE', cell: ({ type }) => type.label },
    { title: 'SENT', cell: ({ type }) => shortVersion(type.sent) },
    { title: 'ACKED', cell: ({ type }) => shortVersion(type.acked) },
    { title: 'NACKED', cell: ({ type }) => shortVersion(type.nacked?.version) },
    { title: 'STATUS', cell: (item, nowMs) => (item.connected ? typeStanding(item.type) : nodeStanding(item, nowMs)) },
  ],
);

function nodeStanding({ connected, disconnectedAtMs, types }: Node, nowMs: number): string {
  const refused = types.filter(({ nacked }) => nacked != null);
  const words = refused.map((type) => `${type.label} ${typeStanding(type)}`).join('; ');
  if (!connected) return `gone for ${ageText(disconnectedAtMs, nowMs)}${words === '' ? '' : `; ${words}`}`;
  if (words !== '') return words;
  return types.every(isAcked) ? 'ok' : 'behind';
}

function typeStanding(type: Type): string {
  const { nacked } = type;
  if (nacked != null) return `refused ${shortVersion(nacked.version)}: ${nacked.message}`;
  return isAcked(type) ? 'ok' : 'behind';
}

/** Also when nothing was sent: a client that comes back and holds all there is gets nothing. */
function isAcked({ sent, acked, nacked }: Type): boolean {
  return nacked == null && sent === acked;
}

/** A content hash: its beginning tells it from others; `-o json` has all of it. */
function shortVersion(version: string | null | undefined): string {
  return version?.slice(0, 12) ?? '-';
}
