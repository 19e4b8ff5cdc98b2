import { expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { asksClient, passedCapabilities, profileOf } from './capabilities.ts';

const ALL: JsonObject = { roots: { listChanged: true }, sampling: { tools: {} }, elicitation: { form: {}, url: {} } };

test.each<[string, JsonObject, JsonObject]>([
  ['nothing of nothing', {}, {}],
  ['what the gateway maps, as the client wrote it', ALL, ALL],
  ['nothing that it does not know', { ...ALL, experimental: { x: {} }, 'x-new': {} }, ALL],
  ['one of them alone', { sampling: {} }, { sampling: {} }],
])('a server among others is told %s', (_, declared, wanted) => {
  expect(passedCapabilities({ clientCapabilities: declared }, false)).toEqual(wanted);
});

test('a server that is alone is told everything', () => {
  const clientCapabilities = { ...ALL, experimental: { x: {} } };
  expect(passedCapabilities({ clientCapabilities }, true)).toBe(clientCapabilities);
});

test.each<[string, JsonObject, boolean, 'bare' | 'full']>([
  ['nothing', {}, false, 'bare'],
  ['one of them', { roots: {} }, true, 'bare'],
  ['two of them', { roots: {}, sampling: {} }, true, 'bare'],
  ['all of them', ALL, true, 'full'],
  ['others only', { experimental: {} }, false, 'bare'],
])('a client that declares %s', (_, declared, asks, profile) => {
  expect(asksClient(declared)).toBe(asks);
  expect(profileOf(declared)).toBe(profile);
});
