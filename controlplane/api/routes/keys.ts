// Decides how API keys are made, listed and revoked over HTTP.
import { z } from 'zod';
import { globSchema, instantSchema, lineSchema } from '../../../core/catalog/documents/fields.ts';
import { LIMITS } from '../../../core/limits.ts';
import { type ApiKey, type NewApiKey, ROLES } from '../../registry/types.ts';
import type { Actor } from '../actor.ts';
import { ApiError } from '../error.ts';
import { pageOf, pageParameters } from '../page.ts';
import { isAllowed, PERMISSIONS, type Permission } from '../permissions.ts';
import { type ApiServices, type Call, READERS, type Route, reasonSchema, route } from '../route.ts';
import { keySchema, listSchema, newKeyAnswerSchema } from '../schemas.ts';
import { isoTime } from '../server-status.ts';

const textsSchema = z.array(lineSchema(256).min(1)).max(256);

const newKeyBody = z
  .strictObject({
    use: z.enum(['agent', 'admin']).default('agent').describe('`agent`: at the gateway. `admin`: at this API.'),
    description: lineSchema(256).default(''),
    subject: lineSchema(256).min(1).describe('Who the bearer is, to policies and to the change log.'),
    groups: textsSchema
      .default([])
      .describe('Of an agent: as policies read them. Of an administrator: as rules name who approves.'),
    scopes: textsSchema.default([]),
    surfaces: z
      .array(globSchema)
      .max(256)
      .optional()
      .describe('Of an agent: names of surfaces, as globs. Absent: all.'),
    roles: z.array(z.enum(ROLES)).max(ROLES.length).default([]).describe('Of an administrator, who needs one.'),
    expiresAt: instantSchema
      .optional()
      .describe(`Absent: in ${days(LIMITS.apiKeyTtlMs)} days. At most in ${days(LIMITS.apiKeyTtlMaxMs)} days.`),
    why: reasonSchema.optional(),
  })
  .superRefine(({ use, roles, scopes, surfaces = [] }, context) => {
    const problem = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (use === 'agent' && roles.length > 0) problem('roles', 'an agent has no roles here');
    if (use === 'admin' && roles.length === 0) problem('roles', `give one of ${ROLES.join(', ')}`);
    for (const [member, given] of Object.entries({ scopes, surfaces }))
      if (use === 'admin' && given.length > 0) problem(member, 'this is for agents');
  });
type NewKeyBody = z.output<typeof newKeyBody>;

const listQuery = z.strictObject(pageParameters);
const WRITERS = [...PERMISSIONS.agentKeys.roles, ...PERMISSIONS.adminKeys.roles];

export const keyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/keys',
    access: READERS,
    summary: 'All API keys, newest first, revoked and expired ones too. The keys themselves are not kept.',
    query: listQuery,
    answers: { 200: { doc: 'A page of them.', schema: listSchema(keySchema) } },
    examples: [{ title: 'Which keys there are', path: '/v1/keys', status: 200 }],
    async handle({ query: { limit, cursor } }, { registry }) {
      const { items, next } = pageOf(
        registry.keys(),
        { scope: 'keys', limit, cursor },
        {
          length: 2,
          keyOf: ({ createdAtMs, id }) => [String(createdAtMs), id],
          isAfter: (key, [createdAtMs, id = '']) => isOlder(key, { createdAtMs: Number(createdAtMs), id }),
        },
      );
      const { revision } = registry.snapshot();
      return Response.json({ revision, items: items.map(shownKey), ...(next === undefined ? {} : { next }) });
    },
  }),
  route({
    method: 'POST',
    path: '/v1/keys',
    access: WRITERS,
    summary: 'Makes an API key. The answer is the only place where it is shown.',
    body: newKeyBody,
    answers: { 201: { doc: 'The key, and what is kept of it.', schema: newKeyAnswerSchema } },
    examples: [
      {
        title: 'A key for an agent',
        path: '/v1/keys',
        body: {
          use: 'agent',
          subject: 'nightly-report',
          groups: ['reports'],
          surfaces: ['default'],
          description: 'the report at night',
        },
        status: 201,
      },
      {
        title: 'A key for an administrator',
        path: '/v1/keys',
        body: { use: 'admin', subject: 'ci', roles: ['operator'], description: 'deploys servers' },
        status: 201,
      },
    ],
    handle: create,
  }),
  route({
    method: 'DELETE',
    path: '/v1/keys/:id',
    access: WRITERS,
    summary: 'Revokes an API key, for good. It stays in the list.',
    answers: { 204: { doc: 'It is refused from now on.' } },
    examples: [{ title: 'A key that is not there', path: '/v1/keys/nothing', status: 404 }],
    handle: revoke,
  }),
];

async function create({ body, actor, author }: Call<unknown, NewKeyBody>, services: ApiServices): Promise<Response> {
  const { registry, onChange, now } = services;
  const { why = author.why, surfaces, expiresAt, ...rest } = body;
  checkAllowed(actor, body.use);
  const nowMs = now();
  const key: NewApiKey = {
    ...rest,
    surfaces: body.use === 'admin' ? [] : (surfaces ?? ['*']),
    expiresAtMs: expiryOf(expiresAt, nowMs),
  };
  const made = await registry.createKey(key, { who: author.who, why });
  onChange(registry.snapshot().revision);
  return Response.json({ key: made.key, ...shownKey(made.stored) }, { status: 201 });
}

function expiryOf(expiresAt: string | undefined, nowMs: number): number {
  const expiresAtMs = expiresAt === undefined ? nowMs + LIMITS.apiKeyTtlMs : Date.parse(expiresAt);
  if (expiresAtMs > nowMs && expiresAtMs <= nowMs + LIMITS.apiKeyTtlMaxMs) return expiresAtMs;
  const latest = isoTime(nowMs + LIMITS.apiKeyTtlMaxMs);
  throw new ApiError('invalid_request', { detail: `the body "expiresAt": wanted after now and until ${latest}` });
}

async function revoke({ param, actor, author }: Call<unknown, unknown>, services: ApiServices): Promise<Response> {
  const { registry, onChange } = services;
  const id = param('id');
  const found = registry.keys().find((key) => key.id === id && key.revokedAtMs === null);
  if (found !== undefined) checkAllowed(actor, found.use);
  if (found === undefined || !(await registry.revokeKey(id, author)))
    throw new ApiError('not_found', { detail: `no key that is good has the id ${JSON.stringify(id)}` });
  onChange(registry.snapshot().revision);
  return new Response(null, { status: 204 });
}

function checkAllowed(actor: Actor, use: ApiKey['use']): void {
  const permission: Permission = use === 'admin' ? 'adminKeys' : 'agentKeys';
  if (isAllowed(actor, permission)) return;
  const roles = PERMISSIONS[permission].roles.join(' or ');
  throw new ApiError('forbidden', { detail: `keys of use ${use} need the role ${roles}` });
}

/** Everything but the key, of which only the hash is kept. */
function shownKey({ createdAtMs, expiresAtMs, revokedAtMs, lastUsedAtMs, ...key }: ApiKey): object {
  return {
    ...key,
    createdAt: isoTime(createdAtMs),
    expiresAt: isoTime(expiresAtMs),
    ...(revokedAtMs === null ? {} : { revokedAt: isoTime(revokedAtMs) }),
    ...(lastUsedAtMs === null ? {} : { lastUsedAt: isoTime(lastUsedAtMs) }),
  };
}

/** In the order of the list: whether one comes after another. */
function isOlder(key: ApiKey, other: Pick<ApiKey, 'createdAtMs' | 'id'>): boolean {
  return key.createdAtMs === other.createdAtMs ? key.id > other.id : key.createdAtMs < other.createdAtMs;
}

function days(ms: number): number {
  return Math.floor(ms / (24 * 60 * 60 * 1000));
}
