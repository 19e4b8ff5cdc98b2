import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiWorld, openApiWorld } from '../../test/support/api-world.ts';
import { ROUTES } from './routes/routes.ts';

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

let world: ApiWorld;
let document: OpenApi;
beforeAll(async () => {
  world = await openApiWorld();
  document = (await world.ask('GET', '/openapi.json', { as: await world.keyOf('viewer') })).body;
});
afterAll(() => world.close());

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document) as unknown as Record<string, unknown>);
  expect(result.errors ?? []).toEqual([]);
  expect([result.valid, validator.version]).toEqual([true, '3.1']);
});

test('every reference in it leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]*)"/g)].map(([, path = '']) => path);
  expect(references.length).toBeGreaterThan(10);
  for (const path of new Set(references)) {
    const found = path
      .split('/')
      .slice(1)
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
    expect(found, `#${path} leads nowhere`).toBeDefined();
  }
});

test('every route is in it, under a name of its own', () => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
  );
  const wanted = ROUTES.map(({ method, path }) => `${method} ${path.replace(/:([A-Za-z]+)/g, '{$1}')}`);
  expect(operations.map(({ route }) => route).sort()).toEqual(wanted.sort());
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { route, operation } of operations) {
    expect(Object.keys(operation.responses).length, route).toBeGreaterThan(1);
    for (const { name, in: place, description } of operation.parameters)
      if (place === 'query') expect(description, `${route} ${name} is not described`).toBeTypeOf('string');
  }
});

test('documents have names, and a secret is shown without what it holds', () => {
  const { schemas } = document.components;
  expect(Object.keys(schemas)).toEqual(
    expect.arrayContaining([
      'Server',
      'ServerShown',
      'Secret',
      'SecretShown',
      'Problem',
      'LogEntry',
      'ApiKey',
      'DryRun',
    ]),
  );
  const shown = schemas.SecretShown as { properties: object };
  expect(Object.keys(shown.properties)).toEqual(['kind', 'name', 'description', 'labels', 'type', 'hosts', 'status']);
  expect(JSON.stringify(schemas)).not.toContain('#/$defs/');
});

test('nobody reads it without a token', async () => {
  expect((await world.ask('GET', '/openapi.json', { headers: { authorization: undefined } })).status).toBe(401);
});
