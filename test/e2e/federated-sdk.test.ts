// Decides that clients of both SDK generations, in either era, get on one surface what servers of either era offer.
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type FixtureServer, startFixtureServer } from '../fixture-server/serve.ts';
import { CLIENT_INFO } from '../support/clients.ts';
import { ALLOW_ALL, declare, put, served, serverAt } from '../support/federation.ts';
import { type ModernTestServer, startModernTestServer } from '../support/modern-server.ts';
import { type RawServer, startRawServer } from '../support/raw-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
/** Of each of two servers: together more than one page holds, and the second page begins within the second server. */
const MANY = 600;

const aborted: string[] = [];
/** What one session touches, all hear of that subscribed to it. */
const subscribed = new Map<McpServer, Set<string>>();
function furnish(server: McpServer): void {
  server.registerTool('work', {}, async (extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [1, 2]) {
      if (progressToken === undefined) continue;
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 2 } });
    }
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'warning', data: 'worked' } });
    return { content: [{ type: 'text', text: 'done' }] };
  });
  server.registerTool('wait', { inputSchema: { name: z.string() } }, async ({ name }, extra) => {
    const progressToken = extra._meta?.progressToken ?? 0;
    await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    await new Promise((resolve) => extra.signal.addEventListener('abort', resolve));
    aborted.push(name);
    return { content: [] };
  });
  server.registerTool('touch', {}, async () => {
    for (const [each, uris] of subscribed) {
      // A session that ended hears nothing any more.
      for (const uri of uris) await each.server.sendResourceUpdated({ uri }).catch(() => subscribed.delete(each));
    }
    return { content: [] };
  });
  server.registerResource('one', 'old://one', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'one' }] }));
  const template = new ResourceTemplate('old://items/{id}', { list: undefined });
  server.registerResource('items', template, {}, (uri, { id }) => ({
    contents: [{ uri: uri.href, text: `item ${id}` }],
  }));
  const city = completable(z.string(), (value) => ['paris', 'park'].filter((each) => each.startsWith(value)));
  server.registerPrompt('brief', { argsSchema: { city } }, (args) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `brief of ${args.city}` } }],
  }));
  server.server.setRequestHandler(SetLevelRequestSchema, () => ({}));
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.set(server, (subscribed.get(server) ?? new Set()).add(params.uri));
    return {};
  });
}
const startMany = (name: string): Promise<RawServer> => {
  const tools = Array.from({ length: MANY }, (_, index) => ({ name: `t${index}`, inputSchema: { type: 'object' } }));
  return startRawServer(name, { answers: { 'tools/list': JSON.stringify({ tools }) } });
};

let stack: Stack;
let old: TestServer;
let dual: FixtureServer;
let modern: ModernTestServer;
let many: RawServer[];
beforeAll(async () => {
  [old, dual, modern, many, stack] = await Promise.all([
    startTestServer('old', 0, furnish, { capabilities: { logging: {}, resources: { subscribe: true } } }),
    startFixtureServer(),
    startModernTestServer(),
    Promise.all(['many', 'more'].map(startMany)),
    startStack(),
  ]);
  await put(stack, '/v1/policies/everything', ALLOW_ALL);
  await declare(stack, { old: old.url, dual: dual.endpoint, new: modern.url, many: many[0]!.url, more: many[1]!.url });
  // One of its tools comes and goes.
  await put(stack, '/v1/servers/dual', { ...serverAt(dual.endpoint), pinning: { new: 'auto' } });
  const servers = ['everything', 'old', 'dual', 'new'].map((server) => ({ server }));
  await put(stack, '/v1/surfaces/fed', { servers });
  await put(stack, '/v1/surfaces/paged', { servers: [{ server: 'many' }, { server: 'more' }] });
  await served(stack, 'fed', 'everything__echo', 'old__work', 'dual__test_simple_text', 'new__greet');
  await served(stack, 'paged', 'more__t599');
  for (const surface of ['fed', 'paged']) tokens.set(surface, await stack.token(surface));
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all([old, dual, modern, ...(many ?? [])].map((server) => server?.close()));
});

interface Called {
  readonly progress?: (progress: number) => void;
  readonly signal?: AbortSignal;
  /** The modern era has no level of a session. */
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** What each client can do, by the same words. Results are as the SDK gives them, as text. */
interface Talker {
  readonly version: string | undefined;
  /** Of a list, page by page. */
  pages(list: 'tools' | 'prompts' | 'resources' | 'templates'): Promise<readonly (readonly string[])[]>;
  call(name: string, args: object, called?: Called): Promise<string>;
  prompt(name: string, args: Record<string, string>): Promise<string>;
  read(uri: string): Promise<string>;
  complete(ref: object, name: string, value: string): Promise<readonly string[]>;
  /** Log lines from now on, in whichever way the era has. */
  level(): Promise<Readonly<Record<string, unknown>>>;
  /** Hears of one resource and of changes of the list of tools. */
  watch(uri: string): Promise<void>;
  readonly updated: string[];
  readonly said: unknown[];
  readonly changes: { count: number };
  close(): Promise<void>;
}
const tokens = new Map<string, string>();

type Page = { readonly nextCursor?: string | undefined; readonly [list: string]: unknown };
const LISTS = {
  tools: ['listTools', 'tools'],
  prompts: ['listPrompts', 'prompts'],
  resources: ['listResources', 'resources'],
  templates: ['listResourceTemplates', 'resourceTemplates'],
} as const;
interface Lists {
  listTools(params?: object): Promise<Page>;
  listPrompts(params?: object): Promise<Page>;
  listResources(params?: object): Promise<Page>;
  listResourceTemplates(params?: object): Promise<Page>;
}
async function pagesOf(client: Lists, list: keyof typeof LISTS): Promise<string[][]> {
  const [method, member] = LISTS[list];
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    // The newer SDK walks by itself unless it is given a cursor, which the first page has none of.
    const page = await client[method](cursor === undefined ? undefined : { cursor });
    const items = page[member] as { name: string; uri?: string; uriTemplate?: string }[];
    pages.push(items.map(({ name, uri, uriTemplate }) => uri ?? uriTemplate ?? name));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return pages;
}

async function legacySdk(surface: string): Promise<Talker> {
  const transport = new LegacyTransport(new URL(stack.mcp(surface)), {
    requestInit: { headers: { authorization: `Bearer ${tokens.get(surface)}` } },
  });
  const client = new LegacyClient(CLIENT_INFO);
  const heard = { updated: [] as string[], said: [] as unknown[], changes: { count: 0 } };
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.updated.push(params.uri));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void heard.said.push(params.data));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.changes.count++);
  await client.connect(transport as Parameters<LegacyClient['connect']>[0]);
  return {
    ...heard,
    version: transport.protocolVersion,
    pages: (list) => pagesOf(client as unknown as Lists, list),
    call: async (name, args, { progress, signal, meta } = {}) =>
      JSON.stringify(
        await client.callTool({ name, arguments: { ...args }, ...(meta && { _meta: meta }) }, undefined, {
          ...(progress && { onprogress: (each) => progress(each.progress) }),
          ...(signal && { signal }),
        }),
      ),
    prompt: async (name, args) => JSON.stringify(await client.getPrompt({ name, arguments: args })),
    read: async (uri) => JSON.stringify(await client.readResource({ uri })),
    complete: async (ref, name, value) =>
      (await client.complete({ ref: ref as never, argument: { name, value } })).completion.values,
    async level() {
      await client.setLoggingLevel('debug');
      return {};
    },
    watch: async (uri) => void (await client.subscribeResource({ uri })),
    close: () => client.close(),
  };
}

function modernSdk(mode: 'legacy' | 'modern'): (surface: string) => Promise<Talker> {
  return async (surface) => {
    const transport = new ModernTransport(new URL(stack.mcp(surface)), {
      requestInit: { headers: { authorization: `Bearer ${tokens.get(surface)}` } },
    });
    const negotiation = mode === 'modern' ? { versionNegotiation: { mode: { pin: MODERN } } } : {};
    const client = new ModernClient(CLIENT_INFO, negotiation);
    const heard = { updated: [] as string[], said: [] as unknown[], changes: { count: 0 } };
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void heard.updated.push(params.uri),
    );
    client.setNotificationHandler('notifications/message', ({ params }) => void heard.said.push(params.data));
    client.setNotificationHandler('notifications/tools/list_changed', () => void heard.changes.count++);
    await client.connect(transport);
    return {
      ...heard,
      version: client.getNegotiatedProtocolVersion(),
      pages: (list) => pagesOf(client as unknown as Lists, list),
      call: async (name, args, { progress, signal, meta } = {}) =>
        JSON.stringify(
          await client.callTool(
            { name, arguments: { ...args }, ...(meta && { _meta: meta }) },
            { ...(progress && { onprogress: (each) => progress(each.progress) }), ...(signal && { signal }) },
          ),
        ),
      prompt: async (name, args) => JSON.stringify(await client.getPrompt({ name, arguments: args })),
      read: async (uri) => JSON.stringify(await client.readResource({ uri })),
      complete: async (ref, name, value) =>
        (await client.complete({ ref: ref as never, argument: { name, value } })).completion.values,
      async level() {
        if (mode === 'modern') return { 'io.modelcontextprotocol/logLevel': 'debug' };
        await client.setLoggingLevel('debug');
        return {};
      },
      async watch(uri) {
        if (mode === 'legacy') await client.subscribeResource({ uri });
        else await client.listen({ resourceSubscriptions: [uri], toolsListChanged: true });
      },
      close: () => client.close(),
    };
  };
}

const TALKERS: readonly [name: string, era: 'legacy' | 'modern', connect: (surface: string) => Promise<Talker>][] = [
  ['SDK 1.32', 'legacy', legacySdk],
  ['SDK 2.4 as a legacy client', 'legacy', modernSdk('legacy')],
  ['SDK 2.4 as a modern client', 'modern', modernSdk('modern')],
];

describe.each(TALKERS)('%s', (_name, era, connectTo) => {
  const open: Talker[] = [];
  const connect = async (surface = 'fed'): Promise<Talker> => {
    const talker = await connectTo(surface);
    open.push(talker);
    return talker;
  };
  let talker: Talker;
  beforeAll(async () => {
    talker = await connect();
  });
  afterAll(async () => {
    for (const each of open) await each.close();
  });

  test('speaks its own era', async () => {
    expect(talker.version).toBe(era === 'modern' ? MODERN : '2025-11-25');
  });

  test.each([
    ['tools', ['everything__echo', 'old__greet', 'dual__test_simple_text', 'new__greet']],
    ['prompts', ['everything__simple-prompt', 'old__brief', 'dual__test_simple_prompt']],
    ['resources', ['old://one', 'test://static-text', 'test://modern']],
    ['templates', ['old://items/{id}', 'test://template/{id}/data', 'demo://resource/dynamic/text/{resourceId}']],
  ] as const)('lists %s of all servers, each once', async (list, wanted) => {
    const listed = (await talker.pages(list)).flat();
    for (const name of wanted) expect(listed).toContain(name);
    expect(new Set(listed).size).toBe(listed.length);
  });

  test('walks through pages of several servers by sealed cursors', async () => {
    const pages = await (await connect('paged')).pages('tools');
    const all = ['many', 'more'].flatMap((server) =>
      Array.from({ length: MANY }, (__, index) => `${server}__t${index}`),
    );
    expect(pages.flat()).toEqual(all);
  });

  test.each([
    ['everything__echo', { message: 'hi' }, 'Echo: hi'],
    ['old__greet', { who: 'Ada' }, 'old greets Ada'],
    ['dual__test_simple_text', {}, 'simple text response'],
    ['dual__test_image_content', {}, '"type":"image"'],
    ['new__greet', { who: 'Ada' }, 'modern greets Ada'],
  ])('calls %s', async (name, args, wanted) => {
    expect(await talker.call(name, args)).toContain(wanted);
  });

  test.each([
    ['everything__args-prompt', { city: 'Paris' }, 'Paris'],
    ['old__brief', { city: 'paris' }, 'brief of paris'],
    ['dual__test_prompt_with_arguments', { arg1: 'x', arg2: 'y' }, "arg1='x', arg2='y'"],
  ])('gets the prompt %s', async (name, args, wanted) => {
    expect(await talker.prompt(name, args)).toContain(wanted);
  });

  test.each([
    ['old://one', 'one'],
    ['old://items/7', 'item 7'],
    ['test://static-text', 'static text resource'],
    ['test://template/123/data', 'Data for ID: 123'],
    ['test://modern', '"m"'],
    ['demo://resource/dynamic/text/1', '"uri":"demo://resource/dynamic/text/1"'],
  ])('reads %s', async (uri, wanted) => {
    expect(await talker.read(uri)).toContain(wanted);
  });

  test.each([
    ['a prompt of old', { type: 'ref/prompt', name: 'old__brief' }, 'city', 'par', ['paris', 'park']],
    [
      'a prompt of dual',
      { type: 'ref/prompt', name: 'dual__test_prompt_with_arguments' },
      'arg1',
      'par',
      ['paris', 'park', 'party'],
    ],
    ['a template of dual', { type: 'ref/resource', uri: 'test://template/{id}/data' }, 'id', '1', ['123']],
  ])('completes an argument of %s', async (__, ref, name, value, wanted) => {
    expect(await talker.complete(ref, name, value)).toEqual(wanted);
  });

  test.each([
    ['old__work', {}, [1, 2]],
    ['dual__test_tool_with_progress', {}, [0, 50, 100]],
    ['everything__trigger-long-running-operation', { duration: 0.1, steps: 2 }, [1, 2]],
  ])('hears of the progress of %s', async (name, args, wanted) => {
    const seen: number[] = [];
    await talker.call(name, args, { progress: (progress) => seen.push(progress) });
    expect(seen).toEqual(wanted);
  });

  test.each(['old__work', 'dual__test_logging_tool'])('hears the log of %s when it asked for it', async (name) => {
    const before = talker.said.length;
    const meta = await talker.level();
    await until(
      'it said something',
      async () => {
        await talker.call(name, {}, { meta });
        return talker.said.length;
      },
      (count) => count > before,
    );
  });

  test('takes a call back, and its server stops', async () => {
    const name = `${era} ${crypto.randomUUID()}`;
    const back = new AbortController();
    const call = talker.call('old__wait', { name }, { signal: back.signal, progress: () => back.abort('enough') });
    await expect(call).rejects.toThrow();
    await until(
      'the server stopped',
      () => aborted,
      (names) => names.includes(name),
    );
  });

  test.each([
    ['old://one', (talker: Talker) => talker.call('old__touch', {})],
    ['test://modern', async () => modern.resourceUpdated('test://modern')],
  ])('hears that %s was updated, and of no other', async (uri, update) => {
    const talker = await connect();
    await talker.watch(uri);
    await until(
      'the update came',
      async () => {
        await update(talker);
        return talker.updated.length;
      },
      (count) => count > 0,
    );
    expect(new Set(talker.updated)).toEqual(new Set([uri]));
  });

  test('hears that a server’s list changed, and lists it anew', async () => {
    const talker = await connect();
    await talker.watch('old://one');
    const had = (await talker.pages('tools')).flat().includes('dual__test_coming_and_going');
    const before = talker.changes.count;
    await talker.call('dual__test_trigger_tool_change', {});
    await until(
      'the change was told',
      () => talker.changes.count,
      (count) => count > before,
    );
    const again = await connect();
    expect((await again.pages('tools')).flat().includes('dual__test_coming_and_going')).toBe(!had);
  });

  test('hears that a policy took a tool away, and that it is back', async () => {
    const talker = await connect();
    await talker.watch('old://one');
    for (const [tools, there] of [
      [['old/greet'], false],
      [['old/nothing'], true],
    ] as const) {
      const before = talker.changes.count;
      await put(stack, '/v1/policies/less', {
        version: 'tbac/v1',
        surfaces: ['fed'],
        rules: [{ id: 'less', effect: 'deny', tools }],
      });
      await until(
        'the change was told',
        () => talker.changes.count,
        (count) => count > before,
      );
      const again = await connect();
      expect((await again.pages('tools')).flat().includes('old__greet')).toBe(there);
    }
  });
});
