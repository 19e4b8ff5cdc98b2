// Decides that a surface shows what it declares, through Envoy: its names, fixed arguments, overrides and limits, and that a call does what the list says.
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { runCli, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const SEARCH = 'Finds documents whose text has all of the given words, the newest first, and says where each one is.';

/** A tool that answers with its server, its name and the arguments that it got. */
function echoing(of: string): (server: McpServer, name: string, description: string) => void {
  return (server, name, description) => {
    const text = z.string().optional();
    server.registerTool(
      name,
      {
        description,
        inputSchema: { query: z.string(), index: z.string(), debug: text },
        annotations: { readOnlyHint: false, openWorldHint: true },
      },
      (given) => ({ content: [{ type: 'text', text: JSON.stringify({ of, tool: name, given }) }] }),
    );
  };
}

const BULK = Array.from({ length: 12 }, (_, index) => `bulk-${String(index).padStart(2, '0')}`);

let stack: Stack;
let files: TestServer;
let wiki: TestServer;
beforeAll(async () => {
  [files, wiki] = await Promise.all([
    startTestServer('files', 0, (server) => {
      echoing('files')(server, 'search', SEARCH);
      echoing('files')(server, 'remove', 'Deletes a file.');
      server.registerPrompt('brief', {}, () => ({
        messages: [{ role: 'user', content: { type: 'text', text: 'files' } }],
      }));
      for (const name of ['public', 'private']) {
        server.registerResource(name, `doc://${name}/1`, {}, (uri) => ({ contents: [{ uri: uri.href, text: name }] }));
      }
    }),
    startTestServer('wiki', 0, (server) => {
      echoing('wiki')(server, 'search', SEARCH);
      for (const [index, name] of BULK.entries()) echoing('wiki')(server, name, `Number ${index}, ${name}.`);
      server.registerPrompt('brief', {}, () => ({
        messages: [{ role: 'user', content: { type: 'text', text: 'wiki' } }],
      }));
    }),
  ]);
  stack = await startStack({ example: '' });
  await put('/v1/servers/files', {
    versions: [{ version: '1', endpoints: [{ url: files.url }] }],
    annotations: { '*': { openWorldHint: false }, search: { readOnlyHint: true } },
  });
  await put('/v1/servers/wiki', { versions: [{ version: '1', endpoints: [{ url: wiki.url }] }] });
  await put('/v1/policies/everything', {
    version: 'tbac/v1',
    rules: [{ id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] }],
  });
  for (const name of ['files', 'wiki']) {
    await until(
      `${name} was read`,
      async () =>
        ((await (await stack.api('GET', `/v1/servers/${name}`)).json()) as Declared).status.versions?.[0]?.tools,
      (tools) => (tools ?? 0) > 0,
    );
  }
});
afterAll(async () => {
  await Promise.all([files?.close(), wiki?.close()]);
  await stack?.stop();
  stack?.remove();
});

interface Declared {
  readonly status: {
    readonly warnings?: readonly string[];
    readonly versions?: readonly { readonly tools: number }[];
  };
}
interface Tool {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: { readonly properties?: object; readonly required?: readonly string[] };
  readonly annotations?: object;
  readonly _meta?: object;
}

async function put(path: string, body: object): Promise<Declared> {
  const response = await stack.api('PUT', path, body);
  const text = await response.text();
  expect(response.status, text).toBeLessThan(300);
  return JSON.parse(text) as Declared;
}

/** Asks in one session, once the surface lists what it declares. */
interface Caller {
  readonly tools: readonly Tool[];
  ask(method: string, params?: object): ReturnType<typeof rpc>;
  call(name: string, args?: object): ReturnType<typeof rpc>;
}

async function caller(surface: string): Promise<Caller> {
  const token = await stack.token(surface);
  await until(
    `${surface} is served`,
    async () => (await raw(stack.mcp(surface), { token, body: request(1, 'ping') })).status,
    (status) => status === 400,
  );
  const session = await openSession(stack.mcp(surface), token);
  const ask: Caller['ask'] = async (method, params = {}) =>
    rpc(await raw(stack.mcp(surface), { token, session, body: request(1, method, params) }));
  return {
    tools: (await ask('tools/list')).result?.tools as Tool[],
    ask,
    call: (name, args) => ask('tools/call', { name, ...(args !== undefined && { arguments: args }) }),
  };
}

/** What the server itself saw: its name, the tool and its arguments. */
async function seen(answer: ReturnType<typeof rpc>): Promise<unknown> {
  const found = await answer;
  return found.error ?? JSON.parse(texts(found.result));
}

test('mapped: only what is mapped, renamed and re-described, and the server gets the fixed arguments', async () => {
  const map = [
    {
      tool: 'search',
      name: 'find.handbook',
      title: 'Handbook',
      description: 'Finds a page of the handbook.',
      fix: { index: 'handbook' },
      hide: ['debug'],
    },
  ];
  const { status } = await put('/v1/surfaces/mapped', {
    naming: 'mapped',
    servers: [
      { server: 'files', map },
      { server: 'wiki', map: [{ tool: 'search' }, { tool: 'no_such_tool' }] },
    ],
  });
  expect(status.warnings).toEqual(['the mapped tool "no_such_tool" is none of the tools of wiki 1']);

  const { tools, call } = await caller('mapped');
  expect(tools.map(({ name }) => name)).toEqual(['find.handbook', 'search']);
  expect(tools[0]).toMatchObject({ title: 'Handbook', description: 'Finds a page of the handbook.' });
  expect(Object.keys(tools[0]?.inputSchema.properties ?? {})).toEqual(['query']);
  expect(tools[0]?.inputSchema.required).toEqual(['query']);
  expect(tools[1]?.description).toBe(SEARCH);

  const got = { of: 'files', tool: 'search', given: { query: 'x', index: 'handbook' } };
  expect(await seen(call('find.handbook', { query: 'x' }))).toEqual(got);
  expect(await seen(call('search', { query: 'x', index: 'any' }))).toEqual({
    of: 'wiki',
    tool: 'search',
    given: { query: 'x', index: 'any' },
  });

  const before = files.requests.length;
  for (const args of [
    { query: 'x', index: 'secrets' },
    { query: 'x', INDEX: 'secrets' },
    { query: 'x', debug: 'yes' },
  ]) {
    expect(await seen(call('find.handbook', args))).toMatchObject({ code: -32602 });
  }
  // Neither its own name nor what is not mapped is there.
  for (const name of ['files__search', 'remove', 'greet', 'bulk-00'])
    expect(await seen(call(name, { query: 'x' })), name).toMatchObject({ code: -32602 });
  expect(files.requests.slice(before).filter(({ body }) => body.includes('tools/call'))).toEqual([]);
});

test('bare: a name that two servers have is the first one’s, and the answer to the declaration says so', async () => {
  const { status } = await put('/v1/surfaces/bare', {
    naming: 'bare',
    servers: [
      { server: 'wiki', tools: ['search'], prompts: [] },
      { server: 'files', tools: ['search', 'remove'], resources: ['doc://public/*'] },
    ],
  });
  expect(status.warnings).toEqual(['the tool "search" of files is hidden: wiki has one of that name']);
  const { tools, call, ask } = await caller('bare');
  expect(tools.map(({ name }) => name)).toEqual(['search', 'remove']);
  expect(await seen(call('search', { query: 'x', index: 'i' }))).toMatchObject({ of: 'wiki' });
  expect(await seen(call('remove', { query: 'x', index: 'i' }))).toMatchObject({ of: 'files' });
  const prompt = await ask('prompts/get', { name: 'brief' });
  expect(JSON.stringify(prompt.result)).toContain('"text":"files"');
  const { result } = await ask('resources/list');
  expect(((result?.resources ?? []) as { uri: string }[]).map(({ uri }) => uri)).toEqual(['doc://public/1']);
  expect((await ask('resources/read', { uri: 'doc://public/1' })).result).toBeDefined();
  expect((await ask('resources/read', { uri: 'doc://private/1' })).error).toBeDefined();
});

test('prefixed: both are there, and nearly the same descriptions are reported', async () => {
  const { status } = await put('/v1/surfaces/prefixed', {
    naming: 'prefixed',
    servers: [
      { server: 'wiki', tools: ['search'] },
      { server: 'files', tools: ['search'] },
    ],
  });
  expect(status.warnings).toEqual(['the tools "files__search" and "wiki__search" have nearly the same description']);
  // And so by the command line, tried or done.
  const text =
    'kind: Surface\nname: prefixed2\nservers: [{ server: wiki, tools: [search] }, { server: files, tools: [search] }]\n';
  for (const [args, wanted] of [
    [['--dry-run'], 2],
    [[], 0],
  ] as const) {
    const applied = await runCli(['apply', '-f', '-', ...args], stack.env, text);
    expect(applied.status, applied.stderr).toBe(wanted);
    expect(applied.stderr).toBe(
      'apply: surface/prefixed2: the tools "files__search" and "wiki__search" have nearly the same description\n',
    );
  }
  const { tools, call } = await caller('prefixed');
  expect(tools.map(({ name }) => name)).toEqual(['wiki__search', 'files__search']);
  for (const of of ['wiki', 'files'])
    expect(await seen(call(`${of}__search`, { query: 'x', index: 'i' }))).toMatchObject({ of, tool: 'search' });
});

test('the operator’s annotations stand in place of the server’s own words, the narrower pattern last', async () => {
  await put('/v1/surfaces/annotated', { servers: [{ server: 'files', tools: ['search', 'remove'] }] });
  const { tools } = await caller('annotated');
  expect(Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]))).toEqual({
    search: { readOnlyHint: true, openWorldHint: false },
    remove: { readOnlyHint: false, openWorldHint: false },
  });
});

test('what goes beyond the limits is reported, and neither listed nor callable', async () => {
  const servers = [{ server: 'wiki', tools: ['bulk-*'] }];
  const { status } = await put('/v1/surfaces/few', { limits: { tools: 2 }, servers });
  expect(status.warnings).toEqual(['12 tools were chosen, the limits are 2 tools: 10 are hidden, from "bulk-02" on']);
  const few = await caller('few');
  expect(few.tools.map(({ name }) => name)).toEqual(['bulk-00', 'bulk-01']);
  expect(await seen(few.call('bulk-01', { query: 'x', index: 'i' }))).toMatchObject({ tool: 'bulk-01' });
  expect(await seen(few.call('bulk-02', { query: 'x', index: 'i' }))).toMatchObject({ code: -32602 });

  const [first] = few.tools;
  const schemaBytes = Buffer.byteLength(JSON.stringify(first?.inputSchema)) * 3;
  const small = await put('/v1/surfaces/small', { limits: { schemaBytes }, servers });
  expect(small.status.warnings).toEqual([
    `12 tools were chosen, the limits are ${schemaBytes} bytes of schemas: 9 are hidden, from "bulk-03" on`,
  ]);
  expect((await caller('small')).tools.map(({ name }) => name)).toEqual(['bulk-00', 'bulk-01', 'bulk-02']);
});

test('above ten tools that are not deferred the operator is warned; deferred ones are marked and do not count', async () => {
  const many = await put('/v1/surfaces/many', { servers: [{ server: 'wiki', tools: ['bulk-*'] }] });
  expect(many.status.warnings).toEqual(['12 tools are not deferred; models choose well among at most 10']);
  const put11 = await put('/v1/surfaces/many', {
    servers: [{ server: 'wiki', tools: ['bulk-*'], deferred: ['bulk-00'] }],
  });
  expect(put11.status.warnings).toEqual(['11 tools are not deferred; models choose well among at most 10']);
  const put10 = await put('/v1/surfaces/many', {
    servers: [{ server: 'wiki', tools: ['bulk-*'], deferred: ['bulk-00', 'bulk-01'] }],
  });
  expect(put10.status.warnings).toEqual([]);
  const shown = await until(
    'the deferred tools are marked',
    async () => (await caller('many')).tools,
    (tools) => tools.some(({ _meta }) => _meta !== undefined),
  );
  expect(
    shown.filter(({ _meta }) => JSON.stringify(_meta) === '{"chancery/deferred":true}').map(({ name }) => name),
  ).toEqual(['bulk-00', 'bulk-01']);
});
