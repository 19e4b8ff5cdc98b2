import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { govern } from '../../core/catalog/govern.ts';
import type { JsonObject } from '../../core/json.ts';
import { isSealedTask, RELATED_TASK } from '../../core/mcp/tasks.ts';
import type { SessionState } from '../../core/session/types.ts';
import {
  ALLOW_ALL,
  catalogOf,
  messageOf,
  NOW_MS,
  readAs,
  request,
  sessionCallOf,
  stateOf,
  surfaceOf,
  versionedServer,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { openTask, sealTask, type TaskRef } from '../compose/task-ids.ts';
import type { Outcome } from '../outcome.ts';
import { relay } from './relay.ts';
import { answerTask, tellTaskStatus } from './tasks.ts';
import { listTasks } from './tasks-list.ts';

const TASKS = { capabilities: { tools: {}, tasks: { list: {}, cancel: {} } } };
const REF: TaskRef = { era: 'legacy', server: 'memory', version: '1', tool: 'read_graph', idText: '"t\\u00e9"' };

let world: World;
beforeEach(() => {
  world = worldOf();
  world.catalog = worldWith();
});
afterEach(() => world.close());

function worldWith(over: Partial<Parameters<typeof catalogOf>[0]> = {}) {
  const servers = [readAs('memory', ['read_graph', 'delete_entities'], TASKS), readAs('files', ['read'], TASKS)];
  return catalogOf({
    servers,
    surfaces: [surfaceOf('default', ['memory', 'files']), surfaceOf('one', ['memory'])],
    policies: [ALLOW_ALL],
    ...over,
  });
}
const handleOf = (over: Partial<TaskRef> = {}, owner: Partial<SessionState> = {}): string =>
  sealTask(world.gateway, stateOf(owner), { ...REF, ...over })!;
const callOf = (method: string, params: object, over: Partial<SessionState> = {}) =>
  sessionCallOf(world, messageOf(request(method, params, 7)), over);

/** What the client is answered when its server says `text` to `method`; {id} is the client's own. */
async function answered(outcome: Outcome | Promise<Outcome>, text: string, cluster = 'mcp.memory.1'): Promise<string> {
  const started = await outcome;
  if (started.kind !== 'pending') throw new Error(JSON.stringify(started));
  const settled = Promise.withResolvers<Outcome>();
  started.start(settled.resolve);
  const call = world.calls.to(cluster);
  call.head(200, 'application/json');
  call.event(text);
  call.end();
  const shown = await settled.promise;
  if (shown.kind !== 'immediate') throw new Error(JSON.stringify(shown));
  return shown.answer.body.toString();
}
const codeOf = async (outcome: Outcome | Promise<Outcome>): Promise<string> => {
  const settled = await outcome;
  if (settled.kind !== 'immediate') return settled.kind;
  return `${settled.answer.details} ${JSON.parse(settled.answer.body.toString()).error?.code}`;
};

describe('a call that is wanted as a task', () => {
  const made = (params: object, over: Partial<SessionState> = {}): Outcome | Promise<Outcome> => {
    const call = callOf('tools/call', { name: 'memory__read_graph', ...params }, over);
    const verdict = govern(call.message, call);
    if (verdict.kind !== 'call') throw new Error(JSON.stringify(verdict));
    return relay(call, verdict);
  };
  const CREATED = `{"jsonrpc":"2.0","id":7,"result":{ "n":9007199254740993,"task":{"ttl":1e3,"taskId":"t\\u00e9","x":[1]},"_meta":{"${RELATED_TASK}":{"taskId":"té"}}}}`;

  test('has its task’s id sealed with its tool, each time it is named, and every other byte as it was', async () => {
    const text = await answered(made({ task: { ttl: 1 } }), CREATED);
    const handle = /"taskId":"(cht1[^"]*)"/.exec(text)![1]!;
    expect(text).toBe(CREATED.replace('"t\\u00e9"', `"${handle}"`).replace('"té"', `"${handle}"`));
    expect(openTask(world.gateway, stateOf(), 'legacy', handle)).toEqual({ ok: true, ref: REF });
    expect(isSealedTask(handle)).toBe(true);
  });
  test.each([
    ['is a call for a server that does not know tasks', '{"jsonrpc":"2.0","id":7,"result":{"content":[]}}'],
    ['may fail', '{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}'],
  ])('%s', async (_, text) => {
    expect(await answered(made({ task: {} }), text)).toBe(text);
  });
  test.each(['7', `"${'x'.repeat(2000)}"`])('is malformed where the id of the task is %.9s', async (id) => {
    const text = `{"jsonrpc":"2.0","id":7,"result":{"task":{"taskId":${id}}}}`;
    expect(JSON.parse(await answered(made({ task: {} }), text))).toMatchObject({ id: 7, error: { code: -32000 } });
  });
  test('is a call like any other without `task`, and in a version without tasks', async () => {
    expect((await made({})).kind).toBe('relay');
    expect((await made({ task: {} }, { protocolVersion: '2025-06-18' })).kind).toBe('relay');
  });
});

describe('a task', () => {
  test.each([
    ['tasks/get', '{"taskId":"t\\u00e9","status":"working","n":9007199254740993}'],
    ['tasks/cancel', '{"status":"cancelled", "taskId" : "té"}'],
    ['tasks/result', `{"content":[],"n":9007199254740993,"_meta":{"${RELATED_TASK}":{"taskId":"té"}}}`],
  ])('is asked for by %s under its own id, and named by that of its client', async (method, result) => {
    const handle = handleOf();
    const text = `{"jsonrpc":"2.0","id":7,"result":${result}}`;
    expect(await answered(answerTask(callOf(method, { taskId: handle, x: 1 })), text)).toBe(
      text.replace(/"t(é|\\u00e9)"/, `"${handle}"`),
    );
    expect(world.calls.to('mcp.memory.1').request).toMatchObject({
      sessionId: 'memory-session',
      body: Buffer.from(`{"jsonrpc":"2.0","id":7,"method":"${method}","params":{"taskId":"t\\u00e9","x":1}}`),
    });
  });

  test('of another process is remembered here once its client asks for it', () => {
    const handle = handleOf();
    const other = worldOf();
    expect(openTask(other.gateway, stateOf(), 'legacy', handle)).toMatchObject({ ok: true });
    expect(other.gateway.tasks.find(stateOf(), REF)).toEqual({ handle, tool: 'read_graph' });
    other.close();
  });

  const refusals: [string, () => string | number | null, string][] = [
    ['of another principal', () => handleOf({}, { subject: 'eve' }), 'forged'],
    ['of another issuer', () => handleOf({}, { issuer: 'http://other.test' }), 'forged'],
    ['of another surface', () => handleOf({}, { surface: 'one' }), 'forged'],
    ['of the other era', () => handleOf({ era: 'modern' }), 'of another use'],
    ['that its server gave', () => 't', 'malformed'],
    ['with a character more', () => `${handleOf()}A`, 'malformed'],
    ['of a server that is gone', () => handleOf({ server: 'gone' }), 'its server version is gone'],
    ['of a version that is gone', () => handleOf({ version: '9' }), 'its server version is gone'],
    ['of a tool that is none of the surface', () => handleOf({ tool: 'gone' }), 'its tool is not on this surface'],
  ];
  test.each(refusals)('%s is unknown', async (_, taskId, reason) => {
    expect(await codeOf(answerTask(callOf('tasks/get', { taskId: taskId() })))).toBe('chancery_unknown_task -32602');
    expect(world.logged.at(-1)).toMatchObject({ msg: 'a task was refused', reason });
    expect(world.calls.made).toEqual([]);
  });
  test.each([7, null, undefined])('needs an id that is a text, not %s', async (taskId) => {
    expect(await codeOf(answerTask(callOf('tasks/get', { taskId })))).toBe('chancery_invalid_params -32602');
  });
  test('is unknown when its time is over', async () => {
    const call = callOf('tasks/get', { taskId: handleOf() });
    world.nowMs = NOW_MS + 7 * 24 * 3_600_000;
    expect(await codeOf(answerTask(call))).toBe('chancery_unknown_task -32602');
  });
  test('of a tool that its client may not call any more is unknown; the log says why', async () => {
    const taskId = handleOf();
    const rules = [{ id: 'no', effect: 'deny' as const, tools: ['memory/read_graph'], reason: 'no more' }];
    world.catalog = worldWith({ policies: [ALLOW_ALL, { ...ALLOW_ALL, name: 'deny', rules } as never] });
    expect(await codeOf(answerTask(callOf('tasks/result', { taskId })))).toBe('chancery_unknown_task -32602');
    expect(world.logged.at(-1)).toMatchObject({ reason: 'its tool is denied', rules: ['deny/no'] });
  });
  test('stays with the version that has it', async () => {
    const taskId = handleOf();
    const [one, two] = [readAs('memory', ['read_graph'], TASKS), readAs('memory', ['other'], TASKS)];
    const versions = [
      { ...one.versions[0]!, state: 'deprecated' as const },
      { ...two.versions[0]!, version: '2', cluster: 'mcp.memory.2' },
    ];
    world.catalog = worldWith({ servers: [versionedServer('memory', versions), readAs('files', ['read'], TASKS)] });
    const text = '{"jsonrpc":"2.0","id":7,"result":{}}';
    expect(
      await answered(
        answerTask(callOf('tasks/get', { taskId }, { backends: [{ server: 'memory', version: '1', sessionId: 'm' }] })),
        text,
      ),
    ).toBe(text);
  });
  test('is of no method that is known where no server has tasks, or the client is older', async () => {
    const taskId = handleOf();
    expect(await codeOf(answerTask(callOf('tasks/get', { taskId }, { protocolVersion: '2025-06-18' })))).toBe(
      'chancery_method_not_found -32601',
    );
    world.catalog = catalogOf();
    expect(await codeOf(answerTask(callOf('tasks/get', { taskId })))).toBe('chancery_method_not_found -32601');
    expect(await codeOf(listTasks(callOf('tasks/list', {})))).toBe('chancery_method_not_found -32601');
  });
});

describe('a list of tasks', () => {
  const ask = (params: object = {}) => listTasks(callOf('tasks/list', params));
  const say = (server: string, result: string | null): void => {
    const call = world.calls.to(`mcp.${server}.1`);
    call.head(200, 'application/json');
    if (result !== null) call.event(`{"jsonrpc":"2.0","id":1,"result":${result}}`);
    call.end(result === null ? 'reset' : 'ended');
  };
  const shown = async (outcome: Promise<Outcome>) => {
    const settled = await outcome;
    if (settled.kind !== 'immediate') throw new Error(settled.kind);
    const text = settled.answer.body.toString();
    return { text, result: JSON.parse(text).result as { tasks: JsonObject[]; nextCursor?: string } };
  };
  /** Calls are made once each backend's session is looked up. */
  const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('has the caller’s own of every server, each byte as it was, and goes on where a server does', async () => {
    const [mine, theirs] = [handleOf(), handleOf({ server: 'files', tool: 'read', idText: '"f"' })];
    handleOf({ idText: '"eves"' }, { subject: 'eve' });
    const first = ask();
    await flush();
    say(
      'memory',
      '{"tasks":[ {"n":9007199254740993,"taskId":"té"} ,{"taskId":"eves"},{"taskId":"unknown"},7],"nextCursor":"m2"}',
    );
    say('files', '{"tasks":[{"taskId":"f"}]}');
    const { text, result } = await shown(first);
    expect(text).toContain(`{"n":9007199254740993,"taskId":"${mine}"}`);
    expect(result.tasks.map(({ taskId }) => taskId)).toEqual([mine, theirs]);
    const made = world.calls.made.length;
    const second = ask({ cursor: result.nextCursor });
    await flush();
    expect(
      world.calls.made.slice(made).map(({ request: { cluster, body } }) => [cluster, JSON.parse(String(body)).params]),
    ).toEqual([['mcp.memory.1', { cursor: 'm2' }]]);
    say('memory', '{"tasks":[]}');
    expect((await shown(second)).result).toEqual({ tasks: [] });
  });
  test.each([
    ['breaks off', null],
    ['gives no list', '{"tasks":{}}'],
    ['gives none at all', '{}'],
  ])('leaves out a server that %s', async (_, result) => {
    const handle = handleOf({ server: 'files', tool: 'read', idText: '"f"' });
    const list = ask();
    await flush();
    say('memory', result);
    say('files', '{"tasks":[{"taskId":"f"}]}');
    expect((await shown(list)).result).toEqual({ tasks: [{ taskId: handle }] });
    expect(world.logged.at(-1)).toMatchObject({ msg: 'the tasks of a server are not listed', server: 'memory' });
  });
  test('leaves out what came from a tool that the caller may not call any more', async () => {
    handleOf({ tool: 'gone' });
    const list = ask();
    await flush();
    say('memory', '{"tasks":[{"taskId":"té"}]}');
    say('files', '{"tasks":[]}');
    expect((await shown(list)).result).toEqual({ tasks: [] });
  });
  test.each<[string, () => unknown]>([
    ['nothing', () => 'x'],
    ['a number', () => 7],
    ['of another list', () => world.gateway.handles().seal('cursor', stateOf(), ['tools', 'a', 1, 'd'], NOW_MS + 1)],
    ['of another', () => world.gateway.handles().seal('cursor', stateOf({ subject: 'eve' }), ['tasks'], NOW_MS + 1)],
  ])('has no page behind a cursor that is %s', async (_, cursor) => {
    expect(await codeOf(ask({ cursor: cursor() }))).toBe('chancery_invalid_params -32602');
  });
});

test('of a task of its own a client tells the server that it was given to, and no other', async () => {
  const tell = (taskId: string) =>
    tellTaskStatus(
      sessionCallOf(world, messageOf({ jsonrpc: '2.0', method: 'notifications/tasks/status', params: { taskId } })),
    );
  const key = `task ${stateOf().tokenId} mcp.files.1 "own"`;
  world.gateway.asked.set(key, '"sealed"');
  expect(tell('own')).toMatchObject({ answer: { status: 202 } });
  expect(tell('other')).toMatchObject({ answer: { status: 202 } });
  expect(world.sent).toMatchObject([
    { cluster: 'mcp.files.1', sessionId: 'files-session', body: expect.stringContaining('"taskId":"sealed"') },
  ]);
});
