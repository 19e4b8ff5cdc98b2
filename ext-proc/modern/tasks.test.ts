import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { classifyInbound, META } from '../../core/mcp/inbound.ts';
import { NO_FACTS } from '../../core/policy/types.ts';
import {
  ALLOW_ALL,
  callerOf,
  catalogOf,
  messageOf,
  readAs,
  stateOf,
  surfaceOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { sealTask, type TaskRef } from '../compose/task-ids.ts';
import type { Outcome } from '../outcome.ts';
import { viewOfPrincipal } from '../view.ts';
import { answerFor } from './answered.ts';
import type { ModernCall } from './call.ts';
import { answerModernTask } from './tasks.ts';
import { listenedTask, listenedTasks } from './tasks-listened.ts';

const VERSION = '2026-07-28';
const EXTENSION = 'io.modelcontextprotocol/tasks';
const REF: TaskRef = { era: 'modern', server: 'memory', version: '1', tool: 'read_graph', idText: '"t\\u00e9"' };

let world: World;
beforeEach(() => {
  world = worldOf();
  world.catalog = catalogOf({
    servers: [readAs('memory', ['read_graph'], { protocolVersions: ['2025-11-25', VERSION] }), readAs('files', [], {})],
    surfaces: [surfaceOf('default', ['memory', 'files'])],
    policies: [ALLOW_ALL],
  });
});
afterEach(() => world.close());

function callOf(
  method: string,
  params: object,
  capabilities: object = { extensions: { [EXTENSION]: {} } },
): ModernCall {
  const _meta = { [META.protocolVersion]: VERSION, [META.clientCapabilities]: capabilities };
  const message = messageOf({ jsonrpc: '2.0', id: 7, method, params: { ...params, _meta } });
  const { taskId, name } = params as { taskId?: string; name?: string };
  const inbound = classifyInbound(message, { protocolVersion: VERSION, method, name: taskId ?? name });
  if (inbound.era !== 'modern' || inbound.envelope === null) throw new Error(JSON.stringify(inbound));
  const caller = callerOf(world);
  const exposure = viewOfPrincipal(caller.catalog, caller.surface, caller.principal);
  return { ...caller, message, envelope: inbound.envelope, exposure };
}
const handleOf = (over: Partial<TaskRef> = {}, subject = 'alice'): string =>
  sealTask(world.gateway, stateOf({ subject }), { ...REF, ...over })!;
const codeOf = async (outcome: Outcome | Promise<Outcome>): Promise<string> => {
  const settled = await outcome;
  if (settled.kind !== 'immediate') return settled.kind;
  return `${settled.answer.status} ${JSON.parse(settled.answer.body.toString()).error?.code}`;
};

describe('a task', () => {
  test.each([
    ['tasks/get', '{"resultType":"complete","taskId":"té","ttlMs":9007199254740993,"result":{"taskId":"té"}}', true],
    ['tasks/update', '{"resultType":"complete"}', false],
    ['tasks/cancel', '{"resultType":"complete"}', false],
  ])('is asked for by %s under its own id, in header and body', async (method, result, named) => {
    const handle = handleOf();
    const outcome = await answerModernTask(callOf(method, { taskId: handle }));
    if (outcome.kind !== 'pending') throw new Error(JSON.stringify(outcome));
    const settled = Promise.withResolvers<Outcome>();
    outcome.start(settled.resolve);
    const call = world.calls.to('mcp.memory.1');
    expect(call.request).toMatchObject({ headers: { 'mcp-method': method, 'mcp-name': '=?base64?dMOp?=' } });
    expect(String(call.request.body)).toContain('"params":{"taskId":"t\\u00e9","_meta"');
    call.head(200, 'application/json');
    const text = `{"jsonrpc":"2.0","id":7,"result":${result}}`;
    call.event(text);
    call.end();
    // What is inside its result is the server's own.
    const wanted = named ? text.replace('"té"', `"${handle}"`) : text;
    expect(await settled.promise).toMatchObject({ answer: { body: wanted } });
  });

  test.each<[string, () => unknown, string]>([
    ['of another principal', () => handleOf({}, 'eve'), '200 -32602'],
    ['of the other era', () => handleOf({ era: 'legacy' }), '200 -32602'],
    ['that its server gave', () => 't', '200 -32602'],
    ['of a server without this era', () => handleOf({ server: 'files' }), '200 -32602'],
    ['without an id', () => undefined, '200 -32602'],
  ])('%s is refused', async (_, taskId, code) => {
    expect(await codeOf(answerModernTask(callOf('tasks/get', { taskId: taskId() })))).toBe(code);
    expect(world.calls.made).toEqual([]);
  });
  test.each([[{}], [{ extensions: {} }], [{ extensions: 7 }], [{ tasks: {} }]])(
    'is not for a client that declares %j',
    async (capabilities) => {
      const outcome = answerModernTask(callOf('tasks/get', { taskId: handleOf() }, capabilities));
      expect(await codeOf(outcome)).toBe('400 -32021');
      expect(await outcome).toMatchObject({
        answer: { body: expect.stringContaining(`{"requiredCapabilities":{"extensions":{"${EXTENSION}":{}}}}`) },
      });
    },
  );
});

describe('what a server makes a task of', () => {
  const answered = (method: string, params: object, result: string): string => {
    const exposed = world.catalog!.servers.get('memory')!;
    const [version] = exposed.versions;
    const call = callOf(method, params);
    const tool = {
      server: exposed,
      version: version!,
      name: 'read_graph',
      publicName: 'x',
      fixing: null,
      facts: NO_FACTS,
      inputSchema: null,
    };
    return answerFor(call, tool, messageOf(`{"jsonrpc":"2.0","id":7,"result":${result}}`)).join();
  };
  const TASK = '{"resultType":"task","n":9007199254740993,"taskId":"té"}';
  test('has its id sealed', () => {
    const text = answered('tools/call', { name: 'x' }, TASK);
    expect(text).toBe(`{"jsonrpc":"2.0","id":7,"result":${TASK.replace('té', handleOf())}}`);
  });
  test.each([
    ['a call of something else', 'resources/read', { uri: 'x' }, TASK],
    ['a task without an id', 'tools/call', { name: 'x' }, '{"resultType":"task"}'],
    ['a task with a number for an id', 'tools/call', { name: 'x' }, '{"resultType":"task","taskId":7}'],
    ['a task with an endless id', 'tools/call', { name: 'x' }, `{"resultType":"task","taskId":"${'x'.repeat(2000)}"}`],
  ])('is no answer where it is %s', (_, method, params, result) => {
    const text =
      method === 'resources/read' ? answered('tools/list', params, result) : answered(method, params, result);
    expect(JSON.parse(text)).toMatchObject({ id: 7, error: { code: -32000 } });
  });
});

describe('tasks that are listened to', () => {
  const listened = (wanted: unknown, capabilities?: object) =>
    listenedTasks(callOf('subscriptions/listen', { notifications: {} }, capabilities), wanted);
  test('are those of the caller, each once', () => {
    const handle = handleOf();
    const found = listened([handle, handle, handleOf({}, 'eve'), 't', '']);
    expect(found).toEqual({ tasks: [{ handle, ref: REF }] });
    const { tasks } = found as Extract<typeof found, { tasks: unknown }>;
    const about = (params: object) =>
      listenedTask(messageOf({ jsonrpc: '2.0', method: 'notifications/tasks', params }), tasks);
    expect([about({ taskId: 'té' })?.handle, about({ taskId: 'u' }), about({})]).toEqual([
      handle,
      undefined,
      undefined,
    ]);
  });
  test.each([
    ['no list', 7, /array of strings/],
    ['a list of others', [7], /array of strings/],
    ['too many', Array(1001).fill('x'), /at most 1000/],
  ])('are refused as %s', (_, wanted, says) => {
    expect(listened(wanted)).toMatch(says);
  });
  test('are for a client that declares the extension', () => {
    expect(listened([], {})).toMatchObject({ code: 'missing_capability' });
  });
});
