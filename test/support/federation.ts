// Decides how a test declares servers and a surface over them, and when all of it is served.
import { raw } from './clients.ts';
import type { Stack } from './stack.ts';
import { until } from './until.ts';

export const ALLOW_ALL = {
  version: 'tbac/v1',
  surfaces: ['*'],
  rules: [{ id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] }],
};

export async function put(stack: Stack, path: string, body: object): Promise<void> {
  const response = await stack.api('PUT', path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

export const serverAt = (url: string): object => ({ versions: [{ version: '1', endpoints: [{ url }] }] });

/** Declares servers by name. Resolves when they were read. */
export async function declare(stack: Stack, servers: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, url] of Object.entries(servers)) await put(stack, `/v1/servers/${name}`, serverAt(url));
  for (const name of Object.keys(servers)) {
    await until(
      `${name} was read`,
      async () => (await (await stack.api('GET', `/v1/servers/${name}`)).json()) as Declared,
      ({ status }) => (status.versions?.[0]?.tools ?? 0) > 0,
    );
  }
}

interface Declared {
  readonly status: { readonly versions?: readonly { readonly tools?: number }[] };
}

/** Resolves when the surface lists all of these tools. */
export async function served(stack: Stack, surface: string, ...tools: readonly string[]): Promise<void> {
  await until(
    `${surface} is served`,
    async () => {
      // The issuer of a surface's tokens is known as late as the surface is.
      const token = await stack.token(surface).catch(() => '');
      const response = await raw(`${stack.gateway}/v1/surfaces/${surface}/tools`, { method: 'GET', token });
      return response.status === 200 ? response.text() : '';
    },
    (text) => tools.every((name) => text.includes(`"${name}"`)),
    30_000,
  );
}
