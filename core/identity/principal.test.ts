import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { claimAt, principalOfToken } from './principal.ts';

const ISSUER = { issuer: 'https://a.example' };
const of = (claims: JsonObject, over: object = {}) => principalOfToken({ ...ISSUER, ...over }, claims, 'alice', 1);

describe('tasks', () => {
  const cases: readonly [string, JsonObject, object, readonly string[]][] = [
    ['come as a list', { authorized_tasks: ['a', 'b'] }, {}, ['a', 'b']],
    ['come as a text with spaces', { authorized_tasks: 'a  b' }, {}, ['a', 'b']],
    ['are those of the claim that the issuer names', { authorized_tasks: 'a', t: 'b' }, { taskClaim: 't' }, ['b']],
    ['are found by a path', { org: { tasks: ['a'] } }, { taskClaim: 'org.tasks' }, ['a']],
    ['are found by a name with dots', { 'https://x.example/t': 'a' }, { taskClaim: 'https://x.example/t' }, ['a']],
    ['that are no strings are left out', { authorized_tasks: ['a', 1, null] }, {}, ['a']],
    ['are none where the claim is missing', {}, {}, []],
    ['are none where the claim is a number', { authorized_tasks: 1 }, {}, []],
    ['are not those of a prototype', {}, { taskClaim: 'constructor.name' }, []],
  ];
  test.each(cases)('%s', (_, claims, over, tasks) => {
    expect(of(claims, over).tasks).toEqual(tasks);
  });
});

describe('the agent', () => {
  const cases: readonly [string, JsonObject, string | null][] = [
    ['is the actor', { act: { sub: 'bot', act: { sub: 'inner' } }, azp: 'client' }, 'bot'],
    ['is the authorized party', { azp: 'client', client_id: 'other' }, 'client'],
    ['is the client', { client_id: 'client' }, 'client'],
    ['is nobody', {}, null],
    ['is no empty name', { azp: '', client_id: 'client' }, 'client'],
    ['is no object', { act: { sub: {} }, azp: 1 }, null],
  ];
  test.each(cases)('%s', (_, claims, agent) => {
    expect(of(claims).agent).toBe(agent);
  });
});

test('groups are a list, by the name that the issuer gives them; scopes come as `scope` or `scp`', () => {
  expect(of({ groups: ['a', 1] }).groups).toEqual(['a']);
  expect(of({ groups: 'a b' }).groups).toEqual([]);
  expect(of({ realm_access: { roles: ['a'] } }, { groupsClaim: 'realm_access.roles' }).groups).toEqual(['a']);
  expect(of({ scope: 'a b' }).scopes).toEqual(['a', 'b']);
  expect(of({ scp: ['a', 'b'] }).scopes).toEqual(['a', 'b']);
});

test('a path does not lead through texts and lists', () => {
  expect(claimAt({ a: 'text' }, 'a.length')).toBeUndefined();
  expect(claimAt({ a: ['x'] }, 'a.0')).toBeUndefined();
});
