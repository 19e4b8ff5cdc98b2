import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiWorld, type Ask, type Asked, discoveredTools, openApiWorld } from '../../../test/support/api-world.ts';
import type { RegistrySnapshot } from '../../registry/types.ts';

let world: ApiWorld;
let previewed: RegistrySnapshot[];
beforeEach(async () => {
  previewed = [];
  world = await openApiWorld({
    preview: (snapshot) => {
      previewed.push(snapshot);
      return [{ group: 'default', type: 'cluster', name: 'mcp.a.1', change: 'added' }];
    },
    warnings: (surface) => [`of ${surface}`],
    health: async (cluster) => {
      if (cluster.startsWith('mcp.broken')) throw new Error('Envoy is away');
      return [{ address: `${cluster}:1`, healthy: true }];
    },
  });
});
afterEach(() => world.close());

const ask = (method: string, path: string, request?: Ask): Promise<Asked> => world.ask(method, path, request);
const server = (rest: object = {}) => ({
  versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
  ...rest,
});
const surface = (...names: string[]) => ({ servers: names.map((name) => ({ server: name })) });
const AT = '2026-01-02T00:00:00.000Z';

describe('one document', () => {
  test('is created, read, replaced and deleted', async () => {
    const created = await ask('PUT', '/v1/servers/a', { body: server() });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      kind: 'Server',
      name: 'a',
      labels: {},
      status: {
        revision: 1,
        updatedAt: AT,
        versions: [{ version: '1', state: 'active', discovered: false, tools: 0 }],
      },
    });
    expect(created.headers.get('chancery-revision')).toBe('1');
    expect(created.headers.get('cache-control')).toBe('no-store');
    const got = await ask('GET', '/v1/servers/a');
    expect(got.body.versions).toEqual(created.body.versions);
    expect(got.headers.get('etag')).toBe(created.headers.get('etag'));
    expect((await ask('PUT', '/v1/servers/a', { body: server({ description: 'new' }) })).status).toBe(200);
    const deleted = await ask('DELETE', '/v1/servers/a');
    expect([deleted.status, deleted.text, deleted.headers.get('chancery-revision')]).toEqual([204, '', '3']);
    expect((await ask('GET', '/v1/servers/a')).body).toMatchObject({ status: 404, detail: 'no Server is named "a"' });
    expect((await ask('DELETE', '/v1/servers/a')).status).toBe(404);
    expect(world.published).toEqual([1, 2, 3]);
  });

  test('that was got can be put back, whatever its status', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    await world.registry.saveDiscovery('a', '1', { ok: true, discovered: discoveredTools('x') });
    await world.registry.saveDiscovery('a', '1', { ok: false, error: 'down' });
    const { body } = await ask('GET', '/v1/servers/a');
    expect(body.status.versions).toEqual([
      {
        version: '1',
        state: 'active',
        since: AT,
        discovered: true,
        protocolVersions: ['2025-11-25'],
        tools: 1,
        prompts: 0,
        resources: 0,
        hash: 'hash of x',
        readAt: AT,
        error: 'down',
        errorAt: AT,
        health: [{ address: 'mcp.a.1:1', healthy: true }],
      },
    ]);
    expect((await ask('PUT', '/v1/servers/a', { body })).status).toBe(200);
    expect((await ask('POST', '/v1/apply', { body: { documents: [body] } })).body.changes).toEqual([
      { kind: 'Server', name: 'a', change: 'unchanged' },
    ]);
    expect(world.published).toEqual([1]);
  });

  test('is shown without health when Envoy does not tell, and when nothing is reached', async () => {
    await ask('PUT', '/v1/servers/broken', { body: server() });
    const requested = { version: '1', state: 'requested', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] };
    await ask('PUT', '/v1/servers/asked', { body: { versions: [requested] } });
    for (const name of ['broken', 'asked']) {
      const { status, body } = await ask('GET', `/v1/servers/${name}`);
      expect([status, body.status.versions[0].health]).toEqual([200, undefined]);
    }
  });

  test('of a surface shows its warnings, and can be put back', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    const { body } = await ask('PUT', '/v1/surfaces/s', { body: surface('a') });
    expect(body.status).toMatchObject({ warnings: ['of s'] });
    expect((await ask('PUT', '/v1/surfaces/s', { body })).headers.get('chancery-revision')).toBe('2');
  });

  test.each([
    ['another kind', '/v1/servers/a', { kind: 'Surface' }, 'kind', 'the address says "Server", found "Surface"'],
    ['another name', '/v1/servers/a', { name: 'b' }, 'name', 'the address says "a", found "b"'],
    ['a bad name', '/v1/servers/A_b', {}, 'name', 'a name is lower-case'],
    ['a status that is none', '/v1/servers/a', { status: 'up' }, 'status', 'unknown member "status"'],
    ['an unknown member', '/v1/servers/a', { colour: 'red' }, 'colour', 'unknown member "colour"'],
  ])('is refused with %s', async (_, path, rest, at, message) => {
    const answer = await ask('PUT', path, { body: server(rest) });
    expect(answer).toMatchObject({
      status: 422,
      type: 'application/problem+json',
      body: { code: 'invalid_documents' },
    });
    expect(answer.body.problems).toEqual([{ document: 0, path: [at], message: expect.stringContaining(message) }]);
  });

  test('that others need is not deleted', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    await ask('PUT', '/v1/surfaces/s', { body: surface('a') });
    expect(await ask('DELETE', '/v1/servers/a')).toMatchObject({
      status: 409,
      body: {
        code: 'still_in_use',
        problems: [{ document: 0, path: [], message: expect.stringContaining('named by surface "s"') }],
      },
    });
    expect((await ask('GET', '/v1/servers/a')).status).toBe(200);
  });
});

describe('a precondition', () => {
  const wrong = '"0000"';
  const cases: [string, boolean, string, (etag: string) => Record<string, string>, number][] = [
    ['that names the document lets it be replaced', true, 'PUT', (etag) => ({ 'if-match': etag }), 200],
    ['that names it among others does too', true, 'PUT', (etag) => ({ 'if-match': `${wrong}, ${etag}` }), 200],
    ['that names any document does too', true, 'PUT', () => ({ 'if-match': '*' }), 200],
    ['that names another document does not', true, 'PUT', () => ({ 'if-match': wrong }), 412],
    ['that names it weakly does not', true, 'PUT', (etag) => ({ 'if-match': `W/${etag}` }), 412],
    ['that names any document lets none be created', false, 'PUT', () => ({ 'if-match': '*' }), 412],
    ['that there is none lets it be created', false, 'PUT', () => ({ 'if-none-match': '*' }), 201],
    ['that there is none lets none be replaced', true, 'PUT', () => ({ 'if-none-match': '*' }), 412],
    ['that names the document lets it be deleted', true, 'DELETE', (etag) => ({ 'if-match': etag }), 204],
    ['that names another document lets it not be deleted', true, 'DELETE', () => ({ 'if-match': wrong }), 412],
    ['is asked in a dry run too', true, 'PUT ?dryRun=true', () => ({ 'if-match': wrong }), 412],
  ];
  test.each(cases)('%s', async (_, there, how, headersFor, status) => {
    const etag = there ? ((await ask('PUT', '/v1/servers/a', { body: server() })).headers.get('etag') ?? '') : '';
    const [method = '', query = ''] = how.split(' ');
    const body = method === 'PUT' ? { body: server({ description: 'new' }) } : {};
    const answer = await ask(method, `/v1/servers/a${query}`, { ...body, headers: headersFor(etag) });
    expect(answer.status).toBe(status);
    if (status === 412) expect(answer.body.code).toBe('precondition_failed');
  });

  test('of concurrent writers with one entity tag holds for exactly one of them, and nothing is lost', async () => {
    const etag = (await ask('PUT', '/v1/servers/a', { body: server() })).headers.get('etag') ?? '';
    const titles = Array.from({ length: 30 }, (_, index) => `writer ${index}`);
    const answers = await Promise.all(
      titles.map((title) => ask('PUT', '/v1/servers/a', { body: server({ title }), headers: { 'if-match': etag } })),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won.length).toBe(1);
    expect(answers.filter(({ status }) => status === 412).length).toBe(29);
    expect((await ask('GET', '/v1/servers/a')).body.title).toBe(won[0]?.body.title);
    expect(world.registry.snapshot().revision).toBe(2);
  });
});

describe('a list', () => {
  const names = ({ body }: Asked): string[] => body.items.map(({ name }: { name: string }) => name);

  test('comes in pages by name, which writes in between do not shift', async () => {
    const documents = ['b', 'd', 'f', 'h'].map((name) => ({ kind: 'Server', name, ...server() }));
    await ask('POST', '/v1/apply', { body: { documents } });
    const first = await ask('GET', '/v1/servers?limit=2');
    expect([names(first), first.body.revision]).toEqual([['b', 'd'], 1]);
    await ask('PUT', '/v1/servers/a', { body: server() });
    await ask('PUT', '/v1/servers/e', { body: server() });
    await ask('DELETE', '/v1/servers/d');
    const second = await ask('GET', `/v1/servers?limit=2&cursor=${first.body.next}`);
    expect(names(second)).toEqual(['e', 'f']);
    const third = await ask('GET', `/v1/servers?limit=2&cursor=${second.body.next}`);
    expect([names(third), third.body.next]).toEqual([['h'], undefined]);
  });

  test('is chosen by labels', async () => {
    const of = (name: string, labels: object) => ({ kind: 'Server', name, ...server({ labels }) });
    const documents = [of('a', { team: 'core' }), of('b', { team: 'core', env: 'prod' }), of('c', { tier: '1' })];
    await ask('POST', '/v1/apply', { body: { documents } });
    for (const [query, wanted] of [
      ['label=team=core', ['a', 'b']],
      ['label=team=core,env!=prod', ['a']],
      ['label=team=core&label=env', ['b']],
      ['label=team!=core', ['c']],
      ['label=team%3Dcore%2Cenv', ['b']],
    ] as const) {
      expect([query, names(await ask('GET', `/v1/servers?${query}`))]).toEqual([query, wanted]);
    }
  });

  test.each([
    ['a cursor of another list', 'cursor=bm90aGluZw', 'invalid_cursor'],
    ['a limit of nothing', 'limit=0', 'invalid_request'],
    ['a limit of too much', 'limit=1001', 'invalid_request'],
    ['a limit that is no number', 'limit=many', 'invalid_request'],
    ['two limits', 'limit=1&limit=2', 'invalid_request'],
    ['a label that is none', 'label==', 'invalid_request'],
    ['an unknown parameter', 'filter=x', 'invalid_request'],
  ])('with %s is refused', async (_, query, code) => {
    expect(await ask('GET', `/v1/servers?${query}`)).toMatchObject({ status: 400, body: { code } });
  });
});

describe('a dry run', () => {
  test('of a new document says what would be, and writes nothing', async () => {
    const answer = await ask('PUT', '/v1/servers/a?dryRun=true', { body: server() });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      dryRun: true,
      revision: 1,
      changes: [{ kind: 'Server', name: 'a', change: 'created' }],
      envoy: [{ group: 'default', type: 'cluster', name: 'mcp.a.1', change: 'added' }],
    });
    expect(answer.body.changes[0].diff).toContain('--- /dev/null\n+++ b/Server/a\n');
    expect(answer.body.changes[0].diff).toContain('\n+    endpoints:\n');
    expect(previewed.map(({ revision, documents }) => [revision, documents.length])).toEqual([[1, 1]]);
    expect([world.registry.snapshot().revision, world.published]).toEqual([0, []]);
  });

  test('of a change shows the lines that differ, and of none nothing', async () => {
    await ask('PUT', '/v1/servers/a', { body: server({ description: 'old' }) });
    const answer = await ask('PUT', '/v1/servers/a?dryRun=true', { body: server({ description: 'new' }) });
    expect(answer.body.changes[0].diff).toContain('\n-description: old\n+description: new\n');
    const same = await ask('PUT', '/v1/servers/a?dryRun=true', { body: server({ description: 'old' }) });
    expect(same.body).toEqual({
      dryRun: true,
      revision: 1,
      changes: [{ kind: 'Server', name: 'a', change: 'unchanged' }],
      envoy: [],
    });
  });

  test('of a deletion, and of one that would be refused', async () => {
    await ask('PUT', '/v1/servers/a', { body: server() });
    const answer = await ask('DELETE', '/v1/servers/a?dryRun=true');
    expect(answer.body.changes).toMatchObject([{ change: 'deleted', diff: expect.stringContaining('+++ /dev/null') }]);
    await ask('PUT', '/v1/surfaces/s', { body: surface('a') });
    expect((await ask('DELETE', '/v1/servers/a?dryRun=true')).status).toBe(409);
    expect((await ask('PUT', '/v1/servers/b?dryRun=true', { body: {} })).status).toBe(422);
    expect(world.registry.snapshot().revision).toBe(2);
  });

  test('that is misspelt is no write', async () => {
    for (const query of ['dryrun=true', 'dryRun=yes', 'dryRun', 'dryRun=true&dryRun=false'])
      expect((await ask('PUT', `/v1/servers/a?${query}`, { body: server() })).status).toBe(400);
    expect(world.registry.snapshot().revision).toBe(0);
  });
});

describe('the reason of a change', () => {
  test.each([
    ['in a header', { 'chancery-reason': 'because' }, 'because'],
    ['in UTF-8', { 'chancery-reason': Buffer.from('für alle').toString('latin1') }, 'für alle'],
    ['missing', {}, ''],
  ])('%s is kept', async (_, headers, why) => {
    await ask('PUT', '/v1/servers/a', { body: server(), headers });
    expect((await ask('GET', '/v1/log?kind=Server&name=a')).body.items.at(-1)).toMatchObject({
      who: 'operator-token',
      why,
      change: 'created',
      at: AT,
    });
  });

  test('that would hide something in a terminal is refused', async () => {
    const headers = { 'chancery-reason': Buffer.from('a\u202eb').toString('latin1') };
    expect(await ask('PUT', '/v1/servers/a', { body: server(), headers })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringContaining('control characters') },
    });
  });
});
