import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Example, Route } from '../controlplane/api/route.ts';
import { ROUTES } from '../controlplane/api/routes/routes.ts';
import { problemSchema } from '../controlplane/api/schemas.ts';
import { readExamples, renderDocs, shapeOf, shownAnswer, type WrittenExample } from './support/api-docs.ts';
import { openExampleWorld } from './support/api-example-world.ts';
import type { Asked } from './support/api-world.ts';

const PATH = join(import.meta.dirname, '..', 'docs', 'api.md');
const EXAMPLES = ROUTES.flatMap((route) => route.examples.map((example): [Route, Example] => [route, example]));

/** Each is sent to an instance of its own, so that none depends on another. */
async function send(
  method: string,
  { path, headers, body }: { path: string; headers?: Readonly<Record<string, string>>; body?: unknown },
): Promise<Asked> {
  const world = await openExampleWorld();
  try {
    return await world.ask(method, path, { ...(headers === undefined ? {} : { headers }), body });
  } finally {
    await world.close();
  }
}

const NOTHING = { status: 0, type: '', answer: '' };
/** Before the examples are read, so that what was just written is tested. */
if (process.env.UPDATE_DOCS === '1') {
  const answers = new Map<Example, ReturnType<typeof shownAnswer>>();
  for (const [{ method }, example] of EXAMPLES) answers.set(example, shownAnswer(await send(method, example)));
  writeFileSync(
    PATH,
    renderDocs(readFileSync(PATH, 'utf8'), ROUTES, (_, example) => answers.get(example) ?? NOTHING),
  );
}

const written = (): readonly WrittenExample[] => readExamples(readFileSync(PATH, 'utf8'));

test('docs/api.md says of every route what the table says', () => {
  const text = readFileSync(PATH, 'utf8');
  const found = written();
  expect(found.length, 'run this test once with UPDATE_DOCS=1').toBe(EXAMPLES.length);
  const rest = [...found];
  const again = renderDocs(text, ROUTES, () => rest.shift() ?? NOTHING);
  expect(text === again, 'docs/api.md differs from the route table: run this test once with UPDATE_DOCS=1').toBe(true);
});

describe('an example of docs/api.md is answered as it says', () => {
  test.each(written().map((example): [string, WrittenExample] => [`${example.method} ${example.path}`, example]))(
    '%s',
    async (_, { method, path, headers, body, status, type, answer }) => {
      const found = await send(method, { path, headers, body });
      expect([found.status, found.type]).toEqual([status, type]);
      const json = type.includes('json');
      expect(json ? shapeOf(found.body) : found.text.trimEnd()).toEqual(json ? shapeOf(JSON.parse(answer)) : answer);
    },
  );
});

describe('an example of the route table has the status, and an answer of the shape, that the table says', () => {
  test.each(
    EXAMPLES.map(([route, example]): [string, Route, Example] => [
      `${route.method} ${example.path}: ${example.title}`,
      route,
      example,
    ]),
  )('%s', async (_, route, example) => {
    const found = await send(route.method, example);
    expect(found.status).toBe(example.status);
    const declared = route.answers[found.status];
    const refused = found.type.startsWith('application/problem+json');
    expect(declared !== undefined || found.status >= 400, `status ${found.status} is not declared`).toBe(true);
    const schema = refused ? problemSchema : declared?.schema;
    if (schema === undefined || !found.type.includes('json')) return;
    const parsed = schema.safeParse(found.body);
    expect(parsed.error?.issues ?? []).toEqual([]);
  });
});
