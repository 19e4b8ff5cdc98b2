// Decides that the tasks of several servers are one client's own through the gateway: made, asked for, listed and ended, by nobody else and by no side door.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/index.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  type Task,
  TaskStatusNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_INFO, openSession, raw, request, rpc, texts } from '../support/clients.ts';
import type { TestServer } from '../support/servers.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { type ModernTaskServer, startModernTaskServer, startTaskServer } from '../support/tasks-servers.ts';
import { until } from '../support/until.ts';

const MODERN = '2026-07-28';
const EXTENSION = 'io.modelcontextprotocol/tasks';
const RELATED = 'io.modelcontextprotocol/related-task';
const ALL = { id: 'all', effect: 'allow', tools: ['*'], prompts: ['*'], resources: ['*'] };
const policy = (...rules: object[]) => ({ version: 'tbac/v1', surfaces: ['*'], rules: [ALL, ...rules] });
const SEALED = /^cht1\.[\w.-]+$/;

let stack: Stack;
let alpha: TestServer;
let beta: TestServer;
let modern: ModernTaskServer;
beforeAll(async () => {
  [alpha, beta, modern, stack] = await Promise.all([
    startTaskServer('alpha'),
    startTaskServer('beta'),
    startModernTaskServer(),
    startStack(),
  ]);
  const member = (server: string) => ({ server, tools: ['*'], prompts: ['*'], resources: ['*'] });
  await put('/v1/policies/tasks', policy());
  for (const [name, { url }] of Object.entries({ alpha, beta, modern }))
    await put(`/v1/servers/${name}`, { versions: [{ version: '1', endpoints: [{ url }] }] });
  await put('/v1/surfaces/many', { servers: ['alpha', 'beta', 'everything', 'modern'].map(member) });
  await put('/v1/surfaces/alone', { servers: [member('alpha')] });
  await put('/v1/surfaces/later', { servers: [member('modern')] });
  await put('/v1/surfaces/judged', { servers: ['alpha', 'beta'].map(member), decision: 'ext_authz' });
  for (const [surface, tool] of [
    ['many', 'alpha__work'],
    ['many', 'beta__work'],
    ['many', 'everything__simulate-research-query'],
    ['many', 'modern__work'],
    ['judged', 'beta__work'],
    ['alone', 'work'],
    ['later', 'work'],
  ] as const)
    await until(
      `${tool} on ${surface}`,
      () => toolsOf(surface),
      (tools) => tools.includes(tool),
    );
});
afterAll(async () => {
  await Promise.all([alpha?.close(), beta?.close(), modern?.close()]);
  await stack?.stop();
  stack?.remove();
});

const tokens = new Map<string, Promise<string>>();
function tokenOf(surface: string, subject?: string): Promise<string> {
  const key = `${surface} ${subject}`;
  const token = tokens.get(key) ?? stack.token(surface, subject);
  tokens.set(key, token);
  return token;
}
async function put(path: string, body: object): Promise<void> {
  const response = await stack.api('PUT', path, body);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}
async function toolsOf(surface: string): Promise<readonly string[]> {
  const response = await raw(`${stack.gateway}/v1/surfaces/${surface}/tools`, {
    method: 'GET',
    token: await tokenOf(surface),
  });
  const { tools = [] } = (await response.json()) as { tools?: { name: string }[] };
  return tools.map(({ name }) => name);
}

interface Connected {
  readonly client: Client;
  readonly statuses: Task[];
  readonly related: unknown[];
}
const CAPABILITIES = {
  elicitation: { form: {} },
  sampling: {},
  roots: {},
  tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} } } },
};

/** The SDK's client, which answers all that it is asked, samplings as tasks of its own. */
async function connect(surface: string, subject?: string): Promise<Connected> {
  const token = await tokenOf(surface, subject);
  const transport = new StreamableHTTPClientTransport(new URL(stack.mcp(surface)), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
  const client = new Client(CLIENT_INFO, { capabilities: CAPABILITIES, taskStore: new InMemoryTaskStore() });
  const statuses: Task[] = [];
  const related: unknown[] = [];
  client.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => void statuses.push(params));
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    related.push(params._meta?.[RELATED]);
    return { action: 'accept', content: { who: 'Ann' } };
  });
  client.setRequestHandler(CreateMessageRequestSchema, async (_, { taskStore }) => {
    const task = await taskStore!.createTask({ ttl: 60_000 });
    const content = { type: 'text' as const, text: 'a sample of the client' };
    await taskStore!.storeTaskResult(task.taskId, 'completed', { role: 'assistant', model: 'm', content });
    return { task } as never;
  });
  await client.connect(transport as Parameters<Client['connect']>[0]);
  await client.listTools();
  return { client, statuses, related };
}

/** Makes a task and waits for its end. */
async function run({ client }: Connected, name: string, args: Record<string, unknown>) {
  const created: Task[] = [];
  const polled: Task[] = [];
  for await (const message of client.experimental.tasks.callToolStream({ name, arguments: args })) {
    if (message.type === 'taskCreated') created.push(message.task);
    if (message.type === 'taskStatus') polled.push(message.task);
    if (message.type === 'error') throw message.error;
    if (message.type === 'result')
      return { id: created[0]!.taskId, polled, text: texts(message.result), result: message.result };
  }
  throw new Error('the stream ended without a result');
}
async function begin({ client }: Connected, name: string): Promise<string> {
  const options = { task: { ttl: 60_000 } };
  const stream = client.experimental.tasks.callToolStream(
    { name, arguments: { how: 'hold' } },
    CallToolResultSchema,
    options,
  );
  const { value } = await stream.next();
  await stream.return(undefined as never);
  if (value?.type !== 'taskCreated') throw new Error(`found ${JSON.stringify(value)}, wanted a task`);
  return value.task.taskId;
}
async function listed({ client }: Connected): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.experimental.tasks.listTasks(cursor);
    ids.push(...page.tasks.map(({ taskId }) => taskId));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'it was answered',
    (error: { code: number }) => error.code,
  );

describe('a client with sessions', () => {
  test.each(['many', 'alone', 'judged'])('is told what servers can do with tasks (%s)', async (surface) => {
    const { client } = await connect(surface);
    expect(client.getServerCapabilities()?.tasks).toEqual({ list: {}, cancel: {}, requests: { tools: { call: {} } } });
    expect(client.getServerCapabilities()?.extensions ?? {}).toEqual({});
    await client.close();
  });

  test.each([
    ['many', 'alpha__work', 'alpha'],
    ['many', 'beta__work', 'beta'],
    ['alone', 'work', 'alpha'],
    ['judged', 'beta__work', 'beta'],
  ])('makes a task (%s, %s), and gets its result by its sealed id', async (surface, tool, server) => {
    const connected = await connect(surface);
    const { id, text, result, polled } = await run(connected, tool, { how: 'done' });
    expect(id).toMatch(SEALED);
    expect(text).toBe(`${server} is done`);
    expect(result._meta?.[RELATED]).toEqual({ taskId: id });
    expect(polled.every(({ taskId }) => taskId === id)).toBe(true);
    expect(await connected.client.experimental.tasks.getTask(id)).toMatchObject({ taskId: id, status: 'completed' });
    expect(await listed(connected)).toContain(id);
    await connected.client.close();
  });

  test.each([
    ['many', 'alpha__work'],
    ['alone', 'work'],
  ])('is asked by a task, and hears of its status (%s)', async (surface, tool) => {
    const connected = await connect(surface);
    const { id, text } = await run(connected, tool, { how: 'ask' });
    expect(text).toBe('alpha got {"who":"Ann"}');
    expect(connected.related).toEqual([{ taskId: id }]);
    await until(
      'the status',
      () => Promise.resolve(connected.statuses.map(({ taskId, status }) => `${taskId} ${status}`)),
      (seen) => seen.includes(`${id} completed`),
    );
    expect(connected.statuses.every(({ taskId }) => taskId === id)).toBe(true);
    await connected.client.close();
  });

  test('lists its own tasks of all servers, and nobody else’s; what it cancels is cancelled', async () => {
    const [ann, bob] = await Promise.all([connect('many', 'ann'), connect('many', 'bob')]);
    const ids = [await begin(ann, 'alpha__work'), await begin(ann, 'beta__work')];
    for (let more = 0; more < 12; more++) ids.push(await begin(ann, 'beta__work'));
    const theirs = await begin(bob, 'alpha__work');
    expect([...(await listed(ann))].sort()).toEqual([...ids].sort());
    expect(await listed(bob)).toEqual([theirs]);
    const { tasks } = ann.client.experimental;
    expect(await tasks.cancelTask(ids[0]!)).toMatchObject({ taskId: ids[0], status: 'cancelled' });
    expect(await refusal(tasks.cancelTask(ids[0]!))).toBe(-32602);
    expect(await refusal(tasks.listTasks('nothing'))).toBe(-32602);
    await Promise.all([ann.client.close(), bob.client.close()]);
  });

  test.each(['many', 'alone'])('reaches no task of another, however it asks (%s)', async (surface) => {
    const [ann, eve] = await Promise.all([connect(surface, 'ann'), connect(surface, 'eve')]);
    const id = await begin(ann, surface === 'many' ? 'alpha__work' : 'work');
    const server = alpha.requests.length;
    const { tasks } = eve.client.experimental;
    for (const asked of [id, `${id}A`, 'task-1', ''])
      for (const how of [tasks.getTask, tasks.cancelTask, tasks.getTaskResult] as const)
        expect(await refusal(how.call(tasks, asked)), asked).toBe(-32602);
    expect(alpha.requests.slice(server).filter(({ body }) => body.includes('tasks/'))).toEqual([]);
    expect(await ann.client.experimental.tasks.getTask(id)).toMatchObject({ status: 'working' });
    await Promise.all([ann.client.close(), eve.client.close()]);
  });

  test('goes on with a task in another session of its own', async () => {
    const first = await connect('many', 'ann');
    const id = await begin(first, 'alpha__work');
    await first.client.close();
    const second = await connect('many', 'ann');
    expect(await second.client.experimental.tasks.getTask(id)).toMatchObject({ taskId: id, status: 'working' });
    expect(await refusal((await connect('alone', 'ann')).client.experimental.tasks.getTask(id))).toBe(-32602);
    await second.client.close();
  });

  test.each(['many', 'judged'])(
    'of a tool that it may not call any more has no task any more (%s)',
    async (surface) => {
      const connected = await connect(surface);
      const [id, kept] = [await begin(connected, 'alpha__secret'), await begin(connected, 'alpha__work')];
      const { tasks } = connected.client.experimental;
      const deny = { id: 'no-secrets', effect: 'deny', tools: ['alpha/secret'], reason: 'secret' };
      await put('/v1/policies/tasks', policy(deny));
      await until(
        'the policy',
        () => refusal(tasks.getTask(id)),
        (code) => code === -32602,
      );
      expect(await refusal(tasks.cancelTask(id))).toBe(-32602);
      expect(await refusal(tasks.getTaskResult(id))).toBe(-32602);
      expect(await listed(connected)).not.toContain(id);
      expect(await listed(connected)).toContain(kept);
      await put('/v1/policies/tasks', policy());
      await until(
        'the policy to be as it was',
        () => refusal(tasks.getTask(id)),
        (code) => code === 'it was answered',
      );
      await connected.client.close();
    },
  );

  test('of server-everything gets the result of a research, and serves it a sample as a task of its own', async () => {
    const connected = await connect('many');
    const { id, text } = await run(connected, 'everything__simulate-research-query', {
      topic: 'bees',
      ambiguous: true,
    });
    expect(id).toMatch(SEALED);
    expect(text).toContain('# Research Report: bees');
    expect(connected.related).toEqual([{ taskId: id }]);
    const sampled = await connected.client.callTool({
      name: 'everything__trigger-sampling-request-async',
      arguments: { prompt: 'p', maxTokens: 9 },
    });
    expect(texts(sampled)).toContain('[COMPLETED]');
    expect(texts(sampled)).toContain('a sample of the client');
    // It was given no id of the client's own.
    expect(/Task created: (\S+)/.exec(texts(sampled))?.[1]).toMatch(SEALED);
    await connected.client.close();
  }, 60_000);

  test('of an older version has no tasks: the methods are unknown, and its calls are calls', async () => {
    const token = await tokenOf('many');
    const session = await openSession(stack.mcp('many'), token, '2025-06-18');
    const asked = await rpc(await raw(stack.mcp('many'), { token, session, body: request(1, 'tasks/list') }));
    expect(asked.error?.code).toBe(-32601);
  });
});

const meta = (extensions: object = { [EXTENSION]: {} }) => ({
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': { extensions },
  'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
});

/** One request of the modern era, as raw JSON text. */
async function asked(
  surface: string,
  method: string,
  params: Record<string, unknown>,
  over: { subject?: string; name?: string; extensions?: object } = {},
) {
  const name = over.name ?? params.name ?? params.taskId;
  const response = await raw(stack.mcp(surface), {
    token: await tokenOf(surface, over.subject),
    headers: {
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
    },
    body: { jsonrpc: '2.0', id: 7, method, params: { ...params, _meta: meta(over.extensions) } },
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: what the wire brings
  const message = JSON.parse(text) as { result?: any; error?: any };
  return { status: response.status, text, ...message };
}

describe.each([
  ['many', 'modern__work'],
  ['later', 'work'],
])('a client without sessions (%s)', (surface, tool) => {
  test('is told of the extension, and makes, asks for, feeds and ends a task by its sealed id', async () => {
    const discovered = await asked(surface, 'server/discover', {});
    expect(discovered.result.capabilities.extensions).toEqual({ [EXTENSION]: {} });
    expect(discovered.result.capabilities.tasks).toBeUndefined();
    const made = await asked(surface, 'tools/call', { name: tool, arguments: {} });
    expect(made.result).toMatchObject({ resultType: 'task', status: 'working', taskId: expect.stringMatching(SEALED) });
    expect(made.text).toContain('"x":9007199254740993');
    const { taskId } = made.result;
    const own = modern.tasks.at(-1)!;
    const got = await asked(surface, 'tasks/get', { taskId });
    expect(got.result).toMatchObject({ resultType: 'complete', taskId, status: 'input_required' });
    expect(got.text).toContain('"ttlMs":9007199254740993');
    expect(modern.requests.at(-1)).toMatchObject({
      headers: { 'mcp-method': 'tasks/get', 'mcp-name': own, 'mcp-protocol-version': MODERN },
      body: expect.stringContaining(`"taskId":"${own}"`),
    });
    const inputResponses = { q: { roots: [] } };
    expect((await asked(surface, 'tasks/update', { taskId, inputResponses })).result).toEqual({
      resultType: 'complete',
    });
    expect((await asked(surface, 'tasks/get', { taskId })).result).toMatchObject({
      status: 'completed',
      result: { given: inputResponses },
    });
    expect((await asked(surface, 'tasks/cancel', { taskId })).result).toEqual({ resultType: 'complete' });
  });

  test('hears of its own tasks, and of no other', async () => {
    const [one, other] = [
      await asked(surface, 'tools/call', { name: tool, arguments: {} }),
      await asked(surface, 'tools/call', { name: tool, arguments: {} }),
    ];
    const theirs = await asked(surface, 'tools/call', { name: tool, arguments: {} }, { subject: 'eve' });
    const [own, others, hers] = modern.tasks.slice(-3) as [string, string, string];
    const taskIds = [one.result.taskId, theirs.result.taskId, others, 'nothing'];
    const leaving = new AbortController();
    const response = await raw(stack.mcp(surface), {
      token: await tokenOf(surface),
      headers: { 'mcp-protocol-version': MODERN, 'mcp-method': 'subscriptions/listen' },
      body: {
        jsonrpc: '2.0',
        id: 'l',
        method: 'subscriptions/listen',
        params: { notifications: { taskIds }, _meta: meta() },
      },
      signal: leaving.signal,
    });
    const events = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    const read = async (what: string): Promise<void> => {
      while (!heard.includes(what)) heard += (await events.read()).value ?? '';
    };
    await read('acknowledged');
    await read('\n\n');
    expect(heard).toContain(`"taskIds":["${one.result.taskId}"]`);
    await until(
      'the server to be listened to',
      () => Promise.resolve(modern.requests.filter(({ body }) => body.includes(`"taskIds":["${own}"]`)).length),
      (count) => count > 0,
    );
    for (const changed of [hers, others, own]) modern.changed(changed);
    await read('"method":"notifications/tasks"');
    while (!heard.endsWith('\n\n')) heard += (await events.read()).value ?? '';
    expect(heard.match(/"io.modelcontextprotocol\/subscriptionId":"l"/g)).toHaveLength(2);
    expect(heard).toContain(`"taskId":"${one.result.taskId}"`);
    expect(heard).toContain('"ttlMs":9007199254740993');
    for (const absent of [other.result.taskId, theirs.result.taskId, own, others, hers])
      expect(heard).not.toContain(`"${absent}"`);
    leaving.abort();
    const undeclared = { notifications: { taskIds: [] } };
    expect((await asked(surface, 'subscriptions/listen', undeclared, { extensions: {} })).error.code).toBe(-32021);
  });

  test('is refused what is not its own, what disagrees, and what it does not declare', async () => {
    const { taskId } = (await asked(surface, 'tools/call', { name: tool, arguments: {} })).result;
    const before = modern.requests.length;
    const refused = async (...args: Parameters<typeof asked>) => {
      const { status, error } = await asked(...args);
      return `${status} ${error?.code}`;
    };
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      expect(await refused(surface, method, { taskId }, { subject: 'eve' })).toBe('200 -32602');
      expect(await refused(surface, method, { taskId: modern.tasks.at(-1) })).toBe('200 -32602');
      expect(await refused(surface, method, { taskId }, { name: 'other' })).toBe('400 -32020');
      expect(await refused(surface, method, { taskId }, { extensions: {} })).toBe('400 -32021');
    }
    expect(await refused(surface, 'tasks/list', {})).toBe('404 -32601');
    expect(await refused(surface, 'tasks/result', { taskId })).toBe('404 -32601');
    expect(modern.requests.slice(before)).toEqual([]);
    const plain = await asked(surface, 'tools/call', { name: tool, arguments: {} }, { extensions: {} });
    expect(texts(plain.result)).toBe('at once');
  });
});

test('between the eras there are no tasks: nothing is said of them, and a call is a call', async () => {
  const { client } = await connect('later');
  expect(client.getServerCapabilities()?.tasks).toBeUndefined();
  expect(client.getServerCapabilities()?.extensions ?? {}).toEqual({});
  expect(texts(await client.callTool({ name: 'work', arguments: {} }))).toBe('at once');
  expect(await refusal(client.experimental.tasks.getTask('any'))).not.toBe('it was answered');
  await client.close();
  const discovered = await asked('alone', 'server/discover', {});
  expect(discovered.result.capabilities).not.toHaveProperty('tasks');
  expect(discovered.result.capabilities).not.toHaveProperty('extensions');
});
