import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { initializeResult, type Script } from './testdata/scripted-server.ts';
import { closeAll, KNOWN, setup, target } from './testdata/world.ts';

afterEach(closeAll);

describe('what is found out beside the lists', () => {
  const both: Script = {
    initialize: ({ params }) => initializeResult({}, { protocolVersion: params.protocolVersion as string }),
  };
  const versions = ['2025-03-26', '2025-06-18', '2025-11-25'];

  test('is saved after the reading, and only when it is new', async () => {
    const { discovery, clock, egress, saved } = setup(both, { known: null });
    discovery.sync([target('a')]);
    const first = await saved();
    expect(first.outcome.ok && first.outcome.discovered.protocolVersions).toBeUndefined();
    expect((await saved()).outcome).toMatchObject({
      discovered: { protocolVersions: versions, refusesDisagreement: false },
    });
    const asked = egress.asked.length;
    clock.next();
    expect((await saved()).outcome).toMatchObject({ discovered: { protocolVersions: versions } });
    // A reading of two sessions, and no more questions for an hour.
    expect(egress.asked.length - asked).toBe(6);
    let readings = 0;
    while (egress.asked.length - asked === 6 * (readings + 1)) {
      clock.next();
      await saved();
      readings += 1;
    }
    expect(readings).toBe(LIMITS.discoveryProbeIntervalMs / LIMITS.discoveryIntervalMs - 1);
  });

  test('is kept over a restart', async () => {
    const { discovery, saved, changes } = setup(both, { known: { ...KNOWN, protocolVersions: versions } });
    discovery.sync([target('a')]);
    expect((await saved()).outcome).toMatchObject({ discovered: { protocolVersions: versions } });
    await discovery.close();
    expect(changes).toEqual([7]);
  });

  test.each<[string, typeof KNOWN]>([
    ['another release answers', { ...KNOWN, serverInfo: { name: 'scripted', version: '0' } }],
    ['another version was spoken', { ...KNOWN, protocolVersion: '2025-06-18' }],
  ])('is found out anew when %s', async (_, known) => {
    const { discovery, saved } = setup(both, { known: { ...known, refusesDisagreement: true } });
    discovery.sync([target('a')]);
    const { outcome } = await saved();
    expect(outcome.ok && outcome.discovered.refusesDisagreement).toBeUndefined();
    expect((await saved()).outcome).toMatchObject({ discovered: { refusesDisagreement: false } });
  });

  test('is found out anew when the document changes: the endpoint may be another', async () => {
    const { discovery, saved } = setup(both, { known: null });
    discovery.sync([target('a')]);
    await saved();
    await saved();
    discovery.sync([target('a', { documentHash: 'other' })]);
    const { outcome } = await saved();
    expect(outcome.ok && outcome.discovered.protocolVersions).toBeUndefined();
  });
});
