// Decides, at the wire, that no other door leads to a tool that rules guard: methods, headers, sessions, pushes, what a server does.
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rpc } from '../support/clients.ts';
import { put } from '../support/federation.ts';
import type { RawCall } from '../support/raw-server.ts';
import { EVENTS_TYPE, eventOf, resultOf } from '../support/raw-server.ts';
import { done, LANES, type Lane, metaText, startWorld, type World } from '../support/tbac-world.ts';
import { until } from '../support/until.ts';

// Names, paths, hosts, TE with CL, Upgrade, forged tokens and sessions: attack.test.ts. Sockets and the admin port:
// safety.test.ts. Tasks of others: tasks.test.ts. Revoked callers: revocation.test.ts.

const AMOUNT = '{"type":"object","properties":{"amount":{"type":"number"}},"required":["amount"]}';
const held: RawCall[] = [];
let tools = '';
const TOOLS = {
  refund: `{"inputSchema":${AMOUNT}}`,
  hold: '{"inputSchema":{"type":"object"}}',
  liar: '{"inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,"destructiveHint":false}}',
  secret: '{"inputSchema":{"type":"object"}}',
  near: '{"inputSchema":{"type":"object"}}',
  far: '{"inputSchema":{"type":"object"}}',
};
const RULES = [
  { id: 'small', effect: 'allow', tools: ['*/refund'], when: ['args.amount <= 500'] },
  { id: 'hold', effect: 'allow', tools: ['*/hold'] },
  { id: 'readers', effect: 'allow', tools: [{ match: '*/liar', annotations: { readOnlyHint: true } }] },
  { id: 'near', effect: 'allow', tools: ['*/near'], who: { networks: ['127.0.0.0/8'] } },
  { id: 'far', effect: 'allow', tools: ['*/far'], who: { networks: ['10.0.0.0/8'] } },
  { id: 'documents', effect: 'allow', prompts: ['*/open'], resources: ['*/x://open'] },
];
const policy = (rules: readonly object[]): object => ({ version: 'tbac/v1', surfaces: ['*'], rules });

let world: World;
beforeAll(async () => {
  world = await startWorld({
    tools: TOOLS,
    capabilities: '{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"completions":{}}',
    answers: {
      'prompts/list':
        '{"resultType":"complete","prompts":[{"name":"open"},{"name":"closed","arguments":[{"name":"a"}]}]}',
      'resources/list':
        '{"resultType":"complete","resources":[{"uri":"x://open","name":"o"},{"uri":"x://closed","name":"c"}]}',
      'resources/templates/list': '{"resultType":"complete","resourceTemplates":[]}',
      'completion/complete': '{"resultType":"complete","completion":{"values":["leak"]}}',
    },
    calls: {
      hold: (call) => {
        held.push(call);
        call.response.writeHead(200, EVENTS_TYPE);
        call.response.write(call.headers['mcp-method'] === undefined ? eventOf('', 'e-1') : ': open\n\n');
      },
    },
    stream: (_session, response) => {
      response.write(eventOf(resultOf('1', done('the rest')), 'e-2'));
    },
    rules: RULES,
  });
  tools = JSON.stringify(Object.keys(TOOLS));
}, 180_000);
afterAll(() => world?.close());

/** Nothing reached a server, and the neighbour does. */
async function nothing(lane: Lane, attack: () => Promise<unknown>): Promise<void> {
  const before = world.reached();
  await attack();
  expect(world.reached()).toBe(before);
  expect((await world.call(lane, 'refund', '{"amount":1}')).outcome).toBe('ok');
}
const NATIVE = LANES[0]!;
const legacyLanes = LANES.filter(({ era }) => era === 'legacy').map((lane) => [lane.name, lane] as const);
const modernLanes = LANES.filter(({ era }) => era === 'modern').map((lane) => [lane.name, lane] as const);

describe.each(LANES.map((lane) => [lane.name, lane] as const))('%s', (_name, lane: Lane) => {
  const p = lane.prefix;
  test.each<[string, string, string, string, RegExp]>([
    ['a guarded tool as a prompt', 'prompts/get', `"name":"${p}refund"`, `${p}refund`, /^-32602 unknown prompt/],
    ['a guarded tool as a resource', 'resources/read', `"uri":"${p}refund"`, `${p}refund`, /resource not found/],
    ['a resource of which no rule speaks', 'resources/read', '"uri":"x://closed"', 'x://closed', /resource not found/],
    ['a resource in another case', 'resources/read', '"uri":"X://open"', 'X://open', /resource not found/],
    [
      'a subscription to a resource of which no rule speaks',
      'resources/subscribe',
      '"uri":"x://closed"',
      'x://closed',
      /resource not found|^-32(601|020)/,
    ],
    ['a prompt of which no rule speaks', 'prompts/get', `"name":"${p}closed"`, `${p}closed`, /^-32602 unknown prompt/],
    [
      'completion of a prompt of which no rule speaks',
      'completion/complete',
      `"ref":{"type":"ref/prompt","name":"${p}closed"},"argument":{"name":"a","value":""}`,
      '',
      /^-32602 unknown prompt/,
    ],
    [
      'completion of a resource of which no rule speaks',
      'completion/complete',
      '"ref":{"type":"ref/resource","uri":"x://closed"},"argument":{"name":"a","value":""}',
      '',
      /resource not found/,
    ],
    [
      'completion of a tool',
      'completion/complete',
      `"ref":{"type":"ref/tool","name":"${p}refund"},"argument":{"name":"a","value":""}`,
      '',
      /^-32602/,
    ],
    ['a task that nobody gave', 'tasks/get', '"taskId":"task-1"', 'task-1', /^-32/],
    ['the end of a task that nobody gave', 'tasks/cancel', '"taskId":"task-1"', 'task-1', /^-32/],
    ['a method of which nobody knows', 'tools/execute', `"name":"${p}refund"`, '', /^-32601/],
    ['a method in another case', 'tools/Call', `"name":"${p}refund","arguments":{"amount":1}`, '', /^-32601/],
    ['a method with a space', 'tools/call ', `"name":"${p}refund","arguments":{"amount":1}`, '', /^-32(601|020)/],
  ])('%s', async (_attack, method, params, named, outcome) => {
    await nothing(lane, async () => {
      expect((await world.ask(lane, method, params, named)).outcome).toMatch(outcome);
    });
  });

  test('a tool that only says that it is harmless', async () => {
    await nothing(lane, async () => {
      expect((await world.call(lane, 'liar', '{}')).outcome).toMatch(/^-32602 unknown tool/);
    });
  });

  test('a nested _meta that says what the call is', async () => {
    await nothing(lane, async () => {
      const nested = '{"amount":501,"_meta":{"arguments":{"amount":1},"name":"refund"}}';
      expect((await world.call(lane, 'refund', nested)).outcome).toMatch(/^-32003/);
    });
  });

  test.each<[string, string]>([
    ['arguments in another case', '"Arguments":{"amount":20000},'],
    ['params inside params', '"params":{"arguments":{"amount":20000}},'],
  ])('%s', async (_attack, params) => {
    const answer = await world.call(lane, 'refund', '{"amount":501}', { params });
    expect(answer.outcome).not.toBe('ok');
    expect(world.servers[lane.server].bodies('20000')).toHaveLength(0);
  });

  test('arguments in another case alone', async () => {
    await nothing(lane, async () => {
      const meta = lane.era === 'modern' ? `,"_meta":${metaText(lane)}` : '';
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${p}refund","ARGUMENTS":{"amount":1}${meta}}}`;
      const headers = lane.era === 'modern' ? { 'mcp-method': 'tools/call', 'mcp-name': `${p}refund` } : {};
      expect((await world.send(lane, body, headers)).outcome).toMatch(/^schema|^-32602/);
    });
  });

  test.each<[string, Uint8Array]>([
    ['a byte order mark', Buffer.from('\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}')],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    ],
    ['UTF-16', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}', 'utf16le')],
    ['two messages', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}')],
    [
      'too many brackets',
      Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"ping","params":${'['.repeat(500)}${']'.repeat(500)}}`),
    ],
  ])('a body with %s', async (_attack, body) => {
    await nothing(lane, async () => {
      expect((await world.send(lane, body)).status).toBe(400);
    });
  });

  test('a body over the limit, and one in single bytes', async () => {
    const big = `{"amount":1,"note":"${'x'.repeat(9 * 1024 * 1024)}"}`;
    const before = world.reached();
    const answer = await world.call(lane, 'refund', big).catch(() => null);
    expect(answer === null || answer.status === 413).toBe(true);
    expect(world.reached()).toBe(before);
    const slow = async (amount: number): Promise<string> => inBytes(lane, amount);
    expect(await slow(501)).toContain('-32003');
    expect(world.reached()).toBe(before);
    expect(await slow(1)).toContain('done refund');
  });

  test.each(['x-forwarded-for', 'x-real-ip', 'forwarded', 'x-envoy-external-address'])(
    '%s of a client says nothing of where it is',
    async (header) => {
      const headers = { [header]: header === 'forwarded' ? 'for=10.1.2.3' : '10.1.2.3' };
      await nothing(lane, async () => {
        expect((await world.call(lane, 'far', '{}', { headers })).outcome).toMatch(/^-32602 unknown tool/);
      });
      expect((await world.call(lane, 'near', '{}', { headers })).outcome).toBe('ok');
    },
  );

  test.each([
    'x-chancery-cluster',
    'x-chancery-identity',
    'x-chancery-part',
    'x-chancery-address',
    'x-chancery-repair',
    'x-envoy-original-path',
    'x-envoy-auth-partial-body',
    'x-http-method-override',
  ])('%s of a client changes nothing', async (header) => {
    await nothing(lane, async () => {
      const answer = await world.call(lane, 'refund', '{"amount":501}', { headers: { [header]: 'mcp.old.1' } });
      expect(answer.outcome).not.toBe('ok');
    });
  });
});

/** A call whose body comes byte by byte. */
async function inBytes(lane: Lane, amount: number): Promise<string> {
  const { stack } = world;
  const meta = lane.era === 'modern' ? `,"_meta":${metaText(lane)}` : '';
  const name = `${lane.prefix}refund`;
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{"amount":${amount}}${meta}}}`;
  const token = await world.token(lane);
  const own: Record<string, string> =
    lane.era === 'modern'
      ? { 'mcp-method': 'tools/call', 'mcp-name': name }
      : { 'mcp-session-id': await world.session(lane) };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      stack.mcp(lane.surface),
      {
        method: 'POST',
        headers: {
          ...own,
          authorization: `Bearer ${token}`,
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          'mcp-protocol-version': lane.protocolVersion,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve(text));
      },
    );
    sent.on('error', reject);
    for (const byte of Buffer.from(body)) sent.write(Buffer.of(byte));
    sent.end();
  });
}

describe('headers and body that disagree', () => {
  test.each(modernLanes)('%s', async (_name, lane) => {
    await nothing(lane, async () => {
      for (const headers of [
        { 'mcp-name': `${lane.prefix}secret` },
        { 'mcp-method': 'tools/list' },
        { 'mcp-method': '' },
        { 'mcp-name': '' },
        { 'mcp-protocol-version': '2025-11-25' },
      ] as const) {
        const { status, outcome } = await world.call(lane, 'refund', '{"amount":1}', { headers });
        expect([status, outcome]).toEqual([400, expect.stringMatching(/^-32020/)]);
      }
    });
  });
});

describe('notifications and batches', () => {
  test.each(legacyLanes)('%s: a call without an id is none', async (_name, lane) => {
    await nothing(lane, async () => {
      const body = `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"${lane.prefix}refund","arguments":{"amount":1}}}`;
      expect((await world.send(lane, body)).status).toBe(202);
    });
  });

  test.each(['old', 'old-authz'])('%s: each message of a batch is decided by itself', async (surface) => {
    const lane: Lane = { ...NATIVE, name: `batch ${surface}`, surface, protocolVersion: '2025-03-26' };
    const call = (id: number, amount: unknown): string =>
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"refund","arguments":{"amount":${amount}}}}`;
    const before = world.reached();
    const { text } = await world.send(lane, `[${call(1, 1)},${call(2, 501)},${call(3, '"1"')},${call(4, 2)}]`);
    expect(world.reached() - before).toBe(2);
    expect(text).toContain('"id":2,"error":{"code":-32003');
    expect(text).toContain('"id":3,"error":{"code":-32602');
    expect(text.match(/done refund/g)).toHaveLength(2);
  });
});

describe('one caller’s keys open nothing else', () => {
  test('a token of another surface', async () => {
    await nothing(NATIVE, async () => {
      const [other] = [await world.token({ ...NATIVE, surface: 'new' })];
      const headers = { authorization: `Bearer ${other}` };
      expect((await world.call(NATIVE, 'refund', '{"amount":1}', { headers })).status).toBe(401);
    });
  });

  test('a session of another caller', async () => {
    await nothing(NATIVE, async () => {
      const headers = { 'mcp-session-id': await world.session(NATIVE, 'bob') };
      expect((await world.call(NATIVE, 'refund', '{"amount":1}', { headers })).status).toBe(404);
    });
  });

  test('a tool of another surface', async () => {
    await nothing(NATIVE, async () => {
      expect((await world.call({ ...NATIVE, prefix: 'new__' }, 'refund', '{"amount":1}')).outcome).toMatch(
        /unknown tool/,
      );
    });
  });

  test('the port of the control plane takes no token of a caller', async () => {
    const { stack } = world;
    const headers = { authorization: `Bearer ${await world.token(NATIVE)}` };
    for (const path of ['/v1/policies', '/v1/servers', '/v1/approvals', '/v1/keys'])
      expect((await fetch(`http://127.0.0.1:${stack.ports.api}${path}`, { headers })).status).toBe(401);
  });
});

describe('what changes while a call runs', () => {
  const hold = async (lane: Lane): Promise<{ answer: Promise<Response>; call: RawCall }> => {
    const at = held.length;
    const { stack } = world;
    const own: Record<string, string> =
      lane.era === 'modern'
        ? { 'mcp-method': 'tools/call', 'mcp-name': `${lane.prefix}hold` }
        : { 'mcp-session-id': await world.session(lane) };
    const meta = lane.era === 'modern' ? `,"_meta":${metaText(lane)}` : '';
    const answer = fetch(stack.mcp(lane.surface), {
      method: 'POST',
      headers: {
        ...own,
        authorization: `Bearer ${await world.token(lane)}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': lane.protocolVersion,
      },
      body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${lane.prefix}hold","arguments":{}${meta}}}`,
    });
    await until(
      'the call is held',
      () => held.length,
      (count) => count > at,
    );
    return { answer, call: held[at]! };
  };

  test('a policy push: a call that was allowed ends as it began, the next is denied', async () => {
    const { answer, call } = await hold(NATIVE);
    await put(world.stack, '/v1/policies/rules', policy([...RULES, { id: 'no', effect: 'deny', tools: ['*/hold'] }]));
    await until(
      'the denial is known',
      () => {
        const before = held.length;
        return world.ask(NATIVE, 'tools/list', '').then(({ text }) => text.includes('"hold"') || held.length > before);
      },
      (listed) => !listed,
    );
    call.response.end(eventOf(resultOf(call.idText, done('held'))));
    expect((await rpc(await answer)).result).toBeDefined();
    const at = held.length;
    expect((await world.call(NATIVE, 'hold', '{}')).outcome).toMatch(/unknown tool/);
    expect(held.length).toBe(at);
    await put(world.stack, '/v1/policies/rules', policy(RULES));
    await until(
      'it is allowed again',
      () => world.ask(NATIVE, 'tools/list', ''),
      ({ text }) => text.includes('"hold"'),
    );
  });

  test('a denial between a call and its rest: who comes back for it gets nothing', async () => {
    const composed = LANES.find(({ name }) => name === 'legacy, composed') as Lane;
    const { answer, call } = await hold(composed);
    const begun = (await answer).body!.getReader();
    let text = '';
    while (!/^id: (\S+)/m.test(text)) text += new TextDecoder().decode((await begun.read()).value);
    const lastEventId = /^id: (\S+)/m.exec(text)?.[1] ?? '';
    call.response.destroy();
    await begun.cancel();
    const back = async (): Promise<string> => {
      const control = new AbortController();
      const response = await fetch(world.stack.mcp(composed.surface), {
        headers: {
          authorization: `Bearer ${await world.token(composed)}`,
          accept: 'text/event-stream',
          'mcp-session-id': await world.session(composed),
          'last-event-id': lastEventId,
        },
        signal: control.signal,
      });
      if (response.status !== 200) return `${response.status} ${await response.text()}`;
      const reader = response.body!.getReader();
      let rest = '';
      for (;;) {
        const { done: ended, value } = await reader.read();
        if (ended) break;
        rest += new TextDecoder().decode(value);
        if (rest.includes('the rest')) break;
      }
      control.abort();
      return rest;
    };
    expect(await back()).toContain('the rest');
    await put(world.stack, '/v1/policies/rules', policy([...RULES, { id: 'no', effect: 'deny', tools: ['*/hold'] }]));
    await until(
      'the denial is known',
      () => world.ask(composed, 'tools/list', ''),
      ({ text: listed }) => !listed.includes('"old__hold"'),
    );
    expect(await back()).toMatch(/^400 .*unknown Last-Event-ID/);
    await put(world.stack, '/v1/policies/rules', policy(RULES));
    await until(
      'it is allowed again',
      () => world.ask(composed, 'tools/list', ''),
      ({ text: listed }) => listed.includes('"old__hold"'),
    );
  });

  test('a server that calls a denied tool by the name of an allowed one in its answer changes no decision', async () => {
    // What is decided is what was called: the body that the server got has the name that was decided on.
    await world.call(NATIVE, 'refund', '{"amount":7}');
    const [body = ''] = world.servers.old.bodies('"amount":7');
    expect(body).toContain('"name":"refund"');
    expect((await world.call(NATIVE, 'secret', '{}')).outcome).toMatch(/unknown tool/);
    expect(tools).toContain('secret');
  });
});

test('a rule that cannot be read is not published, and the last one counts', async () => {
  const broken = policy([{ id: 'x', effect: 'allow', tools: ['*'], when: ['args.amount <='] }]);
  const response = await world.stack.api('PUT', '/v1/policies/rules', broken);
  expect(response.status).toBe(422);
  await nothing(NATIVE, async () => {
    expect((await world.call(NATIVE, 'refund', '{"amount":501}')).outcome).toMatch(/^-32003/);
  });
});
