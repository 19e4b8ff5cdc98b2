import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DOCUMENT_KINDS, type DocumentKind } from '../../../core/catalog/document.ts';
import { type ApiWorld, type Ask, type Asked, openApiWorld } from '../../../test/support/api-world.ts';

const PREVIEWED = [{ group: 'envoy', type: 'CDS', name: 'x', change: 'changed' }] as const;

/** What each kind needs beside its name. */
const CONTENT: Readonly<Record<DocumentKind, object>> = {
  Secret: { value: 'first' },
  Server: { versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }] },
  Surface: { servers: [{ server: 'needed' }] },
  Policy: { version: 'tbac/v1', rules: [{ id: 'a', effect: 'allow', tools: ['*'] }] },
  Issuer: { issuer: 'https://a.example' },
  Revocation: { subject: 'a', until: '2026-12-31T00:00:00Z' },
  NodeGroup: { match: { zones: ['a'] } },
  Runtime: { values: { 'health_check.min_interval': 500 } },
};
/** A member that may be another, of each kind. */
const CHANGE: Readonly<Record<DocumentKind, object>> = {
  Secret: { value: 'second' },
  Server: { description: 'another' },
  Surface: { description: 'another' },
  Policy: { rules: [{ id: 'b', effect: 'deny', tools: ['*'] }] },
  Issuer: { issuer: 'https://b.example' },
  Revocation: { subject: 'b', until: '2026-12-31T00:00:00Z' },
  NodeGroup: { match: { zones: ['b'] } },
  Runtime: { values: { 'health_check.min_interval': 600 } },
};
const KINDS = Object.entries(DOCUMENT_KINDS).map(
  ([kind, { collection }]) => [kind as DocumentKind, collection] as const,
);

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld({ preview: () => PREVIEWED });
  const needed = { kind: 'Server', name: 'needed', ...CONTENT.Server };
  expect((await ask('POST', '/v1/apply', { body: { documents: [needed] } })).status).toBe(200);
});
afterEach(() => world.close());

const ask = (method: string, path: string, request?: Ask): Promise<Asked> => world.ask(method, path, request);
const revision = (): number => world.registry.snapshot().revision;
const etag = ({ headers }: Asked): string => headers.get('etag') ?? '';
const names = ({ body }: Asked): string[] =>
  body.items.map(({ name }: { name: string }) => name).filter((name: string) => name !== 'needed');

describe.each(KINDS)('a %s', (kind, collection) => {
  const one = `/v1/${collection}/x`;
  const [first, second] = [CONTENT[kind], { ...CONTENT[kind], ...CHANGE[kind] }];

  test('that is put twice is written once, and has one entity tag until it is another', async () => {
    const created = await ask('PUT', one, { body: first });
    expect([created.status, revision()]).toEqual([201, 2]);
    const again = await ask('PUT', one, { body: first });
    expect([again.status, revision(), etag(again)]).toEqual([200, 2, etag(created)]);
    expect(etag(await ask('GET', one))).toBe(etag(created));
    const changed = await ask('PUT', one, { body: second });
    expect([changed.status, revision()]).toEqual([200, 3]);
    expect(etag(changed)).not.toBe(etag(created));
    expect(etag(created)).toMatch(/^"[^"]+"$/);
  });

  test('is written and deleted only by those who know it, when they say what they know', async () => {
    const created = await ask('PUT', one, { body: first, headers: { 'if-none-match': '*' } });
    expect(created.status).toBe(201);
    const changed = await ask('PUT', one, { body: second, headers: { 'if-match': etag(created) } });
    expect(changed.status).toBe(200);
    const stale = { headers: { 'if-match': etag(created) } };
    for (const answer of [
      await ask('PUT', one, { body: first, ...stale }),
      await ask('DELETE', one, stale),
      await ask('PUT', one, { body: first, headers: { 'if-none-match': '*' } }),
    ])
      expect(answer).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    expect([etag(await ask('GET', one)), revision()]).toEqual([etag(changed), 3]);
    expect((await ask('DELETE', one, { headers: { 'if-match': etag(changed) } })).status).toBe(204);
    expect((await ask('GET', one)).status).toBe(404);
  });

  test('is listed page by page, and chosen by its labels', async () => {
    const documents = ['a', 'b', 'c', 'd', 'e'].map((name, index) => ({
      ...{ kind, name, ...first },
      // No two issuers have one `iss`.
      ...(kind === 'Issuer' && { issuer: `https://${name}.example` }),
      ...{ labels: { parity: index % 2 === 0 ? 'even' : 'odd' } },
    }));
    expect((await ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
    const pages: string[][] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Asked = await ask('GET', `/v1/${collection}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.status).toBe(200);
      pages.push(names(page));
      cursor = page.body.next;
    }
    expect(pages.map(({ length }) => length).every((length) => length <= 2)).toBe(true);
    expect(pages.flat()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(names(await ask('GET', `/v1/${collection}?label=parity=odd`))).toEqual(['b', 'd']);
  });

  test('that is only tried is told here and in Envoy, and is as it was', async () => {
    const created = await ask('PUT', `${one}?dryRun=true`, { body: first });
    expect(created.body).toMatchObject({ dryRun: true, changes: [{ kind, name: 'x', change: 'created' }] });
    expect(created.body.envoy).toEqual(PREVIEWED);
    expect([(await ask('GET', one)).status, revision()]).toEqual([404, 1]);
    const before = etag(await ask('PUT', one, { body: first }));
    const changed = await ask('PUT', `${one}?dryRun=true`, { body: second });
    expect(changed.body).toMatchObject({ dryRun: true, changes: [{ kind, name: 'x', change: 'updated' }] });
    const deleted = await ask('DELETE', `${one}?dryRun=true`);
    expect(deleted.body).toMatchObject({ dryRun: true, changes: [{ kind, name: 'x', change: 'deleted' }] });
    expect([etag(await ask('GET', one)), revision()]).toEqual([before, 2]);
    expect((await ask('GET', `${one}/history`)).body.items).toHaveLength(kind === 'Server' ? 2 : 1);
  });

  test('has a history, and goes back to a revision, unless it is secret', async () => {
    const created = await ask('PUT', one, { body: first, headers: { 'chancery-reason': 'to begin' } });
    await ask('PUT', one, { body: second, headers: { 'chancery-reason': 'to go on' } });
    const { body } = await ask('GET', `${one}/history`);
    const writes = body.items.filter(({ change }: { change: string }) => change !== 'transition');
    expect(writes).toMatchObject([
      { change: 'updated', revision: 3, who: 'operator-token', why: 'to go on' },
      { change: 'created', revision: 2, who: 'operator-token', why: 'to begin' },
    ]);
    const back = await ask('POST', `${one}/rollback`, { body: { revision: 2 } });
    if (kind === 'Secret') {
      expect(back.status).toBe(422);
      expect(revision()).toBe(3);
      return;
    }
    expect([back.status, etag(back), revision()]).toEqual([200, etag(created), 4]);
    expect((await ask('POST', `${one}/rollback`, { body: { revision: 1 } })).status).toBe(422);
  });
});

test('every revision that somebody made is in the change log, under his name', async () => {
  for (const [kind, collection] of KINDS) {
    const one = `/v1/${collection}/x`;
    const first = revision() + 1;
    for (const body of [CONTENT[kind], { ...CONTENT[kind], ...CHANGE[kind] }]) await ask('PUT', one, { body });
    if (kind !== 'Secret') await ask('POST', `${one}/rollback`, { body: { revision: first } });
    expect((await ask('DELETE', one)).status).toBe(204);
  }
  const staging = { versions: [{ ...(CONTENT.Server as { versions: object[] }).versions[0], state: 'staging' }] };
  await ask('PUT', '/v1/servers/moved', { body: staging });
  const step = { to: 'active', why: 'go' };
  expect((await ask('POST', '/v1/servers/moved/versions/1/transition', { body: step })).status).toBe(200);
  const imported = { name: 'org.example/desk', description: 'A desk.', version: '1.0.0' };
  const remotes = [{ type: 'streamable-http', url: 'https://desk.example.org/mcp' }];
  expect((await ask('POST', '/v1/import', { body: { server: { ...imported, remotes } } })).status).toBe(201);
  const key = { use: 'agent', subject: 'robot', description: 'a robot' };
  const { id } = (await ask('POST', '/v1/keys', { body: key })).body;
  expect((await ask('DELETE', `/v1/keys/${id}`)).status).toBe(204);

  const { items } = (await ask('GET', '/v1/log?limit=1000')).body as { items: { revision: number; who: string }[] };
  const revisions = [...new Set(items.map((item) => item.revision))].sort((a, b) => a - b);
  expect(revisions).toEqual(Array.from({ length: revision() }, (_, index) => index + 1));
  expect(new Set(items.map(({ who }) => who))).toEqual(new Set(['operator-token']));
});
