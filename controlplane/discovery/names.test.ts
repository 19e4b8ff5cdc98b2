import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { initializeResult, type Script } from './testdata/scripted-server.ts';
import { closeAll, setup, target } from './testdata/world.ts';

afterEach(closeAll);

const good: Script = { initialize: () => initializeResult({}) };

describe('a name in an endpoint', () => {
  const named = target('a', { hosts: ['mcp.example'] });

  test('that leads where it must not is an error of the server, which is not read and is blocked until it leads elsewhere', async () => {
    let addresses = ['93.184.216.34', '10.0.0.7'];
    const { discovery, clock, egress, blocks, saved } = setup(good, { lookup: async () => addresses });
    discovery.sync([named]);
    expect((await saved()).outcome).toEqual({
      ok: false,
      error:
        'the name "mcp.example" resolves to a forbidden address: 10.0.0.7 is in the network "private", which the setting endpoint-networks (public, loopback) does not allow: add "private" or a range to it',
    });
    expect(egress.asked).toEqual([]);
    expect(discovery.blocked()).toEqual(new Set(['mcp.a.1']));
    clock.next();
    await saved();
    // It is told once.
    expect(blocks).toEqual([['mcp.a.1']]);
    addresses = ['93.184.216.34'];
    clock.next();
    expect((await saved()).outcome.ok).toBe(true);
    expect(blocks).toEqual([['mcp.a.1'], []]);
  });

  test('that leads elsewhere at a later reading is blocked then', async () => {
    let address = '93.184.216.34';
    const { discovery, clock, blocks, saved } = setup(good, { lookup: async () => [address] });
    discovery.sync([named]);
    expect((await saved()).outcome.ok).toBe(true);
    address = '169.254.169.254';
    clock.next();
    expect((await saved()).outcome).toMatchObject({ ok: false, error: expect.stringContaining('link-local') });
    expect(blocks).toEqual([['mcp.a.1']]);
  });

  test('that cannot be resolved is an error, and what was known of it stays', async () => {
    let answer: () => Promise<string[]> = () => Promise.reject(new Error('ENOTFOUND'));
    const { discovery, clock, egress, saved } = setup(good, { lookup: () => answer() });
    discovery.sync([named]);
    const unresolved = { ok: false, error: 'the name "mcp.example" cannot be resolved (now)' };
    expect((await saved()).outcome).toEqual(unresolved);
    expect(discovery.blocked().size).toBe(0);
    answer = async () => ['10.0.0.7'];
    clock.next();
    await saved();
    answer = async () => [];
    clock.next();
    expect((await saved()).outcome).toEqual(unresolved);
    expect(discovery.blocked().size).toBe(1);
    expect(egress.asked).toEqual([]);
  });

  test('of a server that is gone blocks nothing', async () => {
    const { discovery, saved } = setup(good, { lookup: async () => ['10.0.0.7'] });
    discovery.sync([named]);
    await saved();
    discovery.sync([]);
    expect(discovery.blocked().size).toBe(0);
  });

  test('that nobody resolves in time is an error', async () => {
    const { discovery, clock, saved } = setup(good, { lookup: () => new Promise(() => {}) });
    discovery.sync([named]);
    expect(clock.next()).toBe(LIMITS.discoveryLookupDeadlineMs);
    expect((await saved()).outcome).toMatchObject({ error: 'the name "mcp.example" cannot be resolved (now)' });
  });
});
