// Decides how the route table is told as an OpenAPI 3.1 document.
import { z } from 'zod';
import { DOCUMENT_KINDS } from '../../core/catalog/document.ts';
import { REASON_HEADER, type Route } from './route.ts';
import { dryRunSchema, historyEntrySchema, keySchema, logEntrySchema, problemSchema, shownSchemas } from './schemas.ts';

type JsonSchema = Record<string, unknown>;

/** Schemas that have a name of their own in the document. */
const NAMED = z.registry<{ id: string }>();
for (const [kind, { schema }] of Object.entries(DOCUMENT_KINDS)) NAMED.add(schema, { id: kind });
for (const [kind, schema] of Object.entries(shownSchemas)) NAMED.add(schema, { id: `${kind}Shown` });
NAMED.add(problemSchema, { id: 'Problem' });
NAMED.add(dryRunSchema, { id: 'DryRun' });
NAMED.add(logEntrySchema, { id: 'LogEntry' });
NAMED.add(historyEntrySchema, { id: 'HistoryEntry' });
NAMED.add(keySchema, { id: 'ApiKey' });

/** What `describe` says of a schema is kept elsewhere; the two are read as one. */
const DESCRIBED = new Proxy(NAMED, {
  get: (target, key) =>
    key === 'get'
      ? (schema: z.core.$ZodType) => ({ ...z.globalRegistry.get(schema), ...target.get(schema) })
      : Reflect.get(target, key),
});

const DEFS = '#/$defs/';
const COMPONENTS = '#/components/schemas/';

export function openApiDocument(routes: readonly Route[]): object {
  const schemas = new Components();
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:([A-Za-z]+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemas) };
  }
  const problem = { 'application/problem+json': { schema: schemas.of(problemSchema, 'output') } };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Chancery',
      version: '1',
      description: 'The registry of MCP servers, surfaces and policies, and how the gateway is. See docs/api.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'The operator token, an API key of use admin, or a JWT.',
        },
      },
      responses: { Problem: { description: 'A refusal (RFC 9457).', content: problem } },
      schemas: schemas.all(),
    },
  };
}

function operation(route: Route, schemas: Components): object {
  const { method, path, access, summary, query, body, answers, examples, conditional } = route;
  const shownBody = examples.filter((example) => example.body !== undefined);
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => (next ?? '').toUpperCase())}`,
    summary,
    tags: [tagOf(path)],
    ...(access === 'open' ? { security: [] } : access === 'registry' ? { security: [{ bearer: [] }, {}] } : {}),
    'x-roles': typeof access === 'string' ? [] : access,
    parameters: [
      ...[...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
      })),
      ...queryParameters(query, schemas),
      ...(method === 'GET' ? [] : [header(REASON_HEADER, 'Why, for the change log.')]),
      ...(conditional === true
        ? [
            header('if-match', 'Only if the document has one of these entity tags (RFC 9110 §13.1.1).'),
            header('if-none-match', '`*`: only if there is no such document.'),
          ]
        : []),
    ],
    ...(body === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: schemas.of(body, 'input'),
                ...(shownBody.length === 0
                  ? {}
                  : { examples: Object.fromEntries(shownBody.map(({ title, body: value }) => [title, { value }])) }),
              },
            },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { doc, schema, type = 'application/json' }]) => [
          status,
          {
            description: doc,
            ...(schema === undefined ? {} : { content: { [type]: { schema: schemas.of(schema, 'output') } } }),
          },
        ]),
      ),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function header(name: string, description: string): object {
  return { name, in: 'header', required: false, description, schema: { type: 'string' } };
}

function queryParameters(query: z.ZodType, schemas: Components): object[] {
  const { properties = {} } = schemas.plain(query, 'input') as { properties?: Record<string, JsonSchema> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: false,
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function tagOf(path: string): string {
  const [, first = '', second = ''] = path.split('/');
  return first === 'v1' ? second : first === 'v0.1' ? 'registry' : 'status';
}

/** Collects the named parts of schemas, which JSON Schema keeps beside each and OpenAPI in one place. */
class Components {
  readonly #parts = new Map<string, JsonSchema>();

  of(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const { $defs, ...rest } = this.plain(schema, io) as JsonSchema & { $defs?: Record<string, JsonSchema> };
    const names = new Map(Object.entries($defs ?? {}).map(([name, part]) => [name, this.#nameFor(name, part)]));
    for (const [name, part] of Object.entries($defs ?? {}))
      this.#parts.set(names.get(name) ?? name, moved(part, names));
    const { id } = NAMED.get(schema) ?? {};
    if (id === undefined) return moved(rest, names);
    const { id: _, ...named } = rest;
    this.#parts.set(id, moved(named, names));
    return { $ref: `${COMPONENTS}${id}` };
  }

  plain(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const made = z.toJSONSchema(schema, { io, metadata: DESCRIBED, unrepresentable: 'any', target: 'draft-2020-12' });
    const { $schema: _, ...rest } = made as JsonSchema;
    return rest;
  }

  /** Parts that nobody named have a number, which two schemas may give to different things. */
  #nameFor(name: string, part: JsonSchema): string {
    if (!name.startsWith('__')) return name;
    for (let number = 1; ; number += 1) {
      const free = `Part${number}`;
      const taken = this.#parts.get(free);
      const here = moved(part, new Map([[name, free]]));
      if (taken === undefined || JSON.stringify(taken) === JSON.stringify(here)) {
        this.#parts.set(free, here);
        return free;
      }
    }
  }

  all(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#parts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** The schema with its references to what lies beside it pointing to where it lies now. */
function moved(schema: JsonSchema, names: ReadonlyMap<string, string>): JsonSchema {
  const text = JSON.stringify(schema, (key, value: unknown) => {
    if (key !== '$ref' || typeof value !== 'string' || !value.startsWith(DEFS)) return value;
    const name = value.slice(DEFS.length);
    return `${COMPONENTS}${names.get(name) ?? name}`;
  });
  const { id: _, ...rest } = JSON.parse(text) as JsonSchema;
  return rest;
}
