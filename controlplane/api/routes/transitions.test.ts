import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiWorld, type Asked, openApiWorld } from '../../../test/support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await openApiWorld();
  const endpoints = [{ url: 'http://127.0.0.1:3001/mcp' }];
  const versions = [
    { version: '1', state: 'active', endpoints },
    { version: '2', state: 'staging', endpoints },
  ];
  await world.ask('PUT', '/v1/servers/a', { body: { versions } });
});
afterEach(() => world.close());

const move = (version: string, body: object, query = '', headers = {}): Promise<Asked> =>
  world.ask('POST', `/v1/servers/a/versions/${version}/transition${query}`, { body, headers });
const why = 'because';

interface Shown {
  readonly versions: readonly { readonly version: string; readonly state: string }[];
}
const states = async (): Promise<string[]> =>
  ((await world.ask('GET', '/v1/servers/a')).body as Shown).versions.map(({ version, state }) => `${version} ${state}`);

describe('a step', () => {
  test('to active takes over from the version that was, in one write', async () => {
    const sunset = '2027-01-31T00:00:00Z';
    const answer = await move('2', { to: 'active', why, sunset });
    expect(answer.status).toBe(200);
    expect(answer.body.versions).toMatchObject([{ state: 'deprecated', sunset }, { state: 'active' }]);
    expect(answer.body.versions[1]).not.toHaveProperty('sunset');
    expect(answer.headers.get('chancery-revision')).toBe('2');
    expect(world.published).toEqual([1, 2]);
  });

  test('to canary brings a share, within it another, and beyond it none', async () => {
    expect((await move('2', { to: 'canary', why, canary: { percent: 5 } })).body.versions[1].canary).toEqual({
      percent: 5,
    });
    expect((await move('2', { to: 'canary', why, canary: { percent: 0.5 } })).body.versions[1].canary).toEqual({
      percent: 0.5,
    });
    expect((await move('2', { to: 'canary', why })).headers.get('chancery-revision')).toBe('3');
    expect((await move('2', { to: 'active', why })).body.versions[1]).not.toHaveProperty('canary');
  });

  test('back to active takes the sunset away, and on to decommissioned keeps it', async () => {
    const sunset = '2027-01-31T00:00:00Z';
    await move('1', { to: 'deprecated', why, sunset });
    expect((await move('1', { to: 'active', why })).body.versions[0]).not.toHaveProperty('sunset');
    await move('1', { to: 'deprecated', why, sunset });
    expect((await move('1', { to: 'decommissioned', why })).body.versions[0]).toMatchObject({ sunset });
  });

  test('that is dry takes none', async () => {
    const answer = await move('2', { to: 'active', why }, '?dryRun=true');
    expect(answer.body.changes[0].diff).toContain('-    state: staging\n+    state: active\n');
    expect(await states()).toEqual(['1 active', '2 staging']);
  });

  const refused: [string, string, object, number, string][] = [
    ['that does not follow', '1', { to: 'staging', why }, 422, '"staging\\" does not follow'],
    ['without a reason', '2', { to: 'active' }, 400, 'why'],
    ['with an empty reason', '2', { to: 'active', why: '' }, 400, 'say why'],
    ['to a state that is none', '2', { to: 'gone', why }, 400, 'to'],
    ['to canary without a share', '2', { to: 'canary', why }, 422, 'canary'],
    ['to canary with a share of nothing', '2', { to: 'canary', why, canary: {} }, 422, 'give percent, principals'],
    ['to canary with a share of more', '2', { to: 'canary', why, canary: { percent: 101 } }, 422, 'percent'],
    ['with a share of something else', '2', { to: 'active', why, canary: { percent: 1 } }, 422, 'canary'],
    ['with a sunset of something else', '2', { to: 'in-review', why, sunset: '2027-01-31T00:00:00Z' }, 422, 'sunset'],
    ['with a sunset that is no time', '1', { to: 'deprecated', why, sunset: 'soon' }, 400, 'sunset'],
    ['of a version that is not there', '3', { to: 'active', why }, 404, 'no version'],
  ];
  test.each(refused)('%s is refused', async (_, version, body, status, words) => {
    const answer = await move(version, body);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(words)]);
    expect(await states()).toEqual(['1 active', '2 staging']);
  });

  test('of a server that is not there is refused', async () => {
    const path = '/v1/servers/nobody/versions/1/transition';
    expect((await world.ask('POST', path, { body: { to: 'active', why } })).status).toBe(404);
  });

  test('needs the entity tag that is asked for', async () => {
    expect((await move('2', { to: 'active', why }, '', { 'if-match': '"0000"' })).status).toBe(412);
    const etag = (await world.ask('GET', '/v1/servers/a')).headers.get('etag') ?? '';
    expect((await move('2', { to: 'active', why }, '', { 'if-match': etag })).status).toBe(200);
  });

  test('while others write the server loses no change of theirs', async () => {
    const { body } = await world.ask('GET', '/v1/servers/a');
    const [moved, put] = await Promise.all([
      move('2', { to: 'canary', why, canary: { percent: 5 } }),
      world.ask('PUT', '/v1/servers/a', {
        body: { ...body, title: 'new' },
        headers: { 'chancery-reason': 'a new title' },
      }),
    ]);
    expect(moved.status).toBe(200);
    const found = (await world.ask('GET', '/v1/servers/a')).body;
    // The PUT had no precondition, so it may have come last, and then it went back from canary to staging.
    expect([found.title, put.status]).toEqual(['new', 200]);
  });

  test.each([
    ['viewer', 403],
    ['security', 403],
    ['operator', 200],
  ] as const)('by a %s is answered %d', async (role, status) => {
    const body = { to: 'active', why };
    const as = await world.keyOf(role);
    expect((await world.ask('POST', '/v1/servers/a/versions/2/transition', { body, as })).status).toBe(status);
  });
});

describe('the steps of a version', () => {
  interface Step {
    readonly from: string | null;
    readonly to: string | null;
    readonly why: string;
    readonly who: string;
  }
  const steps = async (query = '') =>
    (await world.ask('GET', `/v1/servers/a/versions/1/transitions${query}`)).body as { items: Step[]; next?: string };

  test('are told newest first, with who and why', async () => {
    await move('2', { to: 'active', why: 'it is better' });
    await move('1', { to: 'decommissioned', why: 'nobody needs it' });
    const { items } = await steps();
    expect(items.map(({ from, to, why, who }) => [from, to, why, who])).toEqual([
      ['deprecated', 'decommissioned', 'nobody needs it', 'operator-token'],
      ['active', 'deprecated', 'it is better', 'operator-token'],
      [null, 'active', '', 'operator-token'],
    ]);
  });

  test('come in pages', async () => {
    await move('2', { to: 'active', why });
    await move('1', { to: 'decommissioned', why });
    const first = await steps('?limit=2');
    expect(first.items.length).toBe(2);
    const second = await steps(`?limit=2&cursor=${first.next}`);
    expect([second.items.map(({ to }) => to), second.next]).toEqual([['active'], undefined]);
  });

  test('are told after the version is gone, and not of one that never was', async () => {
    await world.ask('DELETE', '/v1/servers/a');
    expect((await steps()).items.length).toBeGreaterThan(0);
    expect((await world.ask('GET', '/v1/servers/a/versions/9/transitions')).status).toBe(404);
  });
});
