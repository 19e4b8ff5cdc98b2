import { describe, expect, test } from 'vitest';
import { ERRORS } from '../errors.ts';
import { LISTS, methodRow } from './methods.ts';

describe('a method', () => {
  test.each([
    ['initialize', 'request', 'initialize'],
    ['ping', 'request', 'ping'],
    ['tools/list', 'request', 'list'],
    ['tools/call', 'request', 'relay'],
    ['prompts/list', 'request', 'list'],
    ['prompts/get', 'request', 'relay'],
    ['resources/list', 'request', 'list'],
    ['resources/templates/list', 'request', 'list'],
    ['resources/read', 'request', 'relay'],
    ['resources/subscribe', 'request', 'subscribe'],
    ['resources/unsubscribe', 'request', 'subscribe'],
    ['completion/complete', 'request', 'relay'],
    ['logging/setLevel', 'request', 'level'],
    ['tasks/get', 'request', 'task'],
    ['tasks/result', 'request', 'task'],
    ['tasks/cancel', 'request', 'task'],
    ['tasks/list', 'request', 'tasks'],
    ['notifications/tasks/status', 'notification', 'taskStatus'],
    ['notifications/initialized', 'notification', 'accept'],
    ['notifications/progress', 'notification', 'progress'],
    ['notifications/roots/list_changed', 'notification', 'roots'],
    ['notifications/cancelled', 'notification', 'fanout'],
  ] as const)('%s, a %s, is known: %s', (method, kind, act) => {
    const row = methodRow(method, kind);
    expect(row?.act).toBe(act);
    expect(
      methodRow(method, kind === 'request' ? 'notification' : 'request'),
      'in the other kind it is unknown',
    ).toBeNull();
    // Whatever goes to a backend has a target to decide on; whatever lists says what.
    expect(row?.target !== undefined).toBe(act === 'relay' || act === 'subscribe');
    expect(row?.list !== undefined).toBe(act === 'list');
    if (typeof row?.target === 'object') expect(ERRORS).toHaveProperty(row.target.unknown);
    if (row?.list !== undefined) expect(LISTS).toHaveProperty(row.list);
  });

  test.each([
    '',
    'Ping',
    'tools/call ',
    'tools/Call',
    'tools',
    'resources/subscribed',
    'completion/Complete',
    'logging/setlevel',
    'sampling/createMessage',
    'tasks/update',
    'notifications/tasks',
    'server/discover',
    'constructor',
    '__proto__',
  ])('%j is unknown, and so refused', (method) => {
    expect(methodRow(method, 'request')).toBeNull();
    expect(methodRow(method, 'notification')).toBeNull();
  });
});

test.each([
  ['server/discover', 'request', false, true],
  ['subscriptions/listen', 'request', false, true],
  ['tools/call', 'request', true, true],
  ['completion/complete', 'request', true, true],
  ['initialize', 'request', true, false],
  ['ping', 'request', true, false],
  ['logging/setLevel', 'request', true, false],
  ['resources/subscribe', 'request', true, false],
  ['notifications/roots/list_changed', 'notification', true, false],
  ['notifications/cancelled', 'notification', true, true],
  ['tasks/get', 'request', true, true],
  ['tasks/cancel', 'request', true, true],
  ['tasks/result', 'request', true, false],
  ['tasks/list', 'request', true, false],
  ['tasks/update', 'request', false, true],
  ['notifications/tasks/status', 'notification', true, false],
] as const)('%s, a %s: in sessions %s, in the modern era %s', (method, kind, legacy, modern) => {
  expect([methodRow(method, kind, 'legacy') !== null, methodRow(method, kind, 'modern') !== null]).toEqual([
    legacy,
    modern,
  ]);
});
