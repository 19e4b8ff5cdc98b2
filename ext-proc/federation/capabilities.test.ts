import { expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { discoveredOf, versionOf } from '../../test/support/ext-proc-world.ts';
import { capabilitiesOf } from './capabilities.ts';

const having = (name: string, capabilities: JsonObject) =>
  versionOf(name, [], { discovered: discoveredOf(name, [], { capabilities }) });
const unread = versionOf('c', [], { discovered: null });

test.each([
  ['nothing where there is no server', [], {}],
  [
    'what one server says, and that its lists change',
    [having('a', { tools: {}, logging: { x: 1 }, experimental: { e: {} } })],
    { tools: { listChanged: true }, logging: { x: 1 }, experimental: { e: {} } },
  ],
  [
    'the union of several',
    [having('a', { tools: {}, logging: {} }), having('b', { prompts: { listChanged: false }, completions: {} })],
    { tools: { listChanged: true }, prompts: { listChanged: true }, logging: {}, completions: {} },
  ],
  [
    'subscriptions where one has them',
    [having('a', { resources: {} }), having('b', { resources: { subscribe: true } })],
    { resources: { subscribe: true, listChanged: true } },
  ],
  [
    'no subscriptions where none has',
    [having('a', { resources: { subscribe: false } }), having('b', {})],
    { resources: { listChanged: true } },
  ],
  [
    'nothing that is between one server and its clients',
    [having('a', { experimental: {}, extensions: { 'io.x/y': {} }, tasks: {} }), having('b', {})],
    {},
  ],
  [
    'every list of one that is not read yet, and nothing more',
    [unread],
    { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { listChanged: true } },
  ],
] as const)('a surface says %s', (_, versions, capabilities) => {
  expect(capabilitiesOf(versions)).toEqual(capabilities);
});
