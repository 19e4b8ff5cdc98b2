// Decides what is measured when no URLs are given: the fixture server, and a Chancery of its own with two surfaces on it.
import { startFixtureServer } from '../fixture-server/serve.ts';
import { CLIENT_INFO, openSession, raw, request, rpc } from '../support/clients.ts';
import { startTestServer } from '../support/servers.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

export interface Measured {
  readonly direct: string;
  /** Surface → URL. */
  readonly surfaces: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/** The suite sends no token, so the surfaces want none: that is allowed on loopback only. */
const DOCUMENTS: readonly (readonly [string, object])[] = [
  ['/v1/surfaces/single', { auth: 'none', servers: [{ server: 'fixture' }] }],
  ['/v1/surfaces/federated', { auth: 'none', servers: [{ server: 'fixture' }, { server: 'greeter' }] }],
  [
    '/v1/policies/everybody',
    {
      version: 'tbac/v1',
      rules: [{ id: 'everything', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] }],
    },
  ],
];

export async function startMeasured(): Promise<Measured> {
  const fixture = await startFixtureServer();
  const greeter = await startTestServer('greeter');
  const stack = await startStack({ example: '' });
  const close = async (): Promise<void> => {
    await stack.stop();
    stack.remove();
    await Promise.all([fixture.close(), greeter.close()]);
  };
  try {
    const put = async (path: string, body: object): Promise<void> => {
      const response = await stack.api('PUT', path, body);
      if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`);
    };
    for (const [name, url] of [
      ['fixture', fixture.endpoint],
      ['greeter', greeter.url],
    ] as const) {
      await put(`/v1/servers/${name}`, { versions: [{ version: '1', endpoints: [{ url }] }] });
    }
    for (const [path, body] of DOCUMENTS) await put(path, body);
    // The suite says "localhost", as its scenario about rebinding does.
    const url = (surface: string): string => `http://localhost:${stack.ports.gateway}/mcp/${surface}`;
    await listed(url('single'), 'test_simple_text');
    for (const name of ['fixture__test_simple_text', 'greeter__greet']) await listed(url('federated'), name);
    const surfaces = new Map(['single', 'federated'].map((surface) => [surface, url(surface)]));
    return { direct: fixture.url, surfaces, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A surface shows what has been read of its servers: wait for that, not for a time. */
async function listed(url: string, tool: string): Promise<void> {
  const ask = async (): Promise<string[]> => {
    const first = await raw(url, {
      body: request('init', 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: CLIENT_INFO }),
    });
    await first.text();
    if (!first.ok) return [];
    const session = await openSession(url);
    const { result } = await rpc(await raw(url, { session, body: request(1, 'tools/list') }));
    await raw(url, { method: 'DELETE', session });
    return ((result?.tools ?? []) as { name: string }[]).map(({ name }) => name);
  };
  await until(`${tool} is listed`, ask, (names) => names.includes(tool));
}
