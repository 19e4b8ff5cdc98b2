import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { checkPorts } from './ports.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function hold(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    servers.push(server);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

const hosts = { host: '127.0.0.1', apiHost: '127.0.0.1', adsHost: '127.0.0.1' };

async function free(): Promise<number> {
  const port = await hold();
  const server = servers.pop();
  await new Promise((resolve) => server?.close(resolve));
  return port;
}

test('free ports are no problem', async () => {
  expect(await checkPorts({ ...hosts, port: await free(), apiPort: await free(), adsPort: await free() })).toEqual([]);
});

test('every taken port is named at once, each with its setting', async () => {
  const [port, apiPort] = [await hold(), await hold()];
  expect(await checkPorts({ ...hosts, port, apiPort, adsPort: await free() })).toEqual([
    `port ${port} (the gateway) is taken by another program; choose another with --port or CHANCERY_PORT`,
    `port ${apiPort} (the REST API) is taken by another program; choose another with --api-port or CHANCERY_API_PORT`,
  ]);
});

test('one port for two parts is a problem of the second', async () => {
  const port = await free();
  expect(await checkPorts({ ...hosts, port, apiPort: port, adsPort: await free() })).toEqual([
    `port ${port} is set for the gateway and for the REST API; choose another with --api-port or CHANCERY_API_PORT`,
  ]);
});

test('an address that is not of this machine is named with its setting', async () => {
  const problems = await checkPorts({
    ...hosts,
    host: '192.0.2.1',
    port: await free(),
    apiPort: await free(),
    adsPort: await free(),
  });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('--host or CHANCERY_HOST');
});
