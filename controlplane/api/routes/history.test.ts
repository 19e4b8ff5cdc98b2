import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiWorld, openApiWorld } from '../../../test/support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
});
afterEach(() => world.close());

const ask: ApiWorld['ask'] = (method, path, request) => world.ask(method, path, request);
const server = (rest: object = {}) => ({
  versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
  ...rest,
});
const put = (title: string) => ask('PUT', '/v1/servers/a', { body: server({ title }) });

interface Entry {
  readonly change: string;
  readonly revision: number;
  readonly document?: { readonly title: string } | null;
}
const writes = async (path = '/v1/servers/a/history'): Promise<(string | number | undefined)[][]> =>
  ((await ask('GET', path)).body.items as Entry[])
    .filter(({ change }) => change !== 'transition')
    .map(({ change, revision, document }) => [change, revision, document?.title]);

describe('a document', () => {
  test('has a history, also when it is gone', async () => {
    await put('one');
    await put('two');
    await ask('DELETE', '/v1/servers/a');
    expect(await writes()).toEqual([
      ['deleted', 3, undefined],
      ['updated', 2, 'two'],
      ['created', 1, 'one'],
    ]);
    expect((await ask('GET', '/v1/servers/b/history')).status).toBe(404);
  });

  test('has a history in pages', async () => {
    for (const title of ['one', 'two', 'three']) await put(title);
    const seen: number[] = [];
    let next: string | undefined = '';
    while (next !== undefined) {
      const { body }: Awaited<ReturnType<typeof ask>> = await ask(
        'GET',
        `/v1/servers/a/history?limit=2${next === '' ? '' : `&cursor=${next}`}`,
      );
      seen.push(...body.items.map(({ sequence }: { sequence: number }) => sequence));
      next = body.next;
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a));
    expect(seen.length).toBeGreaterThanOrEqual(3);
  });

  test('comes back as it was, with who, why and from where', async () => {
    await put('one');
    await put('two');
    const body = { revision: 1, why: 'two was wrong' };
    const answer = await ask('POST', '/v1/servers/a/rollback', { body });
    expect([answer.status, answer.body.title, answer.headers.get('chancery-revision')]).toEqual([200, 'one', '3']);
    expect((await ask('GET', '/v1/log?limit=1')).body.items).toMatchObject([
      { change: 'rollback', source: 1, who: 'operator-token', why: 'two was wrong' },
    ]);
    expect(world.published).toEqual([1, 2, 3]);
  });

  test('comes back from where it was deleted, and goes where it was not', async () => {
    await put('one');
    await ask('DELETE', '/v1/servers/a');
    expect((await ask('POST', '/v1/servers/a/rollback', { body: { revision: 1 } })).body.title).toBe('one');
    expect((await ask('POST', '/v1/servers/a/rollback', { body: { revision: 2 } })).status).toBe(204);
    expect((await ask('GET', '/v1/servers/a')).status).toBe(404);
  });

  test('is not brought back by a dry run, nor against a precondition', async () => {
    await put('one');
    await put('two');
    const dry = await ask('POST', '/v1/servers/a/rollback?dryRun=true', { body: { revision: 1 } });
    expect(dry.body).toMatchObject({ dryRun: true, revision: 3, changes: [{ change: 'updated' }] });
    expect(dry.body.changes[0].diff).toContain('-title: two\n+title: one\n');
    const headers = { 'if-match': '"0000"' };
    expect((await ask('POST', '/v1/servers/a/rollback', { body: { revision: 1 }, headers })).status).toBe(412);
    expect((await ask('GET', '/v1/servers/a')).body.title).toBe('two');
  });

  test.each([
    ['a revision that is to come', { revision: 9 }, 422],
    ['a revision before there was one', { revision: 0 }, 422],
    ['half a revision', { revision: 0.5 }, 400],
    ['no revision', {}, 400],
    ['something else', { revision: 1, force: true }, 400],
  ])('is not brought back to %s', async (_, body, status) => {
    await put('one');
    expect((await ask('POST', '/v1/servers/a/rollback', { body })).status).toBe(status);
  });

  test('is brought back by those who might write it so', async () => {
    await ask('PUT', '/v1/servers/a', { body: server({ labels: { tier: 'one' } }) });
    await put('two');
    const body = { revision: 1 };
    const as = await world.keyOf('operator');
    expect(await ask('POST', '/v1/servers/a/rollback', { body, as })).toMatchObject({
      status: 403,
      body: { code: 'forbidden', problems: [{ document: 0 }] },
    });
    expect((await ask('POST', '/v1/servers/a/rollback', { body })).status).toBe(200);
  });
});

describe('the change log', () => {
  test('is read by kind and name, newest first, without the documents', async () => {
    await put('one');
    await ask('PUT', '/v1/secrets/s', { body: { value: 'x' } });
    await put('two');
    const all = (await ask('GET', '/v1/log')).body;
    expect(all.revision).toBe(3);
    expect(all.items.map(({ revision }: Entry) => revision)).toEqual(
      all.items.map(({ revision }: Entry) => revision).sort((a: number, b: number) => b - a),
    );
    expect(all.items.some((entry: object) => 'document' in entry)).toBe(false);
    expect((await ask('GET', '/v1/log?kind=Secret')).body.items).toMatchObject([{ name: 's', change: 'created' }]);
    expect((await ask('GET', '/v1/log?kind=Secret&name=a')).body.items).toEqual([]);
  });

  test.each([
    ['a kind that is none', 'kind=Cluster', 'invalid_request'],
    [
      'a cursor of a history',
      `cursor=${Buffer.from('["Server/history","3"]').toString('base64url')}`,
      'invalid_cursor',
    ],
  ])('with %s is refused', async (_, query, code) => {
    expect(await ask('GET', `/v1/log?${query}`)).toMatchObject({ status: 400, body: { code } });
  });

  test('with a cursor that says no number has nothing more', async () => {
    await put('one');
    const cursor = Buffer.from('["log","x"]').toString('base64url');
    expect((await ask('GET', `/v1/log?cursor=${cursor}`)).body.items).toEqual([]);
  });
});
