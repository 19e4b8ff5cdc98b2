import { expect, test } from 'vitest';
import type { ListProfile } from '../../core/catalog/exposure.ts';
import type { JsonObject } from '../../core/json.ts';
import { asksClient, passedCapabilities, profileOf, withoutTasks } from './capabilities.ts';

const ALL: JsonObject = { roots: { listChanged: true }, sampling: { tools: {} }, elicitation: { form: {}, url: {} } };

test.each<[string, JsonObject, JsonObject]>([
  ['nothing of nothing', {}, {}],
  ['what the gateway maps, as the client wrote it', ALL, ALL],
  ['nothing that it does not know', { ...ALL, experimental: { x: {} }, 'x-new': {} }, ALL],
  ['one of them alone', { sampling: {} }, { sampling: {} }],
  [
    'its tasks, but for the list of all',
    { tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} } } } },
    { tasks: { cancel: {}, requests: { sampling: { createMessage: {} } } } },
  ],
  ['no tasks that are none', { tasks: 7 }, {}],
])('a server among others is told %s', (_, declared, wanted) => {
  expect(passedCapabilities({ clientCapabilities: declared }, false)).toEqual(wanted);
});

test('a server that is alone is told everything', () => {
  const clientCapabilities = { ...ALL, experimental: { x: {} } };
  expect(passedCapabilities({ clientCapabilities }, true)).toBe(clientCapabilities);
});

test.each<[string, JsonObject, boolean, ListProfile]>([
  ['nothing', {}, false, 'bare'],
  ['one of them', { roots: {} }, true, 'roots'],
  ['two of them', { sampling: {}, roots: {} }, true, 'roots,sampling'],
  ['all of them', ALL, true, 'full'],
  ['others only', { experimental: {} }, false, 'bare'],
])('a client that declares %s', (_, declared, asks, profile) => {
  expect(asksClient(declared)).toBe(asks);
  expect(profileOf(declared)).toBe(profile);
});

test.each<[string, JsonObject, JsonObject]>([
  ['nothing', {}, {}],
  ['what is no task', { ...ALL, extensions: { 'io.x/y': {} } }, { ...ALL, extensions: { 'io.x/y': {} } }],
  [
    'the tasks of both eras',
    { ...ALL, tasks: { cancel: {} }, extensions: { 'io.modelcontextprotocol/tasks': {}, 'io.x/y': {} } },
    { ...ALL, extensions: { 'io.x/y': {} } },
  ],
])('between the eras a server is not told of tasks: %s', (_, declared, wanted) => {
  expect(withoutTasks(declared)).toEqual(wanted);
});
