// Decides how a server version is moved through its life over HTTP.
import { z } from 'zod';
import type { ServerDocument, ServerVersionDocument } from '../../../core/catalog/document.ts';
import { instantSchema } from '../../../core/catalog/documents/fields.ts';
import { LIFECYCLE_STATES } from '../../../core/catalog/lifecycle.ts';
import type { ApplyOutcome, LogEntry, Registry } from '../../registry/types.ts';
import { writeResponse, written } from '../changes.ts';
import { ApiError } from '../error.ts';
import { beforeIn, shownEntry, transitionsOf } from '../log-entry.ts';
import { cursorOf, type Page, pageParameters } from '../page.ts';
import { PERMISSIONS } from '../permissions.ts';
import { type ApiServices, type Call, dryRunParameter, READERS, type Route, reasonSchema, route } from '../route.ts';
import { listSchema, logEntrySchema, orDryRun, shownSchemas } from '../schemas.ts';
import { documentResponse } from '../shown.ts';
import { absent, writeOf } from './documents.ts';

const transitionBody = z.strictObject({
  to: z.enum(LIFECYCLE_STATES),
  why: reasonSchema.min(1, 'say why: it is kept in the history'),
  canary: z
    .strictObject({ percent: z.number().optional(), principals: z.array(z.string()).optional() })
    .optional()
    .describe('Needed with `to: canary`: the share of sessions, the principals that are always led to it, or both.'),
  sunset: instantSchema
    .optional()
    .describe(
      'When the version that becomes deprecated will be decommissioned; also of the one that is taken over from.',
    ),
});
type Transition = z.output<typeof transitionBody>;

const writeQuery = z.strictObject(dryRunParameter);
const pageQuery = z.strictObject(pageParameters);
const ONE = '/v1/servers/:name/versions/:version';

export const transitionRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: `${ONE}/transition`,
    access: PERMISSIONS.Server.roles,
    summary:
      'Moves a server version into another state. What becomes `active` while another version is active moves that one to `deprecated` in the same write.',
    conditional: true,
    query: writeQuery,
    body: transitionBody,
    answers: { 200: { doc: 'The server as it is now.', schema: orDryRun(shownSchemas.Server) } },
    examples: [
      {
        title: 'A version that was tried takes over',
        path: '/v1/servers/memory/versions/2.0.0/transition',
        body: { to: 'active', why: 'tried for a week' },
        status: 200,
      },
      {
        title: 'A canary for one session in twenty, and for testers',
        path: '/v1/servers/memory/versions/2.0.0/transition',
        body: { to: 'canary', why: 'try it', canary: { percent: 5, principals: ['tester-*'] } },
        status: 200,
      },
      {
        title: 'A step that is not one',
        path: '/v1/servers/memory/versions/1.0.0/transition',
        body: { to: 'staging', why: 'back to the start' },
        status: 422,
      },
    ],
    handle: transition,
  }),
  route({
    method: 'GET',
    path: `${ONE}/transitions`,
    access: READERS,
    summary: 'The states that a version went through, newest first: from, to, who, when and why.',
    query: pageQuery,
    answers: { 200: { doc: 'A page of them.', schema: listSchema(logEntrySchema) } },
    examples: [{ title: 'The life of a version', path: '/v1/servers/memory/versions/2.0.0/transitions', status: 200 }],
    handle: transitions,
  }),
];

/** Others may write the server in between: then it is read again, so that their change is not lost. */
const ATTEMPTS = 5;

async function transition(
  call: Call<z.output<typeof writeQuery>, Transition>,
  services: ApiServices,
): Promise<Response> {
  const { registry } = services;
  const { precondition: asked = () => true, ...write } = writeOf(call);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const { server, hash } = serverIn(registry, call);
    const outcome: ApplyOutcome = await registry.apply({
      ...write,
      why: call.body.why,
      documents: [moved(server, call.param('version'), call.body)],
      precondition: (found) => asked(found) && found === hash,
    });
    const overtaken = !outcome.ok && outcome.why === 'precondition' && asked(serverIn(registry, call).hash);
    if (overtaken) continue;
    const done = written(outcome);
    return writeResponse(done, call.query.dryRun, services, () => {
      const stored = done.snapshot.find('Server', server.name);
      if (stored === undefined) throw absent('Server', server.name);
      return documentResponse(stored, done.snapshot, services, { revision: done.revision });
    });
  }
  throw new ApiError('precondition_failed', { detail: 'others write this server all the time; try again' });
}

function serverIn(registry: Registry, { param }: Call<unknown, unknown>): { server: ServerDocument; hash: string } {
  const [name, version] = [param('name'), param('version')];
  const stored = registry.snapshot().find('Server', name);
  if (stored?.document.kind !== 'Server') throw absent('Server', name);
  if (!stored.document.versions.some((other) => other.version === version)) {
    const detail = `the server ${JSON.stringify(name)} has no version ${JSON.stringify(version)}`;
    throw new ApiError('not_found', { detail });
  }
  return { server: stored.document, hash: stored.hash };
}

/** The server after the step; whether it may be taken is the registry's to say. */
function moved(server: ServerDocument, version: string, step: Transition): object {
  const versions = server.versions.map((each) => {
    if (each.version === version) return inState(each, step);
    const replaced = step.to === 'active' && each.state === 'active';
    return replaced ? inState(each, { to: 'deprecated', sunset: step.sunset }) : each;
  });
  return { ...server, versions };
}

/** What belongs to a state comes and goes with it; what is not given again within it stays. */
function inState(
  version: ServerVersionDocument,
  { to, canary, sunset }: Pick<Transition, 'to' | 'canary' | 'sunset'>,
): object {
  const { canary: oldCanary, sunset: oldSunset, ...rest } = version;
  const share = canary ?? (to === 'canary' ? oldCanary : undefined);
  const end = (to === 'active' ? undefined : sunset) ?? (to === 'active' ? undefined : oldSunset);
  return {
    ...rest,
    state: to,
    ...(share === undefined ? {} : { canary: share }),
    ...(end === undefined ? {} : { sunset: end }),
  };
}

async function transitions(
  call: Call<z.output<typeof pageQuery>, unknown>,
  { registry }: ApiServices,
): Promise<Response> {
  const [name, version] = [call.param('name'), call.param('version')];
  const { revision } = registry.snapshot();
  const { items, next } = await steps(registry, { name, version }, call.query);
  // What was there once still has its history.
  if (items.length === 0 && call.query.cursor === undefined) serverIn(registry, call);
  return Response.json({ revision, items: items.map(shownEntry), ...(next === undefined ? {} : { next }) });
}

/** The log knows servers, not versions: of what it says of all of them only so much is looked through for one page. */
async function steps(
  registry: Pick<Registry, 'log'>,
  { name, version }: { readonly name: string; readonly version: string },
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<Page<LogEntry>> {
  const scope = 'transitions';
  const items: LogEntry[] = [];
  let before: number | null = null;
  for await (const batch of transitionsOf(registry, name, beforeIn(scope, cursor))) {
    for (const entry of batch.transitions) {
      if (entry.version !== version) continue;
      if (items.length === limit) return { items, next: cursorOf(scope, [String(items.at(-1)?.sequence ?? 0)]) };
      items.push(entry);
    }
    ({ before } = batch);
  }
  return before === null ? { items } : { items, next: cursorOf(scope, [String(before)]) };
}
