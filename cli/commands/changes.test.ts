import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CallOptions, type Instance, openInstance, SERVER } from '../testdata/instance.ts';
import { type PlayedApi, playApi } from '../testdata/played-api.ts';
import * as apply from './apply.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
});
afterEach(() => instance.close());

describe('apply --dry-run', () => {
  const envoy = [
    { group: 'envoy', type: 'CDS', name: 'a.1', change: 'added' },
    { group: 'envoy', type: 'CDS', name: 'b.1', change: 'changed' },
    { group: 'edge', type: 'RDS', name: 'old', change: 'removed' },
  ] as const;
  const answer = {
    dryRun: true,
    revision: 2,
    changes: [
      {
        kind: 'Server',
        name: 'a',
        change: 'updated',
        diff: '--- a/Server/a\n+++ b/Server/a\n@@ -1,2 +1,2 @@\n kind: Server\n-name: \u001b[2J\n+name: b\n',
      },
      { kind: 'Secret', name: 't', change: 'updated' },
      { kind: 'Surface', name: 's', change: 'unchanged' },
    ],
    envoy,
  };
  let api: PlayedApi;
  afterEach(() => api.close());
  const play = async (body: object, options: CallOptions = {}) => {
    api = await playApi(instance.folder, () => ({ body }));
    instance.write('a.yaml', ...SERVER);
    return await api.call(apply.run, ['-f', 'a.yaml', '--dry-run', '--why', 'größer'], options);
  };

  test('says beside it what is to be known of a surface, written so that it steers no terminal', async () => {
    const told = await play({
      ...answer,
      changes: [{ kind: 'Surface', name: 's', change: 'created', warnings: ['\u001b[2J is hidden', 'two are alike'] }],
    });
    expect(told).toMatchObject({
      status: 2,
      err: ['apply: surface/s: \\u001b[2J is hidden', 'apply: surface/s: two are alike', ''].join('\n'),
    });
  });

  test('shows what would change here and at the Envoys, and ends with 2', async () => {
    expect(await play(answer)).toEqual({
      status: 2,
      out: [
        'server/a would be updated',
        '  @@ -1,2 +1,2 @@',
        '   kind: Server',
        '  -name: \\u001b[2J',
        '  +name: b',
        'secret/t would be updated',
        '  (what it holds is not shown)',
        '1 document would not change',
        'group envoy would be sent 2 resources: 1 added, 1 changed',
        '  CDS: 2 resources: 1 added, 1 changed',
        '    + a.1',
        '    ~ b.1',
        'group edge would be sent 1 resource: 1 removed',
        '  RDS: 1 resource: 1 removed',
        '    - old',
        '',
      ].join('\n'),
      err: '',
    });
    expect(api.asked[0]?.path).toBe('/v1/apply?dryRun=true');
    expect(Buffer.from(String(api.asked[0]?.headers['chancery-reason']), 'latin1').toString()).toBe('größer');
  });

  test.each([
    ['on a terminal', { terminal: true }, true],
    ['into a pipe', {}, false],
    ['on a terminal with NO_COLOR', { terminal: true, env: { NO_COLOR: '1' } }, false],
    ['on a terminal with an empty NO_COLOR', { terminal: true, env: { NO_COLOR: '' } }, true],
    ['on a terminal that knows no colours', { terminal: true, env: { TERM: 'dumb' } }, false],
  ])('%s is coloured or not', async (_, options, coloured) => {
    const { out } = await play(answer, options);
    expect(out.includes('\u001b[32m+name: b\u001b[0m')).toBe(coloured);
    expect(out.includes('\u001b[2J')).toBe(false);
  });

  test('of what is there already ends with 0', async () => {
    const changes = [{ kind: 'Server', name: 'a', change: 'unchanged' }];
    expect(await play({ ...answer, changes, envoy: [] })).toEqual({
      status: 0,
      out: 'nothing would change\n',
      err: '',
    });
  });

  test('is not told of an answer that may be of a write', async () => {
    expect(await play({ revision: 2, changes: [] })).toMatchObject({
      status: 1,
      err: expect.stringContaining('another version'),
    });
  });

  test('writes nothing, and is followed by the same write', async () => {
    api = await playApi(instance.folder, () => ({}));
    instance.write('all.yaml', ...SERVER, '---', 'kind: Secret', 'name: t', 'value: hunter2');
    const { status, out } = await instance.call(apply.run, ['-f', 'all.yaml', '--dry-run']);
    expect([status, out]).toEqual([2, expect.stringContaining('+name: a')]);
    expect(out).not.toContain('hunter2');
    expect(instance.registry.snapshot().documents).toEqual([]);
    await instance.call(apply.run, ['-f', 'all.yaml']);
    expect((await instance.call(apply.run, ['-f', 'all.yaml', '--dry-run'])).status).toBe(0);
  });
});
