import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Instance, openInstance, SERVER, SURFACE } from '../testdata/instance.ts';
import * as apply from './apply.ts';
import * as remove from './delete.ts';
import * as importServer from './import.ts';
import * as rollback from './rollback.ts';
import * as transition from './transition.ts';

let instance: Instance;
beforeEach(async () => {
  instance = await openInstance();
  const second = ['  - version: "2"', '    state: staging', '    endpoints: [{ url: "http://127.0.0.1:3002/mcp" }]'];
  instance.write('all.yaml', ...SERVER, ...second, '---', ...SURFACE);
  const { err } = await instance.call(apply.run, ['-f', 'all.yaml']);
  expect(err).toBe('');
});
afterEach(() => instance.close());

const versions = () => {
  const found = instance.registry.snapshot().find('Server', 'a')?.document;
  return found?.kind === 'Server' ? found.versions : [];
};

describe('transition', () => {
  test('moves a version, and tells the states of all', async () => {
    const args = ['a', '2', 'canary', '--percent', '2.5', '--principals', 'tester-*, alice', '--why', 'try it'];
    expect(await instance.call(transition.run, args)).toEqual({
      status: 0,
      out: 'server/a 1 active\nserver/a 2 canary\n',
      err: '',
    });
    expect(versions()[1]?.canary).toEqual({ percent: 2.5, principals: ['tester-*', 'alice'] });
    const over = await instance.call(transition.run, [
      'a',
      '2',
      'active',
      '--sunset',
      '2027-01-31',
      '--why',
      'it is good',
    ]);
    expect(over.out).toBe('server/a 1 deprecated\nserver/a 2 active\n');
    expect(versions()[0]?.sunset).toBe('2027-01-31T00:00:00Z');
    expect(await instance.registry.log({ limit: 1 })).toMatchObject([{ why: 'it is good' }]);
  });

  test('that is only tried shows what would be, and needs no reason', async () => {
    const { status, out } = await instance.call(transition.run, ['a', '2', 'active', '--dry-run']);
    expect([status, out]).toEqual([2, expect.stringMatching(/^ {2}-\s+state: active$/m)]);
    expect(versions()[1]?.state).toBe('staging');
  });

  test.each([
    ['without a reason', ['a', '2', 'active'], 'say why with --why'],
    [
      'to a state that is none',
      ['a', '2', 'cannary', '--why', 'x'],
      'there is no state "cannary" (did you mean "canary"?)',
    ],
    ['to a state that does not follow', ['a', '1', 'staging', '--why', 'x'], '"staging" does not follow "active"'],
    ['to a canary of nobody', ['a', '2', 'canary', '--why', 'x'], 'a canary says who is led to it'],
    ['of a version that is not there', ['a', '3', 'active', '--why', 'x'], 'has no version "3"'],
    ['of a server that is not there', ['b/../a', '1', 'active', '--why', 'x'], 'no Server is named "b/../a"'],
    [
      'with a share that is none',
      ['a', '2', 'canary', '--percent', '101', '--why', 'x'],
      '--percent is a number from 0 to 100',
    ],
    [
      'with principals that are none',
      ['a', '2', 'canary', '--principals', ',', '--why', 'x'],
      '--principals wants subjects',
    ],
    [
      'with a day that is none',
      ['a', '1', 'deprecated', '--sunset', '2027-02-30', '--why', 'x'],
      '--sunset is a date such as',
    ],
    ['with a reason of two lines', ['a', '2', 'active', '--why', 'x\ny'], 'control characters are not allowed'],
    ['without a state', ['a', '2'], 'found nothing after "2"'],
  ])('%s is refused', async (_, args, wanted) => {
    const { status, out, err } = await instance.call(transition.run, args);
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain(wanted);
  });
});

describe('rollback', () => {
  test('brings a document back, or away where it was not there', async () => {
    instance.write('more.yaml', ...SURFACE, 'description: new');
    await instance.call(apply.run, ['-f', 'more.yaml']);
    const tried = await instance.call(rollback.run, ['surface', 's', '1', '--dry-run']);
    expect([tried.status, tried.out]).toEqual([2, expect.stringContaining('-description: new')]);
    const done = await instance.call(rollback.run, ['surface', 's', '1', '--why', 'no']);
    expect(done).toEqual({ status: 0, out: 'surface/s back, as it was at revision 1\n', err: '' });
    expect(instance.registry.snapshot().find('Surface', 's')?.document).not.toHaveProperty('description');
  });

  test.each([
    [
      'to a revision that is none',
      ['surface', 's', 'x'],
      'a revision is a whole number (see chancery history), found "x"',
    ],
    ['of a kind that is none', ['nodes', 's', '1'], 'there is no kind "nodes"'],
    ['of a document that is not there', ['policy', 's', '1'], '"s"'],
    ['to nothing', ['surface', 's'], 'found nothing after "s"'],
  ])('%s is refused', async (_, args, wanted) => {
    const { status, out, err } = await instance.call(rollback.run, args);
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain(wanted);
  });
});

describe('delete', () => {
  test('takes a document out, and with --dry-run would', async () => {
    const tried = await instance.call(remove.run, ['surface', 's', '--dry-run']);
    expect([tried.status, tried.out]).toEqual([2, expect.stringContaining('surface/s would be deleted')]);
    const done = await instance.call(remove.run, ['Surface', 's', '--why', 'not used']);
    expect(done).toEqual({ status: 0, out: 'surface/s deleted\n', err: '' });
    expect(await instance.registry.log({ limit: 1 })).toMatchObject([{ change: 'deleted', why: 'not used' }]);
  });

  test.each([
    ['what is not there', ['surface', 'x'], 'delete: no Surface is named "x"\n'],
    ['what others need', ['server', 'a'], 'is named by surface "s"'],
    ['a kind that is none', ['sirver', 'a'], 'there is no kind "sirver" (did you mean "server"?)'],
    ['nothing', ['server'], 'found nothing after "server"'],
    ['a reason of two lines', ['surface', 's', '--why', 'x\ny'], 'a reason is one line of text'],
  ])('of %s is refused', async (_, args, wanted) => {
    const { status, out, err } = await instance.call(remove.run, args);
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain(wanted);
  });
});

describe('import', () => {
  const json = {
    name: 'io.github.example/weather',
    description: 'Forecasts',
    version: '1.2.0',
    remotes: [{ type: 'streamable-http', url: 'https://weather.example.com/mcp' }],
  };
  const [remote] = json.remotes;
  const guarded = {
    ...json,
    remotes: [{ ...remote, headers: [{ name: 'X-Api-Key', isSecret: true, isRequired: true }] }],
  };

  test('registers the server of a server.json, by its own name or another', async () => {
    instance.write('server.json', JSON.stringify(json));
    const tried = await instance.call(importServer.run, ['server.json', '--dry-run']);
    expect([tried.status, tried.out]).toEqual([2, expect.stringContaining('server/weather would be created')]);
    expect((await instance.call(importServer.run, ['server.json'])).out).toBe('server/weather imported\n');
    const named = await instance.call(importServer.run, ['-', '--name', 'w', '--remote', '0'], {
      stdin: JSON.stringify(json),
    });
    expect(named.out).toBe('server/w imported\n');
  });

  test('says which secret it uses', async () => {
    instance.write('secret.yaml', 'kind: Secret', 'name: weather-x-api-key', 'value: x');
    await instance.call(apply.run, ['-f', 'secret.yaml']);
    const { status, err } = await instance.call(importServer.run, ['-'], { stdin: JSON.stringify(guarded) });
    expect([status, err]).toEqual([0, expect.stringContaining('it uses the secret weather-x-api-key')]);
  });

  test.each([
    ['what is no JSON', 'x', [], '-: is not JSON, wanted a server.json'],
    ['what is no server.json', '{}', [], 'server'],
    ['a secret that is not there', JSON.stringify(guarded), [], 'no secret is named "weather-x-api-key"'],
    ['a place that is none', JSON.stringify(json), ['--remote', 'first'], '--remote is a place from 0, found "first"'],
  ])('of %s is refused', async (_, stdin, flags, wanted) => {
    const { status, out, err } = await instance.call(importServer.run, ['-', ...flags], { stdin });
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain(wanted);
  });
});
