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
    ['notifications/initialized', 'notification', 'accept'],
    ['notifications/progress', 'notification', 'accept'],
    ['notifications/roots/list_changed', 'notification', 'accept'],
    ['notifications/cancelled', 'notification', 'fanout'],
  ] as const)('%s, a %s, is known: %s', (method, kind, act) => {
    const row = methodRow(method, kind);
    expect(row?.act).toBe(act);
    expect(
      methodRow(method, kind === 'request' ? 'notification' : 'request'),
      'in the other kind it is unknown',
    ).toBeNull();
    // Whatever goes to a backend has a target to decide on; whatever lists says what.
    expect(row?.target !== undefined).toBe(act === 'relay');
    expect(row?.list !== undefined).toBe(act === 'list');
    if (row?.target !== undefined) expect(ERRORS).toHaveProperty(row.target.unknown);
    if (row?.list !== undefined) expect(LISTS).toHaveProperty(row.list);
  });

  test.each([
    '',
    'Ping',
    'tools/call ',
    'tools/Call',
    'tools',
    'resources/subscribe',
    'completion/complete',
    'logging/setLevel',
    'sampling/createMessage',
    'server/discover',
    'constructor',
    '__proto__',
  ])('%j is unknown, and so refused', (method) => {
    expect(methodRow(method, 'request')).toBeNull();
    expect(methodRow(method, 'notification')).toBeNull();
  });
});
