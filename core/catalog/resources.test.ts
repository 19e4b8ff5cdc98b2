import { expect, test } from 'vitest';
import type { OwnKind } from '../contract.ts';
import { parseResource } from './resources.ts';

const LISTED = { bare: [], full: [{ name: 't', inputSchema: { type: 'object' }, 'x-new': [1] }] };
const VERSION = {
  name: 'memory',
  version: '1',
  state: 'active',
  cluster: 'mcp.memory.1',
  path: '/mcp',
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
const SERVER = {
  name: 'memory',
  labels: { team: 'a' },
  classification: 'internal',
  annotations: { 'read_*': { readOnlyHint: true } },
  versions: [
    { ...VERSION, version: '0', state: 'deprecated', deprecation: { sinceMs: 1, sunsetMs: 2 }, discovered: null },
    VERSION,
    { ...VERSION, version: '2', state: 'canary', canary: { percent: 0.5, principals: ['a*'] } },
  ],
};
const MEMBER = { server: 'memory', tools: ['*'], prompts: [], resources: [] };
const SURFACE = {
  name: 'default',
  url: 'http://h/mcp',
  path: '/mcp',
  auth: 'token',
  decision: 'ext_proc',
  naming: 'prefixed',
  members: [MEMBER],
};
const MAPPED = { tool: 't', name: 'u', hide: ['a'], fix: { b: [null, 1] } };
const API_KEY = {
  id: '1a2b3c4d',
  sha256: 'ab'.repeat(32),
  subject: 'robot',
  groups: ['g'],
  scopes: [],
  surfaces: ['*'],
  expiresAtMs: 5,
};
const RULE = { id: 'r', effect: 'allow', tools: ['*'], who: { subjects: ['a'], not: { groups: ['g'] } } };
const POLICY = { name: 'p', version: 'tbac/v1', surfaces: ['*'], rules: [RULE] };
const ISSUER = { name: 'i', issuer: 'https://i', algorithms: ['ES256'], jwks: { keys: [{ kty: 'EC' }] } };
const KEY = { kid: 'k', key: 'c2VjcmV0', active: true };
const STDIO = { server: 'memory', version: '1', socket: '/s', command: 'node', args: ['a'], env: { A: 'b' } };
const TOMBSTONE = { tokenId: 't', expiresAtMs: 5 };
const REVISION = { revision: 3, digest: 'h' };

test.each<[OwnKind, string, unknown]>([
  ['server', 'memory', SERVER],
  ['server', 'memory', { ...SERVER, versions: [] }],
  ['surface', 'default', SURFACE],
  [
    'surface',
    'default',
    {
      ...SURFACE,
      naming: 'mapped',
      limits: { tools: 3, schemaBytes: 4 },
      record: { arguments: true },
      members: [{ ...MEMBER, deferred: ['x*'], map: [MAPPED] }],
    },
  ],
  ['apiKey', '1a2b3c4d', API_KEY],
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
    JSON.stringify({
      ...SERVER,
      versions: [{ ...VERSION, discovered: { ...VERSION.discovered, tools: { bare: ['t'], full: [] } } }],
    }),
    'versions.0.discovered.tools.bare.0: custom',
  ],
  [
    'a state that is not known',
    'server',
    'memory',
    JSON.stringify({ ...SERVER, versions: [{ ...VERSION, state: 'paused' }] }),
    'versions.0.state: invalid_value',
  ],
  [
    'names of a kind that is not known',
    'surface',
    'default',
    JSON.stringify({ ...SURFACE, naming: 'flat' }),
    'naming: invalid_value',
  ],
  [
    'something that is to be done to a tool and is not known',
    'surface',
    'default',
    JSON.stringify({ ...SURFACE, members: [{ ...MEMBER, map: [{ ...MAPPED, redact: ['c'] }] }] }),
    'members.0.map.0: unrecognized_keys',
  ],
  [
    'something that a member leaves out and is not known',
    'surface',
    'default',
    JSON.stringify({ ...SURFACE, members: [{ ...MEMBER, except: ['t'] }] }),
    'members.0: unrecognized_keys',
  ],
  [
    'a limit that is not known',
    'surface',
    'default',
    JSON.stringify({ ...SURFACE, limits: { calls: 1 } }),
    'limits: unrecognized_keys',
  ],
  [
    'an API key with a restriction that is not known',
    'apiKey',
    '1a2b3c4d',
    JSON.stringify({ ...API_KEY, networks: ['10.0.0.0/8'] }),
    ': unrecognized_keys',
  ],
  [
    'an API key by its text',
    'apiKey',
    '1a2b3c4d',
    JSON.stringify({ ...API_KEY, sha256: 'chk_x' }),
    'sha256: invalid_format',
  ],
  ['another key’s name', 'apiKey', 'other', JSON.stringify(API_KEY), 'has another name inside'],
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
    JSON.stringify({ ...POLICY, rules: [{ ...RULE, unless: 'false' }] }),
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
