import { expect, test } from 'vitest';
import type { OwnKind } from '../contract.ts';
import { parseResource } from './resources.ts';

const LISTED = { bare: [], full: [{ name: 't', inputSchema: { type: 'object' }, 'x-new': [1] }] };
const SERVER = {
  name: 'memory',
  version: '1',
  labels: {},
  cluster: 'mcp.memory.1',
  path: '/mcp',
  affinity: false,
  discovered: {
    hash: 'h',
    protocolVersion: '2025-11-25',
    serverInfo: { name: 'm' },
    capabilities: { tools: {}, new: {} },
    tools: LISTED,
    prompts: LISTED,
    resources: LISTED,
    resourceTemplates: LISTED,
  },
};
const SURFACE = {
  name: 'default',
  url: 'http://h/mcp',
  path: '/mcp',
  auth: 'token',
  decision: 'ext_proc',
  members: [{ server: 'memory', tools: ['*'], prompts: [], resources: [] }],
};
const RULE = { id: 'r', effect: 'allow', tools: ['*'], who: { subjects: ['a'], not: { groups: ['g'] } } };
const POLICY = { name: 'p', version: 'tbac/v1', surfaces: ['*'], rules: [RULE] };
const ISSUER = { name: 'i', issuer: 'https://i', algorithms: ['ES256'], jwks: { keys: [{ kty: 'EC' }] } };
const KEY = { kid: 'k', key: 'c2VjcmV0', active: true };
const STDIO = { server: 'memory', version: '1', socket: '/s', command: 'node', args: ['a'], env: { A: 'b' } };
const TOMBSTONE = { tokenId: 't', expiresAtMs: 5 };
const REVISION = { revision: 3, resources: { 'server/memory': 'h' } };

test.each<[OwnKind, string, unknown]>([
  ['server', 'memory', SERVER],
  ['server', 'memory', { ...SERVER, discovered: null }],
  ['surface', 'default', SURFACE],
  ['policy', 'p', POLICY],
  ['issuer', 'i', ISSUER],
  ['sessionKey', 'k', KEY],
  ['stdioServer', 'any name', STDIO],
  ['tombstone', 't', TOMBSTONE],
  ['revision', 'any name', REVISION],
])('a %s is read as it was written', (kind, name, value) => {
  expect(parseResource(kind, name, JSON.stringify(value))).toEqual({ value });
});

test.each<[string, OwnKind, string, string, string]>([
  ['no JSON', 'server', 'memory', '{"name":', 'is not valid JSON'],
  ['nothing', 'server', 'memory', '', 'is not valid JSON'],
  ['null', 'policy', 'p', 'null', ': invalid_type'],
  ['a missing member', 'tombstone', 't', '{"tokenId":"t"}', 'expiresAtMs: invalid_type'],
  ['another name inside', 'server', 'other', JSON.stringify(SERVER), 'has another name inside'],
  [
    'a tool that is no object',
    'server',
    'memory',
    JSON.stringify({ ...SERVER, discovered: { ...SERVER.discovered, tools: { bare: ['t'], full: [] } } }),
    'discovered.tools.bare.0: custom',
  ],
  [
    'a restriction that is not known',
    'policy',
    'p',
    JSON.stringify({ ...POLICY, rules: [{ ...RULE, who: { countries: ['a'] } }] }),
    'rules.0.who: unrecognized_keys',
  ],
  [
    'a member of a rule that is not known',
    'policy',
    'p',
    JSON.stringify({ ...POLICY, rules: [{ ...RULE, when: 'false' }] }),
    'rules.0: unrecognized_keys',
  ],
  [
    'a key of the wrong type, without its value',
    'sessionKey',
    'k',
    JSON.stringify({ ...KEY, key: ['c2VjcmV0'] }),
    'key: invalid_type',
  ],
])('%s is refused', (_name, kind, name, text, problem) => {
  expect(parseResource(kind, name, text)).toEqual({ problem });
});
