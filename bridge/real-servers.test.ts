import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { describe, expect, test } from 'vitest';
import type { StdioServer } from '../core/catalog/catalog.ts';
import { fetchOver } from './fixtures/client.ts';
import { processesMentioning, startHarness } from './fixtures/harness.ts';

/** The program of an installed server, which exports none. */
function programOf(name: string): string {
  const path = `../node_modules/@modelcontextprotocol/${name}/dist/index.js`;
  return fileURLToPath(new URL(path, import.meta.url));
}

async function connect(socket: string): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: 'test', version: '1' }, { capabilities: {} });
  const transport = new StreamableHTTPClientTransport(new URL('http://localhost/mcp'), { fetch: fetchOver(socket) });
  // The SDK's own types disagree under exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  return { client, transport };
}

function definition(
  folder: string,
  server: string,
  args: readonly string[],
  env: Record<string, string> = {},
): StdioServer {
  return { server, version: '1', socket: join(folder, `${server}.sock`), command: 'node', args, env };
}

describe('real servers with the SDK client', () => {
  test('server-memory keeps a graph for each file, over two sessions', async () => {
    await using harness = startHarness();
    const env = { MEMORY_FILE_PATH: join(harness.folder, 'memory.jsonl') };
    const memory = definition(harness.folder, 'memory', [programOf('server-memory')], env);
    await harness.bridge.apply([memory]);
    const first = await connect(memory.socket);
    const names = (await first.client.listTools()).tools.map((tool) => tool.name);
    expect(names).toEqual(expect.arrayContaining(['create_entities', 'delete_entities', 'read_graph']));
    const entities = [{ name: 'Ada', entityType: 'person', observations: ['wrote the first program: ä€😀'] }];
    await first.client.callTool({ name: 'create_entities', arguments: { entities } });
    const second = await connect(memory.socket);
    const read = await second.client.callTool({ name: 'read_graph', arguments: {} });
    expect(read.structuredContent).toMatchObject({ entities });
    expect(processesMentioning(harness.folder)).toHaveLength(2);
    await first.transport.terminateSession();
    await expect(first.client.listTools()).rejects.toMatchObject({ code: 400 });
    await expect.poll(() => processesMentioning(harness.folder), { timeout: 5000 }).toHaveLength(1);
    await second.client.ping();
    await Promise.all([first.client.close(), second.client.close()]);
    await harness.bridge.close();
    expect(processesMentioning(harness.folder)).toEqual([]);
  });

  test('server-filesystem reads a file and refuses one outside its folder', async () => {
    await using harness = startHarness();
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'bridge-files-')));
    writeFileSync(join(folder, 'hello.txt'), 'hello ä€😀\n');
    const files = definition(harness.folder, 'files', [programOf('server-filesystem'), folder]);
    await harness.bridge.apply([files]);
    const { client } = await connect(files.socket);
    expect((await client.listTools()).tools).toHaveLength(14);
    const read = await client.callTool({ name: 'read_text_file', arguments: { path: join(folder, 'hello.txt') } });
    expect(read.content).toMatchObject([{ type: 'text', text: 'hello ä€😀\n' }]);
    const outside = await client.callTool({ name: 'read_text_file', arguments: { path: '/etc/hostname' } });
    expect(outside.isError).toBe(true);
    await client.close();
    await harness.bridge.close();
    expect(processesMentioning(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test('server-everything shows a minimal environment and sends progress live', async () => {
    await using harness = startHarness();
    const everything = definition(harness.folder, 'everything', [programOf('server-everything'), 'stdio'], {
      MINE: 'yes',
    });
    await harness.bridge.apply([everything]);
    const { client } = await connect(everything.socket);
    const shown = await client.callTool({ name: 'get-env', arguments: {} });
    const env = JSON.parse((shown.content as { text: string }[])[0]?.text ?? '') as Record<string, string>;
    const allowed = new Set(['PATH', 'HOME', 'LANG', 'TMPDIR', 'MINE']);
    expect(Object.keys(env).filter((name) => !allowed.has(name))).toEqual([]);
    expect(env.MINE).toBe('yes');
    const progress: number[] = [];
    const operation = { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } };
    await client.callTool(operation, undefined, { onprogress: (event) => progress.push(event.progress) });
    expect(progress).toEqual([1, 2, 3]);
    await client.close();
  });
});
