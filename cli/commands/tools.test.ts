import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Discovered, Listed } from '../../core/catalog/catalog.ts';
import { discoveredTools } from '../../test/support/api-world.ts';
import { type Instance, openInstance, SERVER } from '../testdata/instance.ts';
import { run as apply } from './apply.ts';
import * as tools from './tools.ts';

let instance: Instance;
let id: string;
const reading = (...listed: Listed[]): Discovered => ({
  ...discoveredTools(),
  hash: JSON.stringify(listed),
  tools: { bare: listed, full: listed },
});
beforeEach(async () => {
  instance = await openInstance();
  await instance.call(apply, ['-f', '-'], { stdin: SERVER.join('\n') });
  for (const description of ['old', 'new']) {
    await instance.registry.saveDiscovery('a', '1', { ok: true, discovered: reading({ name: 't', description }) });
  }
  id = (await instance.registry.toolChanges({ limit: 1 }))[0]?.id ?? '';
});
afterEach(() => instance.close());

describe('tools', () => {
  test('changes are listed', async () => {
    const { out, status } = await instance.call(tools.changes, ['--state', 'pending']);
    expect(status).toBe(0);
    expect(out).toMatch(/^ID +STATE +AGE +SERVER +VERSION +TOOL +CHANGED$/m);
    expect(out).toMatch(new RegExp(`^${id} +pending +.* a +1 +t +description$`, 'm'));
    expect((await instance.call(tools.changes, ['--server', 'b'])).out).not.toContain(id);
  });

  test('one is shown with what is another', async () => {
    expect((await instance.call(tools.show, [id])).out).toMatch(
      /path: \/description\n +change: changed\n +before: old/,
    );
    const nothing = await instance.call(tools.show, ['x']);
    expect([nothing.status, nothing.err]).toEqual([1, 'tools show: no change of a tool has the id "x"\n']);
  });

  test('one is shown to some, rejected, and approved after all', async () => {
    const shown = await instance.call(tools.canary, [id, '--percent', '5', '--principals', 'a,b-*']);
    expect(shown).toMatchObject({ status: 0, out: `${id} pending: a/t\n` });
    expect((await instance.call(tools.changes, ['-o', 'wide'])).out).toContain('5 %, a, b-*');
    expect((await instance.call(tools.reject, [id, '--why', 'no'])).out).toBe(`${id} rejected: a/t\n`);
    expect((await instance.call(tools.approve, [id, '--why', 'yes'])).out).toBe(`${id} approved: a/t\n`);
    expect(await instance.call(tools.reject, [id])).toMatchObject({ status: 1 });
    expect(await instance.registry.toolChange(id)).toMatchObject({ state: 'approved', decidedWhy: 'yes' });
  });

  test('a share is a number', async () => {
    const { status, err } = await instance.call(tools.canary, [id, '--percent', 'all']);
    expect([status, err]).toEqual([1, expect.stringContaining('--percent is a number from 0 to 100, found "all"')]);
  });

  test('pins are listed', async () => {
    expect((await instance.call(tools.pins, ['a'])).out).toMatch(/^1 +t +[0-9a-f]{12} .*as it was read first/m);
    expect((await instance.call(tools.pins, ['x'])).status).toBe(1);
  });
});
