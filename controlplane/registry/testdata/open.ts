// Decides how the tests of the registry open one, and what they write into it.
import { pino } from 'pino';
import type { Discovered } from '../../../core/catalog/catalog.ts';
import { parseNetworks } from '../../../core/catalog/networks.ts';
import { openRegistry, type Registry, type RegistryOptions } from '../registry.ts';
import type { ApplyOutcome, Author } from '../types.ts';

const networks = parseNetworks(['public', 'loopback', 'private']);
if ('problem' in networks) throw new Error(networks.problem);

/** Of the gateway that the tests' registry belongs to. */
export const OWN_ADDRESS = { host: '127.0.0.1', port: 10_000, authority: 'mcp.example.com' };
export const CONSTRAINTS = { host: '127.0.0.1', runDir: '/run/chancery', networks, own: OWN_ADDRESS };
export const REGISTRY_KEY = Buffer.alloc(32, 7);
export const TEST: Author = { who: 'test', why: 'for a test' };

export function openTest(path: string, options: Partial<RegistryOptions> = {}): Promise<Registry> {
  const log = pino({ level: 'silent' });
  return openRegistry(path, { now: () => 1_000, log, constraints: CONSTRAINTS, registryKey: REGISTRY_KEY, ...options });
}

export const version = (name = '1.0.0', rest: object = {}) => ({
  version: name,
  ...('stdio' in rest ? {} : { endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }),
  ...rest,
});
export const server = (name: string, ...versions: object[]) => ({
  kind: 'Server',
  name,
  versions: versions.length === 0 ? [version()] : versions,
});
export const surface = (name: string, ...servers: string[]) => ({
  kind: 'Surface',
  name,
  servers: servers.map((member) => ({ server: member })),
});
export const secret = (name: string, value?: string) => ({
  kind: 'Secret',
  name,
  ...(value === undefined ? {} : { value }),
});

export const discovered = (hash: string): Discovered => ({
  hash,
  protocolVersion: '2025-11-25',
  serverInfo: { name: 'x' },
  capabilities: {},
  tools: { bare: [{ name: 'echo' }], full: [{ name: 'echo' }] },
  prompts: { bare: [], full: [] },
  resources: { bare: [], full: [] },
  resourceTemplates: { bare: [], full: [] },
});

/** @throws Error with the problems of a write that was refused. */
export async function accepted(outcome: Promise<ApplyOutcome>): Promise<Extract<ApplyOutcome, { ok: true }>> {
  const found = await outcome;
  if (found.ok) return found;
  throw new Error(JSON.stringify(found));
}

/** Writes documents, all of which must be taken. */
export function put(registry: Registry, ...documents: object[]): Promise<Extract<ApplyOutcome, { ok: true }>> {
  return accepted(registry.apply({ documents, ...TEST }));
}

/** `PATH MESSAGE` of each problem of a write that was refused as invalid. */
export async function problemsOf(outcome: Promise<ApplyOutcome>): Promise<string[]> {
  const found = await outcome;
  if (found.ok || found.why !== 'invalid') throw new Error(`wanted problems, found ${JSON.stringify(found)}`);
  return found.problems.map(({ path, message }) => `${path.join('.')} ${message}`);
}
