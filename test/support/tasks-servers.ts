// Decides how a test gets servers with tasks: one of the legacy era, of the SDK, and one of the modern era, by hand.
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/index.js';
import { ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { startTestServer, type TestServer } from './servers.ts';

/** As servers do that know nothing of sessions: every session sees every task. */
class SharedTaskStore extends InMemoryTaskStore {
  override createTask(...[params, id, request]: Parameters<InMemoryTaskStore['createTask']>) {
    return super.createTask(params, id, request);
  }
}

const CAPABILITIES = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };

/**
 * With a tool `work`: its tasks are done at once, or ask who is there, or go on until they are cancelled; and a tool
 * `secret`, the same.
 */
export function startTaskServer(name: string): Promise<TestServer> {
  const store = new SharedTaskStore();
  const furnish: Parameters<typeof startTestServer>[2] = (server) => {
    for (const tool of ['work', 'secret'])
      server.experimental.tasks.registerToolTask(
        tool,
        {
          inputSchema: { how: z.enum(['done', 'ask', 'hold']) },
          execution: { taskSupport: 'required' },
        },
        {
          createTask: async ({ how }, extra) => {
            const { taskStore, taskRequestedTtl } = extra;
            const task = await taskStore.createTask({ ttl: taskRequestedTtl ?? null, pollInterval: 20 });
            const { taskId } = task;
            const finish = (text: string): Promise<void> =>
              taskStore.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text }] });
            const run = async (): Promise<void> => {
              if (how === 'done') return finish(`${name} is done`);
              if (how === 'hold') return;
              await taskStore.updateTaskStatus(taskId, 'input_required');
              const params = {
                message: name,
                requestedSchema: { type: 'object' as const, properties: { who: { type: 'string' as const } } },
              };
              // The SDK's own types leave out what its servers of examples use.
              const request = { method: 'elicitation/create' as const, params };
              const { content } = await extra.sendRequest(request, ElicitResultSchema, {
                relatedTask: { taskId },
              } as never);
              await finish(`${name} got ${JSON.stringify(content)}`);
            };
            void run().catch(() => undefined);
            return { task };
          },
          getTask: (_, extra) => extra.taskStore.getTask(extra.taskId),
          getTaskResult: async (_, extra) => (await extra.taskStore.getTaskResult(extra.taskId)) as never,
        },
      );
  };
  return startTestServer(name, 0, furnish, {
    capabilities: CAPABILITIES,
    tasks: { taskStore: store, taskMessageQueue: new InMemoryTaskMessageQueue() },
  });
}

const EXTENSION = 'io.modelcontextprotocol/tasks';

export interface ModernTaskServer extends Omit<TestServer, 'forget'> {
  /** The server's own ids of its tasks, in the order in which they were made. */
  readonly tasks: readonly string[];
  /** Says that the status of a task changed, to who listens. */
  changed(taskId: string): void;
}

interface Message {
  readonly id: number;
  readonly method: string;
  readonly params: {
    readonly name?: string;
    readonly taskId?: string;
    readonly inputResponses?: unknown;
    readonly notifications?: { readonly taskIds?: readonly string[] };
    readonly _meta?: Readonly<Record<string, { readonly extensions?: object }>>;
  };
}

/** No package has the extension: what it adds is written here, over a server of the SDK. Its tool is `work`. */
export async function startModernTaskServer(): Promise<ModernTaskServer> {
  const handler = createMcpHandler(
    () => {
      const capabilities = { tools: { listChanged: true }, extensions: { [EXTENSION]: {} } };
      const server = new McpServer({ name: 'later', version: '1.0.0' }, { capabilities });
      const inputSchema = fromJsonSchema<object>({ type: 'object', properties: {} });
      server.registerTool('work', { inputSchema }, async () => ({ content: [{ type: 'text', text: 'at once' }] }));
      return server;
    },
    { legacy: 'reject' },
  );
  const tasks = new Map<string, string>();
  const listeners = new Set<(taskId: string) => void>();
  const requests: ModernTaskServer['requests'] = [];
  const stateOf = (taskId: string): string =>
    `"taskId":"${taskId}","createdAt":"2026-07-28T00:00:00Z","lastUpdatedAt":"2026-07-28T00:00:00Z","ttlMs":9007199254740993,${tasks.get(taskId)}`;
  const listen = ({ id, params }: Message): Response => {
    const wanted = params.notifications?.taskIds ?? [];
    const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
    const encoder = new TextEncoder();
    let tell = (_: string): void => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const say = (text: string): void => controller.enqueue(encoder.encode(`data: ${text}\n\n`));
        const acknowledged = { notifications: { taskIds: wanted }, _meta };
        const method = 'notifications/subscriptions/acknowledged';
        say(JSON.stringify({ jsonrpc: '2.0', method, params: acknowledged }));
        tell = (taskId) => {
          const told = `{"jsonrpc":"2.0","method":"notifications/tasks","params":{${stateOf(taskId)},"_meta":${JSON.stringify(_meta)}}}`;
          if (wanted.includes(taskId)) say(told);
        };
        listeners.add(tell);
      },
      cancel: () => void listeners.delete(tell),
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  const answer = ({ id, method, params }: Message): string | null => {
    const result = (members: string): string => `{"jsonrpc":"2.0","id":${id},"result":{${members}}}`;
    const declared = params._meta?.['io.modelcontextprotocol/clientCapabilities']?.extensions ?? {};
    if (method === 'tools/call' && params.name === 'work' && EXTENSION in declared) {
      const taskId = `task-${tasks.size}`;
      tasks.set(taskId, '"status":"input_required","inputRequests":{"q":{"method":"roots/list"}}');
      return result(`"resultType":"task","taskId":"${taskId}","status":"working","x":9007199254740993`);
    }
    if (!method.startsWith('tasks/')) return null;
    const taskId = params.taskId ?? '';
    if (!tasks.has(taskId)) return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32602,"message":"Task not found"}}`;
    if (method === 'tasks/get') return result(`"resultType":"complete",${stateOf(taskId)}`);
    const given = JSON.stringify(params.inputResponses);
    tasks.set(
      taskId,
      method === 'tasks/cancel'
        ? '"status":"cancelled"'
        : `"status":"completed","result":{"content":[],"given":${given}}`,
    );
    return result('"resultType":"complete"');
  };
  const serve = async (request: Request): Promise<Response> => {
    const body = await request.clone().text();
    requests.push({ method: request.method, headers: Object.fromEntries(request.headers), body });
    const message = body === '' ? null : (JSON.parse(body) as Message);
    if (message?.method === 'subscriptions/listen' && message.params.notifications?.taskIds !== undefined)
      return listen(message);
    const text = message === null || message.method === undefined ? null : answer(message);
    if (text === null) return handler.fetch(request);
    return new Response(text, { headers: { 'content-type': 'application/json' } });
  };
  const http = createServer(getRequestListener(serve, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    get tasks() {
      return [...tasks.keys()];
    },
    changed(taskId) {
      for (const tell of listeners) tell(taskId);
    },
    async close() {
      await handler.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
