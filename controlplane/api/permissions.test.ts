import { describe, expect, test } from 'vitest';
import type { Document } from '../../core/catalog/document.ts';
import type { Role } from '../registry/types.ts';
import { PERMISSIONS, type Permission, permitFor } from './permissions.ts';

const version = (url: string) => ({ version: '1', state: 'active', endpoints: [{ url }] });
const server = (rest: object = {}): Document =>
  ({ kind: 'Server', name: 'x', labels: {}, versions: [version('http://127.0.0.1:1/mcp')], ...rest }) as Document;
const document = (kind: string, rest: object = {}): Document => ({ kind, name: 'x', labels: {}, ...rest }) as Document;
const moved = { versions: [version('http://127.0.0.1:2/mcp')] };
const at = (url: string) => ({ versions: [version(url)] });
const running = (state: string, rest: object = {}): Document =>
  server({ versions: [{ version: '1', state, stdio: { command: 'node', args: [], env: {}, ...rest } }] });
const labelled = { labels: { tier: 'one' } };

const ADMIN_ALONE = { operator: false, security: false };
/** Who may, of operator, security and both together; admin always may and viewer never. */
const hosts = { hosts: ['api.example.com'] };
const CASES: [string, Document | null, Document | null, { operator: boolean; security: boolean }][] = [
  ['a new server', null, server(), { operator: true, security: false }],
  ['a new server with labels', null, server(labelled), { operator: false, security: false }],
  [
    'a new server with a classification',
    null,
    server({ classification: 'public' }),
    { operator: false, security: false },
  ],
  ['a new server with no annotations', null, server({ annotations: {} }), { operator: true, security: false }],
  ['another endpoint', server(labelled), server({ ...labelled, ...moved }), { operator: true, security: false }],
  ['another owner', server(), server({ owner: { team: 't' } }), { operator: true, security: false }],
  ['other labels', server(labelled), server({ labels: { tier: 'two' } }), { operator: false, security: true }],
  ['no labels any more', server(labelled), server(), { operator: false, security: true }],
  ['a classification', server(), server({ classification: 'restricted' }), { operator: false, security: true }],
  [
    'annotations',
    server(),
    server({ annotations: { '*': { readOnlyHint: true } } }),
    { operator: false, security: true },
  ],
  ['no labels for no member', server({ labels: undefined }), server(moved), { operator: true, security: false }],
  ['labels and an endpoint', server(), server({ ...labelled, ...moved }), { operator: false, security: false }],
  ['a server that goes', server(), null, { operator: true, security: false }],
  ['a server that goes with its labels', server(labelled), null, { operator: false, security: false }],
  ['a program that is asked for', null, running('requested'), { operator: true, security: false }],
  ['a program that is let run', running('in-review'), running('staging'), ADMIN_ALONE],
  ['a new program that runs', null, running('active'), ADMIN_ALONE],
  ['a program that goes on', running('staging'), running('active'), { operator: true, security: false }],
  ['a program that goes', running('active'), null, { operator: true, security: false }],
  ['another argument of a program', running('active'), running('active', { args: ['-e'] }), ADMIN_ALONE],
  [
    'another environment of a program',
    running('active'),
    running('active', { env: { NODE_OPTIONS: '--require x' } }),
    ADMIN_ALONE,
  ],
  ['a program in place of an endpoint', server(), running('active'), ADMIN_ALONE],
  ['a socket of the machine', null, server(at('unix:/run/x.sock:/mcp')), ADMIN_ALONE],
  ['a socket of the run directory', null, server(at('unix:x.sock:/mcp')), { operator: true, security: false }],
  ['a new policy', null, document('Policy'), { operator: false, security: true }],
  ['another policy', document('Policy'), document('Policy', labelled), { operator: false, security: true }],
  ['a policy that goes', document('Policy'), null, { operator: false, security: true }],
  ['a secret', null, document('Secret'), { operator: true, security: false }],
  ['a secret that says its hosts', null, document('Secret', hosts), { operator: false, security: false }],
  ['a secret that no longer does', document('Secret', hosts), document('Secret'), { operator: false, security: false }],
  ['a secret that goes', document('Secret', hosts), null, { operator: true, security: false }],
  ['a surface', document('Surface'), document('Surface', labelled), { operator: true, security: false }],
  ['a node group', document('NodeGroup'), null, { operator: true, security: false }],
  ['a runtime', null, document('Runtime'), ADMIN_ALONE],
];

describe('a change', () => {
  test.each(CASES)('%s', (_, before, after, allowed) => {
    const kind = (before ?? after)?.kind ?? 'Server';
    const ask = (...roles: Role[]) => permitFor({ who: 'x', roles })({ kind, name: 'x', before, after });
    expect(ask('operator') === null).toBe(allowed.operator);
    expect(ask('security') === null).toBe(allowed.security);
    expect(ask('operator', 'security') === null).toBe(allowed !== ADMIN_ALONE);
    expect(ask('admin')).toBeNull();
    expect(ask('viewer')).toMatch(/^to change .* needs the role /);
    expect(ask()).toMatch(/^to change .* needs the role /);
  });

  test('says which role it needs', () => {
    const ask = (after: Document) => permitFor({ who: 'x', roles: ['viewer'] })({ ...after, before: server(), after });
    expect(ask(server(moved))).toBe('to change Server "x" needs the role operator');
    expect(ask(server(labelled))).toBe(
      'to change labels, classification, annotations, toolLabels, pinning of Server "x" needs the role security',
    );
    const operator = permitFor({ who: 'x', roles: ['operator'] });
    expect(operator({ kind: 'Server', name: 'x', before: null, after: running('active') })).toBe(
      'to change programs or sockets of Server "x" needs the role admin',
    );
  });
});

test('the table: nothing is open to a role by accident', () => {
  const found = Object.entries(PERMISSIONS).map(([permission, { roles }]) => [permission, roles.join()]);
  const wanted: [Permission, string][] = [
    ['read', 'viewer'],
    ['Secret', 'operator'],
    ['Server', 'operator'],
    ['governed', 'security'],
    ['programs', 'admin'],
    ['Issuer', 'security'],
    ['Surface', 'operator'],
    ['Policy', 'security'],
    ['Revocation', 'security'],
    ['NodeGroup', 'operator'],
    ['Runtime', 'admin'],
    ['approvals', 'approver'],
    ['decisions', 'security'],
    ['toolChanges', 'security'],
    ['agentKeys', 'security'],
    ['adminKeys', 'admin'],
  ];
  expect(found).toEqual(wanted);
});
