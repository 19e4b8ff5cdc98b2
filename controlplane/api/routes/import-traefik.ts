// Decides how an MCP middleware of Traefik is taken into the registry as a policy.
import { z } from 'zod';
import { globSchema, nameSchema } from '../../../core/catalog/documents/fields.ts';
import { LIMITS } from '../../../core/limits.ts';
import { writeResponse, written } from '../changes.ts';
import { ApiError } from '../error.ts';
import { PERMISSIONS, permitFor } from '../permissions.ts';
import { type ApiServices, type Call, dryRunParameter, type Route, reasonSchema, route } from '../route.ts';
import { importTraefikAnswerSchema, importTraefikDryRunSchema } from '../schemas.ts';
import { shown } from '../shown.ts';
import { importedFromTraefik } from '../traefik/imported.ts';

const traefikBody = z.strictObject({
  middleware: z
    .string()
    .min(1)
    .max(LIMITS.apiBodyBytesMax)
    .describe(
      'The YAML: a Middleware with spec.plugin.mcp, http.middlewares of a file provider, or the policies alone.',
    ),
  name: nameSchema.optional().describe("Name of the policy; absent: the middleware's."),
  server: nameSchema.optional().describe('Whose tools its policies speak of; absent: those of every server.'),
  surfaces: z.array(globSchema).min(1).optional().describe('Where it applies; absent: everywhere.'),
  mode: z.enum(['enforce', 'shadow']).optional().describe('`shadow` to look first; absent: `enforce`.'),
  why: reasonSchema.optional(),
});
const writeQuery = z.strictObject(dryRunParameter);

const MIDDLEWARE = `apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  name: shop-mcp
spec:
  plugin:
    mcp:
      policies:
        - match: Equals(\`mcp.method\`, \`tools/list\`)
          action: allow
        - match: Equals(\`mcp.method\`, \`tools/call\`) && Equals(\`mcp.params.name\`, \`refund\`) && !Lte(\`mcp.params.arguments.amount\`, \`500\`)
          action: deny
        - match: Equals(\`mcp.method\`, \`tools/call\`) && Contains(\`jwt.allowed_tools\`, \`\${mcp.params.name}\`)
          action: allow
      defaultAction: deny
`;

export const importTraefikRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/import/traefik-tbac',
    access: PERMISSIONS.Policy.roles,
    summary:
      'Takes an MCP middleware of Traefik into the registry as a policy: policies of which the first that matches counts become rules without an order. What cannot be translated faithfully is refused, with its line and column.',
    query: writeQuery,
    body: traefikBody,
    answers: {
      200: { doc: 'With `dryRun`.', schema: importTraefikDryRunSchema },
      201: { doc: 'The policy, and what to know of it.', schema: importTraefikAnswerSchema },
    },
    examples: [
      {
        title: 'Tried first',
        path: '/v1/import/traefik-tbac?dryRun=true',
        body: { middleware: MIDDLEWARE, server: 'shop' },
        status: 200,
      },
      {
        title: 'A part of it has no translation',
        path: '/v1/import/traefik-tbac',
        body: { middleware: 'policies:\n  - match: Matches(`mcp.params.name`, `^get_`)\n    action: allow\n' },
        status: 422,
      },
    ],
    handle: importMiddleware,
  }),
];

async function importMiddleware(
  { body, query, actor, author }: Call<z.output<typeof writeQuery>, z.output<typeof traefikBody>>,
  services: ApiServices,
): Promise<Response> {
  const { registry } = services;
  const { middleware, why = author.why, name, server, surfaces, mode } = body;
  const result = importedFromTraefik(middleware, {
    ...(name !== undefined && { name }),
    ...(server !== undefined && { server }),
    ...(surfaces !== undefined && { surfaces }),
    ...(mode !== undefined && { mode }),
  });
  if ('problem' in result) {
    const { line, column, message } = result.problem;
    const problem = { document: 0, path: ['middleware'], message: `line ${line}, column ${column}: ${message}` };
    throw new ApiError('invalid_documents', { problems: [problem] });
  }
  const { document, notes } = result;
  const base = registry.snapshot().find('Policy', document.name);
  const outcome = await registry.apply({
    ...{ documents: [document], who: author.who, why, permit: permitFor(actor), dryRun: query.dryRun },
    // Nothing that was written in between is lost.
    precondition: (hash) => hash === (base?.hash ?? null),
  });
  if (!outcome.ok && outcome.why === 'invalid')
    throw new ApiError('invalid_documents', { problems: outcome.problems, more: { policy: document, notes } });
  const done = written(outcome);
  const stored = done.snapshot.find('Policy', document.name);
  const answer = (): Response => {
    if (stored === undefined) throw new ApiError('precondition_failed');
    return Response.json({ policy: shown(stored, done.snapshot, services), notes }, { status: 201 });
  };
  return writeResponse(done, query.dryRun, services, answer, { policy: stored?.document ?? document, notes });
}
