import { expect, test } from 'vitest';
import type { Principal, Who } from './types.ts';
import { claimAt, compileWho } from './who.ts';

const ALICE: Principal = {
  issuer: 'https://a.example',
  subject: 'alice',
  groups: ['dev'],
  scopes: ['read'],
  tasks: [],
  agent: 'cli-7',
  claims: {
    tenant: 'acme',
    level: 3,
    admin: false,
    roles: ['editor', 7],
    org: { tier: 'gold', 'a.b': 'x' },
    'https://example.com/team': 'red',
    nothing: null,
  },
  kind: 'jwt',
  expiresAtMs: 0,
};

/** In a rule that allows, and in one that denies. */
type Row = readonly [string, Who, string | null, boolean, boolean];
const ROWS: readonly Row[] = [
  ['a claim', { claims: { tenant: 'acme' } }, null, true, true],
  ['another value', { claims: { tenant: 'beta' } }, null, false, false],
  ['one of several values', { claims: { tenant: ['beta', 'acme'] } }, null, true, true],
  ['a claim that is missing', { claims: { city: 'x' } }, null, false, false],
  ['a number', { claims: { level: 3 } }, null, true, true],
  ['a number as a text', { claims: { level: '3' } }, null, false, false],
  ['a boolean', { claims: { admin: false } }, null, true, true],
  ['a boolean as a text', { claims: { admin: 'false' } }, null, false, false],
  ['null is no value', { claims: { nothing: 'null' } }, null, false, false],
  ['an item of a list', { claims: { roles: 'editor' } }, null, true, true],
  ['a number in a list', { claims: { roles: [8, 7] } }, null, true, true],
  ['no item of a list', { claims: { roles: 'edit' } }, null, false, false],
  ['a path', { claims: { 'org.tier': 'gold' } }, null, true, true],
  ['a path through a text', { claims: { 'tenant.length': 4 } }, null, false, false],
  ['a path through a list', { claims: { 'roles.0': 'editor' } }, null, false, false],
  ['a claim whose name has dots', { claims: { 'https://example.com/team': 'red' } }, null, true, true],
  ['a name of the prototype', { claims: { 'constructor.name': 'Object' } }, null, false, false],
  ['two claims, both right', { claims: { tenant: 'acme', 'org.tier': ['gold'] } }, null, true, true],
  ['two claims, one wrong', { claims: { tenant: 'acme', 'org.tier': 'silver' } }, null, false, false],
  ['an agent by a glob', { agents: ['web', 'cli-*'] }, null, true, true],
  ['another agent', { agents: ['web'] }, null, false, false],
  ['a network', { networks: ['192.0.2.0/24'] }, '192.0.2.7', true, true],
  ['another network', { networks: ['10.0.0.0/8'] }, '192.0.2.7', false, false],
  ['one of several networks', { networks: ['10.0.0.0/8', '192.0.2.7'] }, '192.0.2.7', true, true],
  ['IPv4 written as IPv6', { networks: ['192.0.2.0/24'] }, '::ffff:192.0.2.7', true, true],
  ['IPv6', { networks: ['2001:db8::/32'] }, '2001:db8::1', true, true],
  ['all of IPv6 is not IPv4', { networks: ['::/0'] }, '192.0.2.7', false, false],
  ['what is no address', { networks: ['0.0.0.0/0'] }, 'localhost', false, false],
  ['an address that is not known: a deny holds, an allow does not', { networks: ['10.0.0.0/8'] }, null, false, true],
  ['the same inside not', { not: { networks: ['10.0.0.0/8'] } }, null, false, true],
  ['inside not, beside a group that he has', { not: { networks: ['10.0.0.0/8'], groups: ['dev'] } }, null, false, true],
  [
    'inside not, beside a group that he has not',
    { not: { networks: ['10.0.0.0/8'], groups: ['x'] } },
    null,
    true,
    true,
  ],
  ['beside a group that he has not', { networks: ['10.0.0.0/8'], groups: ['x'] }, null, false, false],
  ['a network that is none never widens access', { networks: ['10.0.0.0/33'] }, '10.0.0.1', false, true],
  ['not the network', { not: { networks: ['192.0.2.0/24'] } }, '192.0.2.7', false, false],
  ['not another network', { not: { networks: ['10.0.0.0/8'] } }, '192.0.2.7', true, true],
];

test.each(ROWS)('%s', (_, who, address, inAllow, inDeny) => {
  const ask = (unsure: boolean): boolean => compileWho(who, unsure)?.(ALICE, address) ?? true;
  expect({ inAllow: ask(false), inDeny: ask(true) }).toEqual({ inAllow, inDeny });
});

test('an agent that is not said is nobody of a list', () => {
  const silent = { ...ALICE, agent: null };
  expect(compileWho({ agents: ['*'] }, false)?.(silent, null)).toBe(false);
  expect(compileWho({ not: { agents: ['*'] } }, false)?.(silent, null)).toBe(true);
});

test('nothing that is asked is everybody', () => {
  expect([compileWho(undefined, false), compileWho({}, true)]).toEqual([null, null]);
});

test('a whole name goes before a path', () => {
  expect(claimAt({ 'a.b': 1, a: { b: 2 } }, 'a.b')).toBe(1);
  expect(claimAt({ a: { b: 2 } }, 'a.b')).toBe(2);
  expect(claimAt({}, 'toString')).toBeUndefined();
});
