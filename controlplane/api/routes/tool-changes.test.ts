import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Listed } from '../../../core/catalog/catalog.ts';
import { type ApiWorld, discoveredTools, openApiWorld } from '../../../test/support/api-world.ts';

let world: ApiWorld;
let id: string;
let security: string;
const OLD = { name: 'a', description: 'old' };
const NOW = { name: 'a', description: 'new' };
const read = (...tools: Listed[]) =>
  world.registry.saveDiscovery('s', '1', {
    ok: true,
    discovered: { ...discoveredTools(), hash: JSON.stringify(tools), tools: { bare: tools, full: tools } },
  });
const SERVER = {
  kind: 'Server',
  name: 's',
  versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:1/mcp' }] }],
};

beforeEach(async () => {
  world = await openApiWorld();
  security = await world.keyOf('security');
  await world.registry.apply({ documents: [SERVER], who: 'test', why: '' });
  await read(OLD);
  await read(NOW);
  id = (await world.ask('GET', '/v1/tool-changes')).body.items[0].id;
});
afterEach(() => world.close());

describe('changes of tools', () => {
  test('are listed by server and state, in pages', async () => {
    await read(NOW, { name: 'b' });
    const first = await world.ask('GET', '/v1/tool-changes?server=s&state=pending&limit=1');
    expect(first.body.items).toHaveLength(1);
    const second = await world.ask('GET', `/v1/tool-changes?limit=1&cursor=${first.body.next}`);
    const tools = [...first.body.items, ...second.body.items].map(({ tool }) => tool);
    expect(tools.sort()).toEqual(['a', 'b']);
    expect(second.body.next).toBeUndefined();
    expect((await world.ask('GET', '/v1/tool-changes?state=approved')).body.items).toEqual([]);
    expect(await world.ask('GET', '/v1/tool-changes?cursor=x')).toMatchObject({
      status: 400,
      body: { code: 'invalid_cursor' },
    });
    expect((await world.ask('GET', '/v1/tool-changes?state=open')).status).toBe(400);
  });

  test('are shown with what is another, and a tag', async () => {
    const { status, body, headers } = await world.ask('GET', `/v1/tool-changes/${id}`);
    expect([status, headers.get('etag')]).toEqual([200, expect.stringMatching(/^"[0-9a-f]{32}"$/)]);
    expect(body).toMatchObject({
      ...{ id, server: 's', version: '1', tool: 'a', kind: 'changed', state: 'pending', changed: ['description'] },
      ...{ compatible: false, before: OLD, after: NOW },
      differences: [{ path: '/description', change: 'changed', before: 'old', after: 'new' }],
    });
  });

  test('are approved and published', async () => {
    const etag = (await world.ask('GET', `/v1/tool-changes/${id}`)).headers.get('etag')!;
    const asked = { as: security, body: { reason: 'looked through' }, headers: { 'if-match': etag } };
    const { status, body } = await world.ask('POST', `/v1/tool-changes/${id}/approve`, asked);
    expect([status, body.state, body.decidedBy, body.decidedWhy]).toEqual([
      200,
      'approved',
      expect.stringContaining('key:'),
      'looked through',
    ]);
    expect(world.published).toEqual([5]);
    const again = await world.ask('POST', `/v1/tool-changes/${id}/reject`, { as: security, body: {} });
    expect(again).toMatchObject({ status: 409, body: { code: 'tool_change_over' } });
    expect(again.body.detail).toMatch(/^it is approved by key:/);
    const log = await world.ask('GET', '/v1/log?kind=ToolChange');
    expect(log.body.items).toMatchObject([{ name: 's/a', version: '1', change: 'approved', why: 'looked through' }]);
  });

  test('are shown to some, and then not to who names an old tag', async () => {
    const etag = (await world.ask('GET', `/v1/tool-changes/${id}`)).headers.get('etag')!;
    const body = { percent: 2.5, principals: ['t-*'] };
    const shown = await world.ask('POST', `/v1/tool-changes/${id}/canary`, { as: security, body });
    expect(shown).toMatchObject({ status: 200, body: { state: 'pending', canary: body } });
    const stale = { as: security, body: {}, headers: { 'if-match': etag } };
    expect(await world.ask('POST', `/v1/tool-changes/${id}/approve`, stale)).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed' },
    });
    const wrong = { as: security, body: { percent: 101 } };
    expect((await world.ask('POST', `/v1/tool-changes/${id}/canary`, wrong)).status).toBe(400);
  });

  test.each(['approve', 'reject', 'canary'])(
    'need the role security to %s them, and one that there is',
    async (verb) => {
      for (const role of ['viewer', 'operator', 'approver'] as const) {
        const asked = { as: await world.keyOf(role), body: {} };
        expect(await world.ask('POST', `/v1/tool-changes/${id}/${verb}`, asked)).toMatchObject({
          status: 403,
          body: { code: 'forbidden' },
        });
      }
      expect((await world.ask('POST', `/v1/tool-changes/x/${verb}`, { as: security, body: {} })).status).toBe(404);
    },
  );

  test('show in the status of their server, with tools that are hidden', async () => {
    await read(NOW, { name: 'b', inputSchema: { $ref: 'https://x.example/' } });
    const { body } = await world.ask('GET', '/v1/servers/s');
    expect(body.status.versions[0]).toMatchObject({
      toolChanges: 2,
      hidden: [{ tool: 'b', problem: 'its inputSchema: it refers to another document' }],
    });
  });

  test('leave rules of pinning to the role security', async () => {
    const off = { ...SERVER, pinning: { mode: 'off' } };
    const asked = { as: await world.keyOf('operator'), body: off };
    expect((await world.ask('PUT', '/v1/servers/s', asked)).status).toBe(403);
    expect((await world.ask('PUT', '/v1/servers/s', { body: off })).status).toBe(200);
  });
});

describe('pins', () => {
  test('are listed in pages, and with the definition of one tool', async () => {
    await world.ask('POST', `/v1/tool-changes/${id}/approve`, { body: {} });
    await read(NOW, { name: 'b' });
    await world.ask(
      'POST',
      `/v1/tool-changes/${(await world.ask('GET', '/v1/tool-changes?state=pending')).body.items[0].id}/approve`,
      { body: {} },
    );
    const first = await world.ask('GET', '/v1/servers/s/pins?limit=1');
    expect(first.body.items).toMatchObject([{ version: '1', tool: 'a', approvedBy: 'operator-token' }]);
    const second = await world.ask('GET', `/v1/servers/s/pins?cursor=${first.body.next}`);
    expect(second.body.items.map(({ tool }: { tool: string }) => tool)).toEqual(['b']);
    expect((await world.ask('GET', '/v1/servers/s/pins?tool=a')).body.items).toMatchObject([{ definition: NOW }]);
    expect((await world.ask('GET', '/v1/servers/x/pins')).status).toBe(404);
  });
});
