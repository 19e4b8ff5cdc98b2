// Decides what is there when an example of docs/api.md is sent.
import { storeDecisions } from '../../controlplane/ledger/decisions.ts';
import { record } from '../../controlplane/ledger/testdata/records.ts';
import { NO_METRICS } from './api-ledger.ts';
import { type ApiWorld, discoveredTools, openApiWorld } from './api-world.ts';

const DOCUMENTS = [
  { kind: 'Secret', name: 'github-token', description: 'read-only token', value: 'EXAMPLE-ONLY' },
  {
    kind: 'Server',
    name: 'memory',
    description: 'Remembers.',
    owner: { team: 'notes', contact: 'notes@example.com' },
    labels: { team: 'core' },
    versions: [
      { version: '1.0.0', state: 'active', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] },
      { version: '2.0.0', state: 'staging', endpoints: [{ url: 'http://127.0.0.1:3002/mcp' }] },
    ],
  },
  {
    kind: 'Server',
    name: 'github',
    versions: [
      {
        version: '1.0.0',
        endpoints: [{ url: 'https://github.example.com/mcp' }],
        auth: { type: 'bearer', secret: 'github-token' },
      },
    ],
  },
  { kind: 'Issuer', name: 'corp', issuer: 'https://login.example.org' },
  { kind: 'Surface', name: 'default', servers: [{ server: 'memory' }] },
  {
    kind: 'Policy',
    name: 'everybody',
    version: 'tbac/v1',
    rules: [{ id: 'read', effect: 'allow', tools: ['memory/read_*'] }],
  },
  { kind: 'Revocation', name: 'lost-laptop', subject: 'bob', until: '2026-12-31T00:00:00Z' },
  { kind: 'NodeGroup', name: 'edge', match: { zones: ['eu-1'] }, surfaces: ['default'] },
  { kind: 'Runtime', name: 'defaults', values: { 'health_check.min_interval': 500 } },
];

export async function openExampleWorld(): Promise<ApiWorld> {
  const world = await openApiWorld({
    nodes: () => [
      { id: 'envoy-1', group: 'envoy', transport: 'unix', connectedSinceMs: 1, lastContactMs: 2, types: [] },
    ],
    preview: () => [{ group: 'default', type: 'cluster', name: 'mcp.memory.1.0.0', change: 'changed' }],
    warnings: () => ['11 tools are listed and not deferred, advised are 10'],
    health: async (cluster) => (cluster === 'mcp.memory.1.0.0' ? [{ address: '127.0.0.1:3001', healthy: true }] : []),
    metrics: async () => 'chancery_registry_revision 2\n',
  });
  const { registry } = world;
  const who = { who: 'operator-token', why: 'the first servers' };
  await registry.apply({ documents: DOCUMENTS, ...who });
  await registry.saveDiscovery('memory', '1.0.0', {
    ok: true,
    discovered: discoveredTools('read_graph', 'open_nodes'),
  });
  const memory = { ...DOCUMENTS[1], description: 'Remembers what agents were told.' };
  await registry.apply({ documents: [memory], who: 'operator-token', why: 'say what it does' });
  const key = {
    use: 'agent',
    subject: 'nightly-report',
    groups: [],
    scopes: [],
    roles: [],
    surfaces: ['default'],
  } as const;
  const expiresAtMs = world.clock.nowMs + 24 * 60 * 60 * 1000;
  await registry.createKey(
    { ...key, description: 'the report at night', expiresAtMs },
    { who: 'operator-token', why: '' },
  );
  const nowMs = world.clock.nowMs;
  const approval = {
    hash: '0'.repeat(64),
    surface: 'default',
    issuer: 'https://login.example.org',
    subject: 'alice',
    target: 'memory/delete_all',
    rule: 'memory/delete',
    reason: 'what is forgotten is gone',
    by: { groups: ['notes-leads'] },
    shown: '{"entity":"customers"}',
    requestedAtMs: nowMs,
    expiresAtMs: nowMs + 900_000,
  };
  await world.ledger.submit([{ writer: 'w'.repeat(22), sequence: 1, write: { kind: 'approval', approval } }]);
  const call = { ...record(), surface: 'default', server: 'memory', name: 'read_graph', agent: 'desk' };
  await storeDecisions(
    registry.beside,
    [
      { ...call, id: 'a1b2', atMs: nowMs, rules: ['everybody/read'] },
      { ...call, id: 'c3d4', atMs: nowMs, name: 'open_nodes', allowed: false, rules: [], code: 'policy_denied' },
    ],
    NO_METRICS,
  );
  return world;
}
