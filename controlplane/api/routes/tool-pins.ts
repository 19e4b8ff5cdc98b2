// Decides how it is told over HTTP which definitions of a server's tools are approved.
import { z } from 'zod';
import { BARE_MEMBER } from '../../pinning/differences.ts';
import { cursorOf, pageParameters, positionIn } from '../page.ts';
import { type ApiServices, type Call, READERS, type Route, route } from '../route.ts';
import { listSchema, toolPinSchema } from '../schemas.ts';
import { isoTime } from '../server-status.ts';
import { absent } from './documents.ts';

const SCOPE = 'tool-pins';
const query = z.strictObject({
  ...pageParameters,
  version: z.string().max(128).optional().describe('Only those of this version.'),
  tool: z.string().max(1024).optional().describe('Only this tool, with its definition.'),
});

export const toolPinRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/servers/:name/pins',
    access: READERS,
    summary:
      "The definitions of a server's tools that are approved, by version and name; also of tools that it does not list now.",
    query,
    answers: { 200: { doc: 'A page of them.', schema: listSchema(toolPinSchema) } },
    examples: [{ title: 'What is pinned', path: '/v1/servers/memory/pins', status: 200 }],
    handle,
  }),
];

async function handle(
  { param, query: { limit, cursor, version, tool } }: Call<z.output<typeof query>, unknown>,
  { registry }: ApiServices,
): Promise<Response> {
  const server = param('name');
  const { find, revision } = registry.snapshot();
  if (find('Server', server) === undefined) throw absent('Server', server);
  const position = positionIn(SCOPE, cursor, 2);
  const read = await registry.toolPins({
    server,
    ...(version === undefined ? {} : { version }),
    ...(tool === undefined ? {} : { tool }),
    ...(position === null ? {} : { after: { version: position[0] ?? '', tool: position[1] ?? '' } }),
    limit: limit + 1,
  });
  const page = read.slice(0, limit);
  const last = page.at(-1);
  const items = page.map((pin) => ({
    ...{ version: pin.version, tool: pin.tool, hash: pin.hash },
    firstSeenAt: isoTime(pin.firstSeenMs),
    ...(pin.approvedBy !== null && { approvedBy: pin.approvedBy }),
    approvedAt: isoTime(pin.approvedMs),
    ...(pin.problem !== null && { problem: pin.problem }),
    ...(tool !== undefined && { definition: definitionOf(pin) }),
  }));
  const next = last !== undefined && read.length > limit ? cursorOf(SCOPE, [last.version, last.tool]) : undefined;
  return Response.json({ revision, items, ...(next === undefined ? {} : { next }) });
}

function definitionOf({ definition: { tool, bare } }: { definition: { tool: object; bare?: object } }): object {
  return bare === undefined ? tool : { ...tool, [BARE_MEMBER]: bare };
}
