// Decides how a server.json of an MCP registry becomes a server of ours: asked for, and not yet reached.
import { z } from 'zod';
import type { ServerDocument } from '../../../core/catalog/document.ts';
import { nameSchema } from '../../../core/catalog/documents/fields.ts';
import { writeResponse, written } from '../changes.ts';
import { ApiError } from '../error.ts';
import { PERMISSIONS, permitFor } from '../permissions.ts';
import { type ApiServices, type Call, dryRunParameter, type Route, reasonSchema, route } from '../route.ts';
import { importAnswerSchema, importDryRunSchema } from '../schemas.ts';
import { type Imported, type ImportProblem, imported } from '../server-registry/imported.ts';
import { serverJsonSchema } from '../server-registry/server-json.ts';
import { shown } from '../shown.ts';

const importBody = z
  .strictObject({
    server: serverJsonSchema.describe('The server.json (schema 2025-12-11).'),
    name: nameSchema
      .optional()
      .describe("Name of the server here; absent: what follows the slash in the server.json's."),
    remote: z.int().min(0).max(63).optional().describe('Which of its remotes to use, from 0.'),
    package: z.int().min(0).max(63).optional().describe('Which of its packages to use, from 0.'),
    why: reasonSchema.optional(),
  })
  .refine(({ remote, package: packaged }) => remote === undefined || packaged === undefined, {
    message: 'give a remote or a package',
  });
const writeQuery = z.strictObject(dryRunParameter);

const SERVER_JSON = {
  name: 'io.github.example/weather',
  description: 'Forecasts for any place.',
  version: '1.2.0',
  packages: [
    {
      registryType: 'npm',
      identifier: '@example/weather-mcp',
      version: '1.2.0',
      transport: { type: 'stdio' },
      environmentVariables: [{ name: 'UNITS', default: 'metric' }],
    },
  ],
  remotes: [{ type: 'streamable-http', url: 'https://weather.example.com/mcp' }],
};
const WITH_SECRET = {
  ...SERVER_JSON,
  remotes: [{ ...SERVER_JSON.remotes[0], headers: [{ name: 'X-Api-Key', isSecret: true, isRequired: true }] }],
};

export const importRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/import',
    access: PERMISSIONS.Server.roles,
    summary:
      'Takes a server.json into the registry, as a version in the state `requested`: a remote becomes an endpoint, a package of npm or PyPI a program of a pinned version. What needs a secret names one, which must exist.',
    query: writeQuery,
    body: importBody,
    answers: {
      200: { doc: 'With `dryRun`.', schema: importDryRunSchema },
      201: { doc: 'The server, the secrets that it names, and what is still to be done.', schema: importAnswerSchema },
    },
    examples: [
      { title: 'A remote server', path: '/v1/import', body: { server: SERVER_JSON }, status: 201 },
      {
        title: 'Its package instead, tried first',
        path: '/v1/import?dryRun=true',
        body: { server: SERVER_JSON, package: 0, name: 'forecast' },
        status: 200,
      },
      { title: 'A secret is missing', path: '/v1/import', body: { server: WITH_SECRET }, status: 422 },
    ],
    handle: importServer,
  }),
];

async function importServer(
  { body, query, actor, author }: Call<z.output<typeof writeQuery>, z.output<typeof importBody>>,
  services: ApiServices,
): Promise<Response> {
  const { registry } = services;
  const { server, why = author.why, ...choice } = body;
  const result = imported(server, choice);
  if ('problem' in result) throw refused(result.problem);
  const base = registry.snapshot().find('Server', result.name);
  const document = documentWith(result, base?.document as ServerDocument | undefined);
  const { secrets, notes } = result;
  const outcome = await registry.apply({
    ...{ documents: [document], who: author.who, why, permit: permitFor(actor), dryRun: query.dryRun },
    // Nothing that was written in between is lost.
    precondition: (hash) => hash === (base?.hash ?? null),
  });
  if (!outcome.ok && outcome.why === 'invalid')
    throw new ApiError('invalid_documents', { problems: outcome.problems, more: { server: document, secrets, notes } });
  const done = written(outcome);
  const stored = done.snapshot.find('Server', result.name);
  const imports = (): Response => {
    if (stored === undefined) throw new ApiError('precondition_failed');
    return Response.json({ server: shown(stored, done.snapshot, services), secrets, notes }, { status: 201 });
  };
  const more = { server: stored?.document ?? document, secrets, notes };
  return writeResponse(done, query.dryRun, services, imports, more);
}

/** A version that is new is added to the server that has the name; what is said of the server stays as it is. */
function documentWith({ name, title, description, version }: Imported, existing: ServerDocument | undefined): object {
  if (existing === undefined)
    return { kind: 'Server', name, ...(title === undefined ? {} : { title }), description, versions: [version] };
  if (existing.versions.some((other) => other.version === version.version)) {
    const message = `the server "${name}" has a version "${version.version}" already`;
    throw refused({ path: ['server', 'version'], message });
  }
  return { ...existing, versions: [...existing.versions, version] };
}

function refused({ path, message }: ImportProblem): ApiError {
  return new ApiError('invalid_documents', { problems: [{ document: 0, path, message }] });
}
