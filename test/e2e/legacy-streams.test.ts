// Decides that a client of the legacy era hears of all its backends on one GET stream, and goes on where it was after anything broke.

import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  LoggingMessageNotificationSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SseParser } from '../../core/mcp/sse.ts';
import { connectLegacy, openSession, raw, request, rpc } from '../support/clients.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Says on its GET stream what it is told to say. */
function talking(server: McpServer): void {
  const levels: string[] = [];
  const subscribed = new Set<string>();
  server.registerTool(
    'say',
    { description: 'Says something.', inputSchema: { data: z.string() } },
    async ({ data }) => {
      await server.server.notification({ method: 'notifications/message', params: { level: 'emergency', data } });
      return { content: [{ type: 'text', text: JSON.stringify({ levels }) }] };
    },
  );
  server.registerTool('touch', { description: 'Changes what is watched.', inputSchema: {} }, async () => {
    for (const uri of subscribed) await server.server.sendResourceUpdated({ uri });
    return { content: [] };
  });
  server.registerResource('watched', 'test://watched', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'x' }] }));
  server.registerPrompt(
    'brief',
    {
      argsSchema: {
        city: completable(z.string(), (value) => ['paris', 'park'].filter((each) => each.startsWith(value))),
      },
    },
    () => ({ messages: [] }),
  );
  server.server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    levels.push(params.level);
    return {};
  });
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
}

/** Two pauses of a client, and a start of ext-proc on a busy machine. */
const RESTART_DEADLINE_MS = 30_000;

interface Listener {
  readonly status: number;
  readonly events: { readonly id: string | null; readonly data: string }[];
  /** Of the notifications/message, in order. */
  said(): unknown[];
  lastId(): string;
  readonly ended: boolean;
  close(): void;
}
const listeners: Listener[] = [];

async function listen(surface: string, session: string, lastEventId = ''): Promise<Listener> {
  const abort = new AbortController();
  const response = await fetch(stack.mcp(surface), {
    signal: abort.signal,
    headers: {
      accept: 'text/event-stream',
      authorization: `Bearer ${await stack.token(surface)}`,
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-11-25',
      ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
    },
  });
  const events: Listener['events'] = [];
  const listener = {
    status: response.status,
    events,
    ended: false,
    said: () =>
      events
        .filter(({ data }) => data.includes('notifications/message'))
        .map(({ data }) => JSON.parse(data).params.data),
    lastId: () => events.at(-1)?.id ?? '',
    close: () => abort.abort(),
  };
  listeners.push(listener);
  void (async () => {
    const parser = new SseParser(1_000_000);
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? [])
        events.push(...parser.push(decoder.decode(chunk, { stream: true })));
    } catch {
      // It broke, or we closed it.
    }
    listener.ended = true;
  })();
  return listener;
}

let stack: Stack;
let servers: TestServer[];
beforeAll(async () => {
  const options = { resumable: true, capabilities: { logging: {}, resources: { subscribe: true } } };
  servers = await Promise.all(['alpha', 'beta'].map((name) => startTestServer(name, 0, talking, options)));
  servers.push(await startTestServer('plain'));
  stack = await startStack({ example: '' });
  for (const [index, name] of ['alpha', 'beta', 'plain'].entries()) {
    await put(`/v1/servers/${name}`, { versions: [{ version: '1', endpoints: [{ url: servers[index]!.url }] }] });
  }
  await put('/v1/policies/everything', {
    version: 'tbac/v1',
    rules: [{ id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] }],
  });
  await put('/v1/surfaces/default', { servers: ['alpha', 'beta', 'plain'].map((server) => ({ server })) });
  await put('/v1/surfaces/one', { servers: [{ server: 'alpha' }] });
  for (const surface of ['default', 'one']) {
    const token = await stack.token(surface);
    await until(
      `${surface} is served`,
      async () => {
        const response = await raw(`${stack.gateway}/v1/surfaces/${surface}/tools`, { method: 'GET', token });
        return response.status === 200 ? ((await response.json()) as { tools: unknown[] }).tools.length : 0;
      },
      (tools) => tools >= (surface === 'one' ? 3 : 7),
    );
  }
});
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await Promise.all((servers ?? []).map((server) => server.close()));
});

async function put(path: string, body: object): Promise<void> {
  const answer = await stack.api('PUT', path, body);
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}
async function ask(
  surface: string,
  session: string,
  method: string,
  params: object,
): Promise<Awaited<ReturnType<typeof rpc>>> {
  const token = await stack.token(surface);
  const headers = { 'mcp-protocol-version': '2025-11-25' };
  return rpc(await raw(stack.mcp(surface), { token, session, headers, body: request(1, method, params) }));
}
const say = (surface: string, session: string, name: string, data: string) =>
  ask(surface, session, 'tools/call', { name, arguments: { data } });
const sessionOn = async (surface: string): Promise<string> =>
  openSession(stack.mcp(surface), await stack.token(surface));
/** The streams of the backends are opened with the client's, but later. */
const listening = (session: string, count: number) =>
  until(
    `${count} backends are listened to`,
    async () => servers.flatMap(({ requests }) => requests).filter(({ method }) => method === 'GET').length,
    (gets) => gets >= count,
  ).then(() => session);
const gets = (): number => servers.flatMap(({ requests }) => requests).filter(({ method }) => method === 'GET').length;
const heard = (listener: Listener, ...said: string[]) =>
  until(
    'everything was heard',
    async () => listener.said(),
    (found) => found.length >= said.length,
  ).then((found) => expect(found).toEqual(said));

describe('on a surface with several servers', () => {
  test('one stream has what each of them says', async () => {
    const session = await sessionOn('default');
    const before = gets();
    const listener = await listen('default', session);
    await listening(session, before + 3);
    await say('default', session, 'alpha__say', 'a1');
    await heard(listener, 'a1');
    await say('default', session, 'beta__say', 'b1');
    await heard(listener, 'a1', 'b1');
    expect(listener.events[0]?.data).toBe('');
    expect(listener.events.every(({ id }) => id?.startsWith('che1.'))).toBe(true);
    expect(new Set(listener.events.map(({ id }) => id)).size).toBe(listener.events.length);
  });

  test.each(['ext-proc', 'envoy'])(
    'it goes on after a restart of %s, and nothing that was said meanwhile is lost or comes twice',
    async (part) => {
      const session = await sessionOn('default');
      const before = gets();
      const first = await listen('default', session);
      await listening(session, before + 3);
      await say('default', session, 'alpha__say', 'a1');
      await say('default', session, 'beta__say', 'b1');
      await until(
        'both were heard',
        async () => first.said().length,
        (count) => count === 2,
      );
      const pid = stack.pid(part);
      process.kill(pid, 'SIGKILL');
      await until(
        'the stream broke',
        async () => first.ended,
        (ended) => ended,
      );
      await until(
        'the part is back',
        async () => {
          try {
            return (
              stack.pid(part) !== pid && (await say('default', session, 'alpha__say', 'missed')).result !== undefined
            );
          } catch {
            return false;
          }
        },
        (back) => back,
      );
      const second = await listen('default', session, first.lastId());
      expect(second.status).toBe(200);
      await until(
        'what was missed was heard',
        async () => second.said(),
        (said) => said.includes('missed'),
      );
      expect(second.said().filter((data) => data !== 'missed')).toEqual([]);
      await until(
        'the other one is heard again',
        async () => {
          await say('default', session, 'beta__say', 'b2');
          return second.said();
        },
        (said) => said.includes('b2'),
      );
    },
  );

  test('a Last-Event-ID of another session is refused, and so is a text of nobody’s', async () => {
    const first = await listen('default', await sessionOn('default'));
    await until(
      'it was primed',
      async () => first.events.length,
      (count) => count > 0,
    );
    const other = await sessionOn('default');
    expect((await listen('default', other, first.lastId())).status).toBe(400);
    expect((await listen('default', other, 'abc')).status).toBe(400);
  });

  test('all that log are told the level', async () => {
    const session = await sessionOn('default');
    expect((await ask('default', session, 'logging/setLevel', { level: 'error' })).result).toEqual({});
    for (const name of ['alpha__say', 'beta__say']) {
      const { result } = await say('default', session, name, 'x');
      expect(JSON.stringify(result)).toContain('error');
    }
    expect((await ask('default', session, 'logging/setLevel', { level: 'loud' })).error?.code).toBe(-32602);
  });

  test('a resource is watched at its owner, and its changes come over the stream', async () => {
    const session = await sessionOn('default');
    const before = gets();
    const listener = await listen('default', session);
    await listening(session, before + 3);
    // Both have it, so it is the first one's.
    expect((await ask('default', session, 'resources/subscribe', { uri: 'test://watched' })).result).toEqual({});
    await ask('default', session, 'tools/call', { name: 'beta__touch', arguments: {} });
    await ask('default', session, 'tools/call', { name: 'alpha__touch', arguments: {} });
    const updated = () => listener.events.filter(({ data }) => data.includes('resources/updated'));
    await until(
      'it was heard',
      async () => updated().length,
      (count) => count > 0,
    );
    expect(updated().map(({ data }) => JSON.parse(data).params)).toEqual([{ uri: 'test://watched' }]);
    expect((await ask('default', session, 'resources/unsubscribe', { uri: 'test://watched' })).result).toEqual({});
    expect((await ask('default', session, 'resources/subscribe', { uri: 'test://none' })).error?.code).toBe(-32002);
  });

  test('an argument is completed by the prompt’s own server', async () => {
    const session = await sessionOn('default');
    const argument = { name: 'city', value: 'pa' };
    const { result } = await ask('default', session, 'completion/complete', {
      ref: { type: 'ref/prompt', name: 'beta__brief' },
      argument,
    });
    expect(result).toMatchObject({ completion: { values: ['paris', 'park'] } });
    const unknown = await ask('default', session, 'completion/complete', {
      ref: { type: 'ref/prompt', name: 'brief' },
      argument,
    });
    expect(unknown.error?.code).toBe(-32602);
  });
});

describe('on a surface with one server', () => {
  test('events have the server’s own ids, and a stream goes on by them', async () => {
    const session = await sessionOn('one');
    const before = gets();
    const first = await listen('one', session);
    await listening(session, before + 1);
    await say('one', session, 'say', 'a1');
    await heard(first, 'a1');
    expect(first.lastId()).toMatch(/^_GET_stream/);
    first.close();
    await until(
      'it ended',
      async () => first.ended,
      (ended) => ended,
    );
    await say('one', session, 'say', 'missed');
    const second = await listen('one', session, first.lastId());
    await heard(second, 'missed');
    await say('one', session, 'say', 'a2');
    await heard(second, 'missed', 'a2');
  });
});

test('a client of the SDK hears on, over a restart of ext-proc', async () => {
  const { client, transport } = await connectLegacy(stack.mcp(), await stack.token());
  const said: unknown[] = [];
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void said.push(params.data));
  const calling = (data: string) => client.callTool({ name: 'alpha__say', arguments: { data } });
  await until(
    'it hears',
    async () => {
      await calling('before');
      return said;
    },
    (all) => all.includes('before'),
  );
  process.kill(stack.pid('ext-proc'), 'SIGKILL');
  await until(
    'it hears again',
    async () => {
      await calling('after').catch(() => undefined);
      return said;
    },
    (all) => all.includes('after'),
    RESTART_DEADLINE_MS,
  );
  await transport.close();
});
