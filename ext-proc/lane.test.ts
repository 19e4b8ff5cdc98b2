import { expect, test } from 'vitest';
import {
  catalogOf,
  discoveredOf,
  serverOf,
  stateOf,
  surfaceOf,
  versionedServer,
  versionOf,
} from '../test/support/ext-proc-world.ts';
import { laneOf } from './lane.ts';
import { viewOf } from './view.ts';

const lane = (members: readonly string[], clientCapabilities: object, numbers = false): string => {
  const discovered = { ...discoveredOf('memory', ['a']), ...(numbers && { eventIds: true }) };
  const servers = [versionedServer('memory', [versionOf('memory', ['a'], { discovered })]), serverOf('files', ['b'])];
  const catalog = catalogOf({ servers, surfaces: [surfaceOf('default', members)] });
  const session = stateOf({ clientCapabilities: clientCapabilities as never });
  const exposure = viewOf(catalog, catalog.surfaces.get('default')!, session);
  return laneOf(exposure, session, exposure.backends[0]!.version);
};

test.each<[string, readonly string[], object, boolean, 'native' | 'composed']>([
  ['a client that declares nothing', ['memory', 'files'], {}, false, 'native'],
  ['a client that declares what no server asks with', ['memory', 'files'], { experimental: {} }, false, 'native'],
  ['a member of objects', ['memory', 'files'], JSON.parse('{"__proto__":{"roots":{}}}') as object, false, 'native'],
  ['a client with roots', ['memory', 'files'], { roots: {} }, false, 'composed'],
  ['a client that samples', ['memory', 'files'], { sampling: {} }, false, 'composed'],
  ['a client that elicits', ['memory', 'files'], { elicitation: {} }, false, 'composed'],
  ['a server that numbers its events', ['memory', 'files'], {}, true, 'composed'],
  ['the same where it is alone', ['memory'], {}, true, 'native'],
  ['a client that can do everything, with one server', ['memory'], { roots: {}, sampling: {} }, false, 'native'],
])('%s', (_, members, capabilities, numbers, wanted) => {
  expect(lane(members, capabilities, numbers)).toBe(wanted);
});
