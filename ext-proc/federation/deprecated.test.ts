import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Deprecation } from '../../core/catalog/catalog.ts';
import type { Policy } from '../../core/policy/types.ts';
import {
  ALLOW_ALL,
  callerOf,
  catalogOf,
  messageOf,
  request,
  serverOf,
  sessionCallOf,
  type stateOf,
  surfaceOf,
  versionedServer,
  versionOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import type { Outcome } from '../outcome.ts';
import { answerPost } from '../route.ts';
import { initialize } from './initialize.ts';
import { answerList, answerToolsView } from './lists.ts';

const SINCE_MS = Date.UTC(2027, 0, 2, 3, 4, 5);
const SUNSET_MS = Date.UTC(2099, 0, 31);
const deprecated = (name: string, deprecation: Deprecation = { sinceMs: SINCE_MS, sunsetMs: SUNSET_MS }) =>
  versionOf(name, ['read_graph'], { state: 'deprecated', deprecation });
const NOTE = {
  server: 'memory',
  version: '1',
  since: '2027-01-02T03:04:05.000Z',
  sunset: '2099-01-31T00:00:00.000Z',
  activeVersion: '2',
};

let world: World;
beforeEach(() => {
  world = worldOf();
  const versions = [deprecated('memory'), versionOf('memory', ['read_graph'], { version: '2' })];
  world.catalog = catalogOf({ servers: [versionedServer('memory', versions), serverOf('files', ['read'])] });
});
afterEach(() => world.close());

function read(outcome: Outcome) {
  if (outcome.kind !== 'immediate') throw new Error(outcome.kind);
  const body = JSON.parse(String(outcome.answer.body));
  const { deprecation, sunset } = Object.fromEntries(outcome.answer.headers);
  return { meta: (body.result ?? body)._meta, deprecation, sunset };
}
const list = (over: Partial<ReturnType<typeof stateOf>> = {}) =>
  read(answerList(sessionCallOf(world, messageOf(request('tools/list')), over), 'tools'));
const TOLD = {
  meta: { 'chancery/deprecated': [NOTE] },
  deprecation: `@${SINCE_MS / 1000}`,
  sunset: 'Sat, 31 Jan 2099 00:00:00 GMT',
};
const NOTHING = { meta: undefined, deprecation: undefined, sunset: undefined };

describe('who has a deprecated version is told', () => {
  test('in a list, and in its headers', () => {
    expect(list()).toEqual(TOLD);
  });
  test('by a ping', async () => {
    const body = Buffer.from(JSON.stringify(request('ping')));
    expect(read(await answerPost(callerOf(world, { sessionToken: world.token() }), body, null))).toEqual(TOLD);
  });
  test('by initialize, where a new session still gets it', async () => {
    world.catalog = catalogOf({ servers: [versionedServer('memory', [deprecated('memory')]), serverOf('files', [])] });
    const outcome = await initialize(
      callerOf(world),
      messageOf(request('initialize', { protocolVersion: '2025-11-25', capabilities: {} })),
    );
    const { activeVersion: _none, ...note } = NOTE;
    expect(read(outcome)).toEqual({ ...TOLD, meta: { 'chancery/deprecated': [note] } });
  });
  test('in the view of the tools', () => {
    world.catalog = catalogOf({ servers: [versionedServer('memory', [deprecated('memory')]), serverOf('files', [])] });
    expect(read(answerToolsView(callerOf(world)))).toMatchObject({ deprecation: TOLD.deprecation });
  });
  test('without an end, where there is none', () => {
    const versions = [deprecated('memory', { sinceMs: SINCE_MS })];
    world.catalog = catalogOf({ servers: [versionedServer('memory', versions), serverOf('files', [])] });
    expect(list()).toEqual({
      meta: { 'chancery/deprecated': [{ server: 'memory', version: '1', since: NOTE.since }] },
      deprecation: TOLD.deprecation,
      sunset: undefined,
    });
  });
  test('of all of them, and in the headers of what comes first', () => {
    const files = versionedServer('files', [
      deprecated('files', { sinceMs: SINCE_MS + 5_000, sunsetMs: SUNSET_MS - 1000 }),
    ]);
    world.catalog = catalogOf({ servers: [versionedServer('memory', [deprecated('memory')]), files] });
    const { meta, deprecation, sunset } = list();
    expect(meta['chancery/deprecated'].map(({ server }: { server: string }) => server)).toEqual(['memory', 'files']);
    expect({ deprecation, sunset }).toEqual({
      deprecation: TOLD.deprecation,
      sunset: 'Fri, 30 Jan 2099 23:59:59 GMT',
    });
  });
});

describe('nothing is said', () => {
  test('to who has another version', () => {
    expect(list({ backends: [{ server: 'memory', version: '2', sessionId: 's' }] })).toEqual(NOTHING);
  });
  test('to who may see nothing of it', () => {
    const policy: Policy = { ...ALLOW_ALL, rules: [{ id: 'a', effect: 'allow', tools: ['files/*'] }] };
    world.catalog = { ...world.catalog!, policies: new Map([['base', policy]]) };
    expect(list()).toEqual(NOTHING);
  });
  test('of a server of another surface', () => {
    world.catalog = { ...world.catalog!, surfaces: new Map([['default', surfaceOf('default', ['files'])]]) };
    expect(list()).toEqual(NOTHING);
  });
});
