// Decides how changes of tools are listed, looked at and decided over HTTP.
import { z } from 'zod';
import type { Canary } from '../../../core/catalog/catalog.ts';
import { globSchema } from '../../../core/catalog/documents/fields.ts';
import type { Definition } from '../../pinning/definition.ts';
import { BARE_MEMBER, changedMembers, differences } from '../../pinning/differences.ts';
import { CHANGE_STATES, type ToolChange } from '../../pinning/types.ts';
import { changeTag } from '../../registry/tool-changes.ts';
import { ApiError } from '../error.ts';
import { etagOf, preconditionOf } from '../etag.ts';
import { cursorOf, pageParameters, positionIn } from '../page.ts';
import { PERMISSIONS } from '../permissions.ts';
import { type ApiServices, type Call, READERS, REVISION_HEADER, type Route, reasonSchema, route } from '../route.ts';
import { listSchema, toolChangeDetailSchema, toolChangeSchema } from '../schemas.ts';
import { isoTime } from '../server-status.ts';

const SCOPE = 'tool-changes';
const listQuery = z.strictObject({
  ...pageParameters,
  server: z.string().max(256).optional().describe('Only those of this server.'),
  state: z.enum(CHANGE_STATES).optional().describe('Only those in this state.'),
});
const decideBody = z.strictObject({ reason: reasonSchema.optional() });
const canaryBody = z
  .strictObject({
    percent: z.number().min(0).max(100).default(0).describe('Of principals. Up to two decimals.'),
    principals: z.array(globSchema).max(1000).default([]).describe('Subjects that are always shown it, as globs.'),
    reason: reasonSchema.optional(),
  })
  .describe('Without percent and principals: nobody.');
const ANSWERS = { 200: { doc: 'As it is now.', schema: toolChangeDetailSchema } };
const WAITING = '/v1/tool-changes/4b03f9c1f0fa';

export const toolChangeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/tool-changes',
    access: READERS,
    summary: 'Changes of tools that wait, or waited, for somebody to approve them, newest first.',
    query: listQuery,
    answers: { 200: { doc: 'A page of them.', schema: listSchema(toolChangeSchema) } },
    examples: [{ title: 'Which changes wait', path: '/v1/tool-changes?state=pending', status: 200 }],
    handle: list,
  }),
  route({
    method: 'GET',
    path: '/v1/tool-changes/:id',
    access: READERS,
    summary: 'One of them, with what is another than before.',
    answers: ANSWERS,
    examples: [{ title: 'One that there is not', path: WAITING, status: 404 }],
    handle: async ({ param }, { registry }) => {
      const change = await registry.toolChange(param('id'));
      if (change === null) throw unknown(param('id'));
      return answer(change, registry.snapshot().revision);
    },
  }),
  decision(
    'approve',
    'Approves it: everybody is shown the tool as its server lists it. Also what was rejected before.',
    decideBody,
    () => 'approved',
  ),
  decision(
    'reject',
    'Rejects it: the tool stays as it was, for as long as its server says so.',
    decideBody,
    () => 'rejected',
  ),
  decision('canary', 'Shows it to some principals while it waits.', canaryBody, ({ percent, principals }) => ({
    percent,
    principals,
  })),
];

function decision<Body extends { reason?: string | undefined }>(
  verb: string,
  summary: string,
  body: z.ZodType<Body>,
  verdictOf: (body: Body) => 'approved' | 'rejected' | Canary,
): Route {
  return route({
    method: 'POST',
    path: `/v1/tool-changes/:id/${verb}`,
    access: PERMISSIONS.toolChanges.roles,
    summary: `${summary} To say the same again changes nothing.`,
    conditional: true,
    body,
    answers: ANSWERS,
    examples: [
      { title: 'One that there is not', path: `${WAITING}/${verb}`, body: { reason: 'looked through' }, status: 404 },
    ],
    handle: (call, services) => decide(verdictOf(call.body), call, services),
  });
}

async function list(
  { query: { limit, cursor, server, state } }: Call<z.output<typeof listQuery>, unknown>,
  { registry }: ApiServices,
): Promise<Response> {
  const position = positionIn(SCOPE, cursor, 2);
  const [seenMs = '', id = ''] = position ?? [];
  if (position !== null && !/^\d{1,15}$/.test(seenMs)) throw new ApiError('invalid_cursor');
  const read = await registry.toolChanges({
    ...(server === undefined ? {} : { server }),
    ...(state === undefined ? {} : { state }),
    ...(position === null ? {} : { after: { seenMs: Number(seenMs), id } }),
    limit: limit + 1,
  });
  const items = read.slice(0, limit);
  const last = items.at(-1);
  const more = last !== undefined && read.length > limit;
  return Response.json({
    revision: registry.snapshot().revision,
    items: items.map(shown),
    ...(more ? { next: cursorOf(SCOPE, [String(last.seenMs), last.id]) } : {}),
  });
}

async function decide(
  verdict: 'approved' | 'rejected' | Canary,
  { param, author, body, headers }: Call<unknown, { reason?: string | undefined }>,
  { registry, onChange, log }: ApiServices,
): Promise<Response> {
  const id = param('id');
  const asked = preconditionOf(headers);
  const outcome = await registry.decideToolChange({
    ...{ id, verdict, who: author.who, why: body.reason ?? author.why },
    ...(asked === undefined ? {} : { precondition: asked }),
  });
  if (outcome.ok) {
    const { change, revision } = outcome;
    const { server, version, tool } = change;
    log.info({ change: id, server, version, tool, verdict, who: author.who }, 'a change of a tool was decided');
    onChange(revision);
    return answer(change, revision);
  }
  if (outcome.why === 'unknown') throw unknown(id);
  if (!('change' in outcome)) throw new ApiError('precondition_failed');
  const { state, decidedBy } = outcome.change;
  throw new ApiError('tool_change_over', { detail: `it is ${state}${decidedBy === null ? '' : ` by ${decidedBy}`}` });
}

function unknown(id: string): ApiError {
  return new ApiError('not_found', { detail: `no change of a tool has the id ${JSON.stringify(id.slice(0, 64))}` });
}

function answer(change: ToolChange, revision: number): Response {
  const { before, after } = change;
  const body = {
    ...shown(change),
    differences: differences(before, after),
    ...(before !== null && { before: toolOf(before) }),
    after: toolOf(after),
  };
  return Response.json(body, { headers: { etag: etagOf(changeTag(change)), [REVISION_HEADER]: String(revision) } });
}

function toolOf({ tool, bare }: Definition): object {
  return bare === undefined ? tool : { ...tool, [BARE_MEMBER]: bare };
}

function shown(change: ToolChange): object {
  const { id, server, version, tool, kind, state, compatible, renamedFrom, problem, canary } = change;
  return {
    ...{ id, server, version, tool, kind, state, compatible },
    changed: changedMembers(change.before, change.after),
    ...(renamedFrom !== null && { renamedFrom }),
    ...(problem !== null && { problem }),
    ...(canary !== null && { canary }),
    seenAt: isoTime(change.seenMs),
    ...(change.decidedBy !== null && { decidedBy: change.decidedBy }),
    ...(change.decidedMs !== null && { decidedAt: isoTime(change.decidedMs) }),
    ...(change.decidedWhy !== '' && { decidedWhy: change.decidedWhy }),
  };
}
