// Decides what a client notices when parts die: nothing where it can be helped, a clear error where it cannot.
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, raw, request, rpc, texts } from '../support/clients.ts';
import { type Stack, startStack, startStackWithSession } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let token: string;
let session: string;
beforeAll(async () => {
  ({ stack, token, session } = await startStackWithSession());
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
});

const echo = (id: number | string) =>
  raw(stack.mcp(), {
    token,
    session,
    body: request(id, 'tools/call', { name: 'everything__echo', arguments: { message: String(id) } }),
  });
const long = (id: string, seconds: number, alone?: { url: string; token: string; session: string }) =>
  raw(alone?.url ?? stack.mcp(), {
    token: alone?.token ?? token,
    session: alone?.session ?? session,
    body: request(id, 'tools/call', {
      name: `${alone === undefined ? 'everything__' : ''}trigger-long-running-operation`,
      arguments: { duration: seconds, steps: seconds * 4 },
      _meta: { progressToken: id },
    }),
  });
function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}
const working = (): Promise<number> =>
  until(
    'calls work again',
    async () => (await echo('again')).status,
    (status) => status === 200,
  );

test('kill -9 of the control plane while calls run: none fails', async () => {
  const before = stack.pid('controlplane');
  let stop = false;
  const outcomes: number[] = [];
  const calls = Promise.all(
    [0, 1, 2, 3].map(async (worker) => {
      for (let n = 0; !stop; n++) {
        const response = await echo(`${worker}-${n}`);
        outcomes.push(response.status);
        expect(texts((await rpc(response)).result)).toContain(`${worker}-${n}`);
      }
    }),
  );
  await until(
    'calls run',
    () => outcomes.length,
    (count) => count > 20,
  );
  process.kill(before, 'SIGKILL');
  await until(
    'it is back',
    () => stack.pid('controlplane'),
    (pid) => pid !== 0 && pid !== before,
  );
  await until(
    'the API answers',
    async () => (await stack.api('GET', '/v1/status').catch(() => null))?.status,
    (status) => status === 200,
  );
  const atReturn = outcomes.length;
  await until(
    'calls go on',
    () => outcomes.length,
    (count) => count > atReturn + 20,
  );
  stop = true;
  await calls;
  expect(outcomes.filter((status) => status !== 200)).toEqual([]);
});

test('kill -9 of ext-proc: an answer that Envoy relays goes on, a GET stream ends, new calls fail closed and recover', async () => {
  // On a surface with one server nothing in an answer has to change.
  expect((await stack.api('PUT', '/v1/surfaces/alone', { servers: [{ server: 'everything' }] })).status).toBe(201);
  const alone = await stack.token('alone');
  const own = await until(
    'the surface is served',
    () => openSession(stack.mcp('alone'), alone).catch(() => ''),
    (found) => found !== '',
  );
  const streaming = await long('kept', 3, { url: stack.mcp('alone'), token: alone, session: own });
  expect(streaming.status).toBe(200);
  const listening = await raw(stack.mcp(), { method: 'GET', token, session });
  expect(listening.status).toBe(200);
  const reader = listening.body?.getReader();
  await reader?.read();

  const before = stack.pid('ext-proc');
  process.kill(before, 'SIGKILL');
  const ended = (async () => {
    for (;;) {
      const step = await reader?.read().catch(() => ({ done: true }));
      if (step === undefined || step.done) return true;
    }
  })();
  const refused = await echo('refused');
  if (refused.status !== 200) {
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32000 } });
  }
  await working();
  expect(stack.pid('ext-proc')).not.toBe(before);
  expect(await ended).toBe(true);
  expect(await streaming.text()).toContain('"id":"kept"');
});

test('SIGSTOP of ext-proc: calls are refused and none hangs; SIGCONT and all is well', async () => {
  const pid = stack.pid('ext-proc');
  process.kill(pid, 'SIGSTOP');
  try {
    const responses = await Promise.all(
      ['a', 'b', 'c'].map((id) => raw(stack.mcp(), { token, session, body: request(id, 'ping') })),
    );
    for (const response of responses) {
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32000 } });
    }
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await working();
});

test('SIGSTOP of ext-authz: its surface refuses, the others do not', async () => {
  const reviewToken = await stack.token('review');
  const review = await openSession(stack.mcp('review'), reviewToken);
  const pid = stack.pid('ext-authz');
  process.kill(pid, 'SIGSTOP');
  try {
    const refused = await raw(stack.mcp('review'), { token: reviewToken, session: review, body: request(1, 'ping') });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32000 } });
    expect((await echo('other')).status).toBe(200);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await until(
    'the surface works again',
    async () =>
      (await raw(stack.mcp('review'), { token: reviewToken, session: review, body: request(2, 'ping') })).status,
    (status) => status === 200,
  );
});

test('kill -9 of a replica: sessions go on with the other; only a call that was under way may be lost, and says so', async () => {
  for (const replica of ['everything-0', 'everything-1']) {
    const before = stack.pid(replica);
    process.kill(before, 'SIGKILL');
    // What was sent before Envoy saw a connection end may have been executed: it is not repeated, and its error has its id.
    let sent = 0;
    await until(
      'a call goes on with the other replica',
      async () => {
        const id = `${replica}-${sent++}`;
        const answer = await rpc(await echo(id));
        expect(answer.id).toBe(id);
        if (answer.error !== undefined) expect(answer.error.code).toBe(-32000);
        return answer;
      },
      ({ result }) => result !== undefined,
    );
    // The other one is killed next: this one must serve again by then, and not only run.
    const socket = join(stack.home, 'run', `${replica}.sock`);
    await until(
      'it is back',
      () => connects(socket),
      (yes) => yes && stack.pid(replica) !== before,
    );
    await working();
  }
});

test('kill -9 of the bridge: sessions of stdio servers are opened again', async () => {
  const before = stack.pid('bridge');
  process.kill(before, 'SIGKILL');
  await until(
    'it is back',
    () => stack.pid('bridge'),
    (pid) => pid !== 0 && pid !== before,
  );
  const answer = await until(
    'a stdio server answers in the old session',
    async () =>
      rpc(
        await raw(stack.mcp(), {
          token,
          session,
          body: request('graph', 'tools/call', { name: 'memory__read_graph', arguments: {} }),
        }),
      ),
    ({ result }) => result !== undefined,
  );
  expect(texts(answer.result)).toContain('entities');
});

test('kill -9 of Envoy: it is started again, and sessions go on', async () => {
  const before = stack.pid('envoy');
  process.kill(before, 'SIGKILL');
  await until(
    'it is back',
    () => stack.pid('envoy'),
    (pid) => pid !== 0 && pid !== before,
  );
  await until(
    'calls work',
    async () => (await echo('envoy').catch(() => null))?.status,
    (status) => status === 200,
  );
});

test('a restart of everything, backends included, keeps client sessions', async () => {
  expect(await stack.stop()).toBe(0);
  stack = await startStack({ home: stack.home, ports: stack.ports });
  const answer = await rpc(await echo('restarted'));
  expect(answer).toMatchObject({ id: 'restarted', result: {} });
  const graph = await rpc(
    await raw(stack.mcp(), {
      token,
      session,
      body: request('g', 'tools/call', { name: 'memory__read_graph', arguments: {} }),
    }),
  );
  expect(graph).toMatchObject({ id: 'g', result: {} });
  expect(texts(graph.result)).toContain('entities');
});
