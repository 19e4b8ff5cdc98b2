// Decides how the official registry API (v0.1, of 2025-12-01) is answered: read-only.
import { z } from 'zod';
import type { Registry } from '../../registry/types.ts';
import { ApiError } from '../error.ts';
import { pageOf, pageParameters } from '../page.ts';
import { type Answer, READERS, type Route, type RouteDoc, route } from '../route.ts';
import { firstPublished } from '../server-registry/first-published.ts';
import { type PublishedVersion, publishedVersions, publishedVersionsOf } from '../server-registry/published.ts';
import { publishedListSchema, publishedSchema } from '../server-registry/server-json.ts';

const flag = z
  .enum(['true', 'false', '1', '0'])
  .default('false')
  .transform((text) => text === 'true' || text === '1');

/** Not strict: clients of later versions may send parameters that mean nothing here. */
const versionsQuery = z.object({ include_deleted: flag.describe('Also what is decommissioned.') });
const listQuery = versionsQuery.extend({
  limit: pageParameters.limit,
  cursor: z.string().max(1024).optional().describe('`metadata.nextCursor` of the page before.'),
  search: z.string().max(256).optional().describe('A part of the name.'),
  updated_since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Only what changed since, deleted versions among it (RFC 3339).'),
  version: z.string().max(255).optional().describe('`latest`, or a version.'),
});

const SERVERS = '/v0.1/servers';
const VERSIONS = `${SERVERS}/:serverName/versions`;

export const serverRegistryRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: SERVERS,
    access: 'registry',
    summary:
      "The servers that surfaces show, each version an item, as the official MCP registry shows servers; their remotes are this gateway's surfaces.",
    query: listQuery,
    answers: { 200: { doc: 'A page of them, by name and version.', schema: publishedListSchema } },
    examples: [
      { title: 'The latest version of each server', path: `${SERVERS}?version=latest&limit=10`, status: 200 },
      { title: 'Search', path: `${SERVERS}?search=memo`, status: 200 },
    ],
    async handle({ query }, { registry, settings }) {
      const since = query.updated_since === undefined ? null : Date.parse(query.updated_since);
      const search = query.search?.toLowerCase();
      const chosen = publishedVersions(registry.snapshot(), settings).filter(
        ({ status, updatedAtMs, isLatest, key: [, version], fullName }) =>
          (status !== 'deleted' || query.include_deleted || since !== null) &&
          (since === null || updatedAtMs >= since) &&
          (search === undefined || fullName.toLowerCase().includes(search)) &&
          (query.version === undefined || (query.version === 'latest' ? isLatest : version === query.version)),
      );
      const { items, next } = pageOf(
        chosen,
        { scope: 'v0.1', limit: query.limit, cursor: query.cursor },
        { length: 2, keyOf: ({ key }) => key, isAfter: ({ key }, position) => comesAfter(key, position) },
      );
      return listResponse(registry, items, next);
    },
  }),
  route({
    method: 'GET',
    path: VERSIONS,
    access: 'registry',
    summary: 'All versions of a server, the newest first. The name is URL-encoded: `com.example%2Fmemory`.',
    query: versionsQuery,
    answers: { 200: { doc: 'All of them.', schema: publishedListSchema } },
    examples: [{ title: 'All versions', path: `${SERVERS}/127.0.0.1%2Fmemory/versions`, status: 200 }],
    async handle({ param, query }, { registry, settings }) {
      const found = publishedVersionsOf(param('serverName'), registry.snapshot(), settings);
      const items = found.filter(({ status }) => status !== 'deleted' || query.include_deleted);
      if (items.length === 0) throw notFound('Server not found');
      const dated = await Promise.all(items.map(async (item) => ({ item, atMs: await publishedMs(registry, item) })));
      const newestFirst = dated.sort((a, b) => b.atMs - a.atMs).map(({ item }) => item);
      return listResponse(registry, newestFirst);
    },
  }),
  route({
    method: 'GET',
    path: `${VERSIONS}/:version`,
    access: 'registry',
    summary: 'One version of a server, or `latest`.',
    query: versionsQuery,
    answers: { 200: { doc: 'The version.', schema: publishedSchema } },
    examples: [
      { title: 'The latest', path: `${SERVERS}/127.0.0.1%2Fmemory/versions/latest`, status: 200 },
      { title: 'Nobody', path: `${SERVERS}/com.example%2Fnobody/versions/latest`, status: 404 },
    ],
    async handle({ param, query }, { registry, settings }) {
      const wanted = param('version');
      const found = publishedVersionsOf(param('serverName'), registry.snapshot(), settings).find(
        ({ isLatest, key: [, version] }) => (wanted === 'latest' ? isLatest : version === wanted),
      );
      if (found === undefined || (found.status === 'deleted' && !query.include_deleted))
        throw notFound('Server not found');
      return Response.json(await shownWhole(registry, found));
    },
  }),
  ...(
    [
      ['POST', '/v0.1/publish'],
      ['PUT', `${VERSIONS}/:version`],
      ['DELETE', `${VERSIONS}/:version`],
      ['PATCH', `${VERSIONS}/:version/status`],
      ['PATCH', `${SERVERS}/:serverName/status`],
    ] as const
  ).map(([method, path]) => readOnly(method, path)),
];

/** "501 … Registry does not support publishing": servers are written at `/v1/servers`, and by `/v1/import`. */
function readOnly(method: RouteDoc['method'], path: string): Route {
  const answer: Answer = { doc: 'This registry is read-only here.', schema: z.strictObject({ error: z.string() }) };
  return route({
    method,
    path,
    access: READERS,
    summary: 'Not implemented: servers are written at `/v1/servers`, a server.json is taken by `/v1/import`.',
    answers: { 501: answer },
    examples: [],
    async handle() {
      throw new ApiError('not_implemented', { detail: 'write servers at /v1/servers, or import them at /v1/import' });
    },
  });
}

function comesAfter(
  [name, version]: readonly [string, string],
  [atName = '', atVersion = '']: readonly string[],
): boolean {
  return name === atName ? version > atVersion : name > atName;
}

async function listResponse(
  registry: Registry,
  items: readonly PublishedVersion[],
  nextCursor?: string,
): Promise<Response> {
  const servers: object[] = [];
  for (const item of items) servers.push(await shownWhole(registry, item));
  return Response.json({
    servers,
    metadata: { count: items.length, ...(nextCursor === undefined ? {} : { nextCursor }) },
  });
}

async function shownWhole(registry: Registry, version: PublishedVersion): Promise<object> {
  return version.shown(await publishedMs(registry, version));
}

async function publishedMs(registry: Registry, { stored, key, sinceMs }: PublishedVersion): Promise<number> {
  return (await firstPublished(registry, stored)).get(key[1]) ?? sinceMs;
}

function notFound(detail: string): ApiError {
  return new ApiError('not_found', { detail });
}
