import { expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { discoveredOf, versionOf } from '../../test/support/ext-proc-world.ts';
import { capabilitiesOf } from './capabilities.ts';
import { tasksOf } from './tasks-declared.ts';

const EXTENSION = { 'io.modelcontextprotocol/tasks': {} };
const CALLS = { requests: { tools: { call: {} } } };
const having = (capabilities: JsonObject, protocolVersions: string[] = ['2025-11-25']) =>
  versionOf('a', [], {
    discovered: discoveredOf('a', [], { capabilities, protocolVersion: protocolVersions[0]!, protocolVersions }),
  });
const BOTH = ['2025-11-25', '2026-07-28'];
const MODERN = ['2026-07-28'];
const unread = versionOf('c', [], { discovered: null });

test.each([
  ['nothing of none', [having({}), unread], '2025-11-25', {}],
  [
    'what one has',
    [having({ tasks: { list: {}, ...CALLS } }), having({})],
    '2025-11-25',
    { tasks: { list: {}, ...CALLS } },
  ],
  [
    'the union of several',
    [having({ tasks: { cancel: {}, ...CALLS } }), having({ tasks: { list: {}, requests: { x: { y: {} } } } })],
    '2025-11-25',
    { tasks: { cancel: {}, list: {}, requests: { tools: { call: {} }, x: { y: {} } } } },
  ],
  ['nothing to a client of a version without', [having({ tasks: { list: {} } })], '2025-06-18', {}],
  [
    'nothing of a server of the modern era',
    [having({ tasks: { list: {} }, extensions: EXTENSION }, MODERN)],
    '2025-11-25',
    {},
  ],
  [
    'the extension of one',
    [having({ extensions: EXTENSION }, MODERN), having({})],
    '2026-07-28',
    { extensions: EXTENSION },
  ],
  [
    'the extension of one of both eras',
    [having({ extensions: EXTENSION }, BOTH)],
    '2026-07-28',
    { extensions: EXTENSION },
  ],
  ['nothing of a legacy server to a modern client', [having({ tasks: {}, extensions: EXTENSION })], '2026-07-28', {}],
] as const)('a surface says of tasks: %s', (_, versions, protocolVersion, wanted) => {
  expect(tasksOf(versions, protocolVersion)).toEqual(wanted);
});

test.each([
  ['2025-11-25', { 'io.x/y': {} }],
  ['2026-07-28', { 'io.x/y': {}, ...EXTENSION }],
])('one server that speaks for itself says the same (%s)', (protocolVersion, extensions) => {
  const version = having({ tasks: { list: {} }, extensions: { ...EXTENSION, 'io.x/y': {} } }, BOTH);
  const capabilities = capabilitiesOf([version], protocolVersion);
  expect(capabilities.extensions).toEqual(extensions);
  expect(Object.hasOwn(capabilities, 'tasks')).toBe(protocolVersion === '2025-11-25');
});
