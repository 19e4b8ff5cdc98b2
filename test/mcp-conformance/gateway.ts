// Decides what is measured: three servers, and a Chancery of its own with surfaces on them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFixtureServer } from '../fixture-server/serve.ts';
import { startTestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { type Ask, listed, type Sandwich } from './client/sandwich.ts';
import { startEverything } from './servers/everything.ts';
import { startPython } from './servers/python.ts';
import type { Measured } from './sets.ts';

export type MeasuredServer = Exclude<Measured, 'client'>;

export interface Subjects {
  readonly direct: Readonly<Record<MeasuredServer, string>>;
  /** URL of a surface with the server: alone on it (`single`), or beside another (`federated`, of the fixture only). */
  through(of: MeasuredServer, surface: string): string;
  /** How a client's gateway is told of a server. */
  readonly sandwich: Sandwich;
  close(): Promise<void>;
}

const SURFACES: Readonly<Record<string, readonly string[]>> = {
  fixture: ['fixture'],
  everything: ['everything'],
  python: ['python'],
  'fixture-federated': ['fixture', 'greeter'],
};

/** The suite sends no token, so the surfaces want none: that is allowed on loopback only. */
const POLICY = {
  version: 'tbac/v1',
  rules: [{ id: 'everything', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] }],
};

export async function startSubjects(): Promise<Subjects> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened.toReversed()) await each.close();
  };
  const open = async <T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const started = await starting;
    opened.push(started);
    return started;
  };
  try {
    const [fixture, greeter, everything, python] = await Promise.all([
      open(startFixtureServer()),
      open(startTestServer('greeter')),
      open(startEverything()),
      open(startPython()),
    ]);
    const stack = await startStack({ example: '' });
    opened.push({ close: () => stopped(stack) });
    const local = (port: number): string => `http://127.0.0.1:${port}/mcp`;
    const servers = {
      fixture: fixture.endpoint,
      greeter: greeter.url,
      everything: local(everything.port),
      python: local(python.port),
    };
    const sandwich: Sandwich = {
      api: `http://127.0.0.1:${stack.ports.api}`,
      token: readFileSync(join(stack.home, 'operator.token'), 'utf8').trim(),
      // The suite says "localhost", as its scenario about rebinding does.
      gateway: `http://localhost:${stack.ports.gateway}`,
    };
    const ask: Ask = async (method, path, body) => {
      const response = await stack.api(method, path, body);
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return response;
    };
    await ask('PUT', '/v1/policies/everybody', POLICY);
    // What the suite sees is relayed, and its servers change their lists.
    for (const [name, url] of Object.entries(servers))
      await ask('PUT', `/v1/servers/${name}`, {
        pinning: { mode: 'off' },
        versions: [{ version: '1', endpoints: [{ url }] }],
      });
    for (const [name, on] of Object.entries(SURFACES)) {
      await ask('PUT', `/v1/surfaces/${name}`, { auth: 'none', servers: on.map((server) => ({ server })) });
      await listed({ surface: name, servers: on, gateway: sandwich.gateway, ask });
    }
    return {
      direct: { fixture: fixture.url, everything: localhost(everything.port), python: localhost(python.port) },
      through: (of, surface) => `${sandwich.gateway}/mcp/${surface === 'single' ? of : `${of}-${surface}`}`,
      sandwich,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function localhost(port: number): string {
  return `http://localhost:${port}/mcp`;
}

async function stopped(stack: Stack): Promise<void> {
  await stack.stop();
  stack.remove();
}
