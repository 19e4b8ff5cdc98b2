// Decides what a person sees of each kind of document in a list.
import { z } from 'zod';
import { LIFECYCLE, type LifecycleState } from '../../core/catalog/lifecycle.ts';
import { agoText, type Column, labelsText, type View, view } from './view.ts';

const labels = z.record(z.string(), z.string()).optional();
const common = { name: z.string(), labels, description: z.string().optional() };

const versionSchema = z.object({
  version: z.string(),
  state: z.string(),
  discovered: z.boolean(),
  tools: z.number(),
  error: z.string().optional(),
  errorAt: z.string().optional(),
  health: z.array(z.object({ address: z.string(), healthy: z.boolean() })).optional(),
});
type Version = z.output<typeof versionSchema>;
const server = z.object({
  ...common,
  owner: z.object({ team: z.string() }).optional(),
  classification: z.string().optional(),
  status: z.object({ versions: z.array(versionSchema) }),
});
const secret = z.object({ ...common, type: z.string() });
const surface = z.object({
  ...common,
  auth: z.string(),
  decision: z.string(),
  naming: z.string().optional(),
  servers: z.array(z.object({ server: z.string() })),
  status: z.object({ warnings: z.array(z.string()).default([]) }).optional(),
});
const policy = z.object({ ...common, surfaces: z.array(z.string()), rules: z.array(z.unknown()) });
const issuer = z.object({
  ...common,
  issuer: z.string(),
  jwks: z.object({ keys: z.array(z.unknown()) }).optional(),
  status: z
    .object({ keys: z.array(z.string()).optional(), readAt: z.string().optional(), error: z.string().optional() })
    .optional(),
});
const revocation = z.object({
  ...common,
  issuer: z.string().optional(),
  subject: z.string().optional(),
  jti: z.string().optional(),
  before: z.string().optional(),
  until: z.string(),
});
const nodeGroup = z.object({
  ...common,
  match: z.object({
    ids: z.array(z.string()).optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    zones: z.array(z.string()).optional(),
  }),
  surfaces: z.array(z.string()),
});
const runtime = z.object({ ...common, values: z.record(z.string(), z.unknown()) });

interface Common {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly description?: string | undefined;
}

const NAME = { title: 'NAME', cell: ({ name }: Common) => name } as const;
const WIDE = [
  { title: 'LABELS', wide: true, cell: ({ labels: found }: Common) => labelsText(found) || '-' },
  { title: 'DESCRIPTION', wide: true, cell: ({ description = '-' }: Common) => description },
] as const;

/** One row for each document. */
function documentView<Item extends Common>(
  schema: z.ZodType<Item>,
  columns: readonly Column<Item>[],
  last: readonly Column<Item>[] = [],
): View {
  return view(schema, (items) => items, [NAME, ...columns, ...WIDE, ...last]);
}

export const DOCUMENT_VIEWS = {
  Secret: documentView(secret, [{ title: 'TYPE', cell: ({ type }) => type }]),
  /** One row for each version. */
  Server: view(
    server,
    (items) => items.flatMap((item) => item.status.versions.map((version) => ({ ...item, version }))),
    [
      NAME,
      { title: 'VERSION', cell: ({ version }) => version.version },
      { title: 'STATE', cell: ({ version }) => version.state },
      { title: 'TOOLS', cell: ({ version }) => (version.discovered ? String(version.tools) : '-') },
      { title: 'OWNER', wide: true, cell: ({ owner }) => owner?.team ?? '-' },
      { title: 'CLASSIFICATION', wide: true, cell: ({ classification = '-' }) => classification },
      ...WIDE,
      { title: 'STATUS', cell: ({ version }, nowMs) => standingOf(version, nowMs) },
    ],
  ),
  Surface: documentView(
    surface,
    [
      { title: 'AUTH', cell: ({ auth }) => auth },
      { title: 'DECISION', cell: ({ decision }) => decision },
      { title: 'NAMING', wide: true, cell: ({ naming = '-' }) => naming },
      { title: 'SERVERS', cell: ({ servers }) => servers.map((member) => member.server).join(',') },
    ],
    [{ title: 'WARNINGS', cell: ({ status }) => status?.warnings.join('; ') || '-' }],
  ),
  Policy: documentView(policy, [
    { title: 'RULES', cell: ({ rules }) => String(rules.length) },
    { title: 'SURFACES', cell: ({ surfaces }) => surfaces.join(',') },
  ]),
  Issuer: documentView(issuer, [
    { title: 'ISSUER', cell: ({ issuer: url }) => url },
    { title: 'KEYS', cell: ({ jwks, status }) => String(jwks?.keys.length ?? status?.keys?.length ?? 0) },
    { title: 'STATUS', cell: (item, nowMs) => keysText(item, nowMs) },
  ]),
  Revocation: documentView(revocation, [
    { title: 'OF', cell: ({ subject, jti = '' }) => (subject === undefined ? `token ${jti}` : subject) },
    { title: 'ISSUER', cell: ({ issuer: of = '*' }) => of },
    { title: 'BEFORE', wide: true, cell: ({ before = '-' }) => before },
    { title: 'UNTIL', cell: ({ until }) => until },
  ]),
  NodeGroup: documentView(nodeGroup, [
    { title: 'MATCH', cell: ({ match }) => matchText(match) },
    { title: 'SURFACES', cell: ({ surfaces }) => surfaces.join(',') },
  ]),
  Runtime: documentView(runtime, [
    {
      title: 'VALUES',
      cell: ({ values }) =>
        Object.entries(values)
          .map((pair) => pair.join('='))
          .join(','),
    },
  ]),
} as const;

function standingOf({ state, discovered, error, errorAt, health = [] }: Version, nowMs: number): string {
  // Nobody reads it: that nothing is known of it is no fault.
  if (Object.hasOwn(LIFECYCLE, state) && !LIFECYCLE[state as LifecycleState].reached) return 'not dialled';
  if (error !== undefined) return `${discovered ? 'stale' : 'not read'}: ${error}${agoText(errorAt, nowMs)}`;
  if (!discovered) return 'not read yet';
  const ill = health.filter(({ healthy }) => !healthy).map(({ address }) => address);
  return ill.length === 0 ? 'ok' : `${ill.length} of ${health.length} replicas unhealthy: ${ill.join(', ')}`;
}

function keysText({ jwks, status }: z.output<typeof issuer>, nowMs: number): string {
  if (jwks !== undefined) return 'in the document';
  const read = status?.readAt === undefined ? 'never read' : `read${agoText(status.readAt, nowMs)}`;
  return status?.error === undefined ? read : `${read}; ${status.error}`;
}

function matchText({ ids = [], metadata, zones = [] }: z.output<typeof nodeGroup>['match']): string {
  return [
    ids.length > 0 ? `ids ${ids.join(',')}` : '',
    metadata === undefined ? '' : `metadata ${labelsText(metadata)}`,
    zones.length > 0 ? `zones ${zones.join(',')}` : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
}
