import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type ApiWorld, type Ask, openApiWorld } from '../../../test/support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const ask = (method: string, path: string, request?: Ask) => world.ask(method, path, request);
const apply = (body: object, query = '') => ask('POST', `/v1/apply${query}`, { body });
const given = (name: string, rest: object = {}) => ({
  kind: 'Server',
  name,
  versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
  ...rest,
});
const surface = (name: string, ...servers: string[]) => ({
  kind: 'Surface',
  name,
  servers: servers.map((server) => ({ server })),
});
const names = () => world.registry.snapshot().documents.map(({ document: { kind, name } }) => `${kind}/${name}`);

describe('many documents', () => {
  test('are written together, in any order', async () => {
    const documents = [surface('s', 'a', 'b'), given('a'), given('b')];
    expect(await apply({ documents, why: 'a start' })).toMatchObject({
      status: 200,
      body: { revision: 1, changes: documents.map(({ kind, name }) => ({ kind, name, change: 'created' })) },
    });
    expect(world.published).toEqual([1]);
    expect((await ask('GET', '/v1/log?kind=Surface')).body.items).toMatchObject([{ why: 'a start' }]);
  });

  test('tell what is to be known of each surface that is declared, and of no other', async () => {
    await world.close();
    world = await openApiWorld({
      warnings: (name, { revision, documents }) =>
        name === 'calm' ? [] : [`of ${name} at ${revision}: ${documents.length}`],
    });
    await apply({ documents: [given('a'), surface('same', 'a'), surface('old', 'a')] });
    const documents = [
      given('b'),
      surface('same', 'a'),
      surface('old', 'a', 'b'),
      surface('new', 'b'),
      surface('calm', 'b'),
    ];
    const told = [
      { kind: 'Server', name: 'b', change: 'created' },
      { kind: 'Surface', name: 'same', change: 'unchanged' },
      { kind: 'Surface', name: 'old', change: 'updated', warnings: ['of old at 2: 6'] },
      { kind: 'Surface', name: 'new', change: 'created', warnings: ['of new at 2: 6'] },
      { kind: 'Surface', name: 'calm', change: 'created' },
    ];
    const dry = await apply({ documents }, '?dryRun=true');
    expect(dry.body.changes.map(({ diff, ...change }: { diff?: string }) => change)).toEqual(told);
    expect((await apply({ documents })).body.changes).toEqual(told);
  });

  test('replace and delete together', async () => {
    await apply({ documents: [given('a'), given('b'), surface('s', 'a')] });
    const body = { documents: [surface('s', 'b')], deletes: [{ kind: 'Server', name: 'a' }] };
    expect((await apply(body)).body.changes).toEqual([
      { kind: 'Surface', name: 's', change: 'updated' },
      { kind: 'Server', name: 'a', change: 'deleted' },
    ]);
  });

  test('with any problem are not written, and all problems are told', async () => {
    const documents = [given('a'), { kind: 'Server', name: 'b' }, 7, surface('s', 'c'), given('a')];
    const answer = await apply({ documents });
    expect(answer.status).toBe(422);
    expect(
      answer.body.problems.map((problem: { document: number; path: unknown[] }) => [problem.document, ...problem.path]),
    ).toEqual([
      [1, 'versions'],
      [2, 'kind'],
      [3, 'servers', 0, 'server'],
      [4, 'name'],
    ]);
    expect([world.registry.snapshot().revision, world.published]).toEqual([0, []]);
  });

  test('that are there already change nothing', async () => {
    await apply({ documents: [given('a')] });
    expect((await apply({ documents: [given('a')] })).body).toMatchObject({
      revision: 1,
      changes: [{ change: 'unchanged' }],
    });
    expect(world.published).toEqual([1]);
  });

  test('that are only tried are not written, and each difference is shown', async () => {
    await apply({ documents: [given('a', { title: 'A' })] });
    const { body } = await apply({ documents: [given('a'), given('b')] }, '?dryRun=true');
    expect(body).toMatchObject({ dryRun: true, revision: 2 });
    expect(body.changes.map(({ change }: { change: string }) => change)).toEqual(['updated', 'created']);
    expect(body.changes[0].diff).toContain('\n-title: A\n');
    expect(names()).toEqual(['Server/a']);
  });

  test('are refused as one when one of them is not allowed', async () => {
    const as = await world.keyOf('operator');
    const policy = {
      kind: 'Policy',
      name: 'p',
      version: 'tbac/v1',
      rules: [{ id: 'r', effect: 'allow', tools: ['*'] }],
    };
    expect(await ask('POST', '/v1/apply', { body: { documents: [given('a'), policy] }, as })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: 'to change Policy "p" needs the role security', problems: [{ document: 1 }] },
    });
    expect(names()).toEqual([]);
  });
});

describe('pruning', () => {
  beforeEach(() =>
    apply({
      documents: [
        { kind: 'Secret', name: 'kept', value: 'x' },
        given('a'),
        given('b'),
        surface('s', 'a'),
        { kind: 'Runtime', name: 'r', values: {} },
      ],
    }),
  );

  test('deletes what is not in the request, but secrets', async () => {
    const { status, body } = await apply({ documents: [given('a')], prune: true });
    expect(status).toBe(200);
    expect(body.changes).toEqual([
      { kind: 'Server', name: 'a', change: 'unchanged' },
      { kind: 'Server', name: 'b', change: 'deleted' },
      { kind: 'Surface', name: 's', change: 'deleted' },
      { kind: 'Runtime', name: 'r', change: 'deleted' },
    ]);
    expect(names()).toEqual(['Secret/kept', 'Server/a']);
  });

  test('is tried first', async () => {
    const { body } = await apply({ documents: [given('a')], prune: true }, '?dryRun=true');
    expect(body.changes.filter(({ change }: { change: string }) => change === 'deleted').length).toBe(3);
    expect(names().length).toBe(5);
  });

  test('does not delete twice what is to be deleted anyway', async () => {
    const body = { documents: [surface('s', 'a'), given('a')], deletes: [{ kind: 'Server', name: 'b' }], prune: true };
    expect((await apply(body)).status).toBe(200);
  });

  test('to nothing is refused', async () => {
    for (const body of [{ prune: true }, { documents: [], prune: true }, { deletes: [], prune: true }])
      expect(await apply(body)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(names().length).toBe(5);
  });

  test('of what its writer may not delete is refused', async () => {
    const as = await world.keyOf('operator');
    expect((await ask('POST', '/v1/apply', { body: { documents: [given('a')], prune: true }, as })).status).toBe(403);
    expect(names().length).toBe(5);
  });
});

describe('an export', () => {
  const DOCUMENTS = [
    { kind: 'Secret', name: 's', value: 'not-to-be-seen' },
    given('a', { labels: { z: '1', a: '2' }, annotations: { z: { readOnlyHint: true }, a: { idempotentHint: true } } }),
    { ...given('b', { description: 'a: "b"\n'.trim() }), owner: { contact: 'c', team: 't' } },
    surface('s', 'a'),
    { kind: 'Policy', name: 'p', version: 'tbac/v1', rules: [{ id: 'r', effect: 'allow', tools: ['*'] }] },
    { kind: 'NodeGroup', name: 'g', match: { zones: ['z'] } },
    { kind: 'Runtime', name: 'r', values: { b: 1, a: true } },
  ];
  const yaml = async () => (await ask('GET', '/v1/export')).text;

  test('is YAML in the order in which it can be applied, and to apply it changes nothing', async () => {
    await apply({ documents: [...DOCUMENTS].reverse() });
    const answer = await ask('GET', '/v1/export');
    expect(answer.type).toBe('application/yaml; charset=utf-8');
    const documents = parseAllDocuments(answer.text).map((document) => document.toJS() as { kind: string });
    expect(documents.map(({ kind }) => kind)).toEqual(DOCUMENTS.map(({ kind }) => kind));
    expect(answer.text).not.toContain('not-to-be-seen');
    const again = await apply({ documents, prune: true });
    expect(again.body.changes.filter(({ change }: { change: string }) => change !== 'unchanged')).toEqual([]);
  });

  test('is the same bytes for the same content, however it was written', async () => {
    await apply({ documents: DOCUMENTS });
    const first = await yaml();
    const other = await openApiWorld();
    const shuffled = DOCUMENTS.map((document) => Object.fromEntries(Object.entries(document).reverse())).reverse();
    for (const document of [...shuffled].reverse()) {
      const { status } = await other.ask('POST', '/v1/apply', { body: { documents: [document] } });
      expect(status).toBe(200);
    }
    expect((await other.ask('GET', '/v1/export')).text).toBe(first);
    await other.close();
    expect(await yaml()).toBe(first);
    expect(first).toContain('kind: Server\nname: a\nlabels:\n  a: "2"\n  z: "1"\n');
  });

  test('is JSON for those who ask for it, and YAML for everybody else', async () => {
    await apply({ documents: DOCUMENTS });
    const json = await ask('GET', '/v1/export', { headers: { accept: 'application/json' } });
    expect([json.type, json.body.documents.length]).toEqual(['application/json', 7]);
    expect((await apply(json.body)).body.revision).toBe(1);
    for (const accept of ['*/*', 'application/yaml', 'application/yaml, application/json', 'text/html'])
      expect((await ask('GET', '/v1/export', { headers: { accept } })).type).toMatch(/^application\/yaml/);
  });

  test('of nothing is nothing', async () => {
    expect(await yaml()).toBe('');
    expect(parse(await yaml())).toBeNull();
  });
});
