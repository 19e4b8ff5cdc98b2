// Decides, at the wire and in every lane, that what a rule asks for beside its allow cannot be got around.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { raw, request } from '../support/clients.ts';
import { EVENTS_TYPE, eventOf, type RawCall, resultOf } from '../support/raw-server.ts';
import { type Answer, LANES, type Lane, metaText, startWorld, type World } from '../support/tbac-world.ts';
import { until } from '../support/until.ts';

const OBJECT = '{"inputSchema":{"type":"object"}}';
const CARD = '4111-1111';
const NESTED = JSON.stringify(JSON.stringify({ name: 'a', card: CARD }));
/** The same in a text of JSON, in structured content, in an embedded resource, and with the key escaped. */
const CARDS = `"content":[{"type":"text","text":${NESTED}},{"type":"resource","resource":{"uri":"x://c","mimeType":"application/json","text":${NESTED}}}],"structuredContent":{"name":"a","c\\u0061rd":"${CARD}","card2":"kept"}`;

/** As an event stream, after a notification, with ids by which a client could come back. */
function streamed({ idText, response, headers }: RawCall): void {
  const modern = headers['mcp-method'] !== undefined;
  response.writeHead(200, EVENTS_TYPE);
  const note = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"card":"${CARD}"}}}`;
  response.write(eventOf(note, modern ? '' : 'call-1_1'));
  const complete = modern ? '"resultType":"complete",' : '';
  response.end(eventOf(resultOf(idText, `{${complete}${CARDS}}`), modern ? '' : 'call-1_2'));
}
function plain({ idText, response, headers }: RawCall): void {
  const complete = headers['mcp-method'] !== undefined ? '"resultType":"complete",' : '';
  response.writeHead(200, { 'content-type': 'application/json' }).end(resultOf(idText, `{${complete}${CARDS}}`));
}

const TOOLS: Record<string, string> = Object.fromEntries(
  ['card', 'cards', 'open', 'private', 'egress', 'rated', 'approved', 'weighed'].map((name) => [name, OBJECT]),
);
// "execution.taskSupport: optional" (MCP 2025-11-25, tasks).
TOOLS.lasting = '{"inputSchema":{"type":"object"},"execution":{"taskSupport":"optional"}}';
const TASK =
  '"taskId":"t-1","status":"completed","createdAt":"2026-01-01T00:00:00Z","lastUpdatedAt":"2026-01-01T00:00:00Z","ttl":60000';
const owes = (tool: string, obligations: object): object => ({
  id: tool,
  effect: 'allow',
  tools: [`*/${tool}`],
  obligations,
});
const RULES = [
  owes('card', { redact: ['card'] }),
  owes('cards', { redact: ['card'] }),
  owes('lasting', { redact: ['card'] }),
  owes('private', { labels: ['private-data'] }),
  owes('rated', { rate: [{ calls: 2, per: '1h', by: ['principal', 'surface'] }] }),
  owes('approved', { approve: { by: { subjects: ['boss'] }, within: '10m' } }),
  owes('weighed', { budget: [{ bytes: 2000, per: '1h', by: ['principal', 'surface'] }] }),
  { id: 'others', effect: 'allow', tools: ['*/open', '*/egress'] },
  { id: 'stay', effect: 'deny', tools: ['*/egress'], when: ['"private-data" in session.labels'] },
  {
    id: 'documents',
    effect: 'allow',
    prompts: ['*/letter'],
    resources: ['*/x://card'],
    obligations: { redact: ['card'] },
  },
];

let world: World;
beforeAll(async () => {
  world = await startWorld({
    tools: TOOLS,
    capabilities:
      '{"tools":{},"prompts":{},"resources":{},"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}}',
    answers: {
      'tasks/get': `{"resultType":"complete",${TASK},"result":{${CARDS}}}`,
      'subscriptions/listen': ({ body, response }) => {
        const { id, params } = JSON.parse(body) as { id: unknown; params: { notifications: object } };
        const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
        const said = (method: string, members: string): string =>
          eventOf(`{"jsonrpc":"2.0","method":"${method}","params":{${members},"_meta":${JSON.stringify(_meta)}}}`);
        response.writeHead(200, EVENTS_TYPE);
        response.write(
          said('notifications/subscriptions/acknowledged', `"notifications":${JSON.stringify(params.notifications)}`),
        );
        response.write(said('notifications/tasks', `${TASK},"result":{${CARDS}}`));
      },
      'tasks/result': `{${CARDS},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t-1"}}}`,
      'prompts/list': '{"resultType":"complete","prompts":[{"name":"letter"}]}',
      'prompts/get': `{"resultType":"complete","messages":[{"role":"user","content":{"type":"text","text":${NESTED}}}]}`,
      'resources/list': '{"resultType":"complete","resources":[{"uri":"x://card","name":"card"}]}',
      'resources/read': `{"resultType":"complete","contents":[{"uri":"x://card","text":${NESTED}}]}`,
    },
    calls: {
      lasting: ({ idText, response, headers }) => {
        const modern = headers['mcp-method'] !== undefined;
        const made = modern ? `{"resultType":"task",${TASK}}` : `{"task":{${TASK}}}`;
        response.writeHead(200, { 'content-type': 'application/json' }).end(resultOf(idText, made));
      },
      card: plain,
      cards: streamed,
      open: plain,
      weighed: ({ idText, response, headers }) => {
        const complete = headers['mcp-method'] !== undefined ? '"resultType":"complete",' : '';
        const text = `{${complete}"content":[{"type":"text","text":"${'w'.repeat(2500)}"}]}`;
        response.writeHead(200, { 'content-type': 'application/json' }).end(resultOf(idText, text));
      },
    },
    // A server that gives again whatever it said, to whoever names its events.
    stream: (_session, response) => {
      response.write(eventOf(resultOf('1', `{${CARDS}}`), 'call-1_2'));
    },
    rules: RULES,
  });
}, 180_000);
afterAll(() => world?.close());

describe.each(LANES.map((lane) => [lane.name, lane] as const))('%s', (name, lane: Lane) => {
  test.each(['card', 'cards'])('%s: what is withheld is nowhere in the answer, and the rest is', async (tool) => {
    const answer = await world.call(lane, tool, '{}');
    expect(answer.outcome).toBe('ok');
    expect(answer.text).not.toContain(CARD);
    expect(answer.text).toContain('[redacted]');
    expect(answer.text).toContain('kept');
    expect((await world.call(lane, 'open', '{}')).text).toContain(CARD);
  });

  test.each<[string, string, string]>([
    ['prompts/get', `"name":"${lane.prefix}letter"`, `${lane.prefix}letter`],
    ['resources/read', '"uri":"x://card"', 'x://card'],
  ])('%s: likewise', async (method, params, named) => {
    const answer = await world.ask(lane, method, params, named);
    expect(answer.outcome).toBe('ok');
    expect(answer.text).not.toContain(CARD);
    expect(answer.text).toContain('[redacted]');
  });

  test('a rate has room for so many, however they are asked for', async () => {
    const subject = `rated ${name}`;
    const before = world.reached();
    const answers = await Promise.all(
      ['{}', '{"a":1}', '{"a":2}', '{"a":3}', '{"a":4}'].map((args, index) =>
        world.call(lane, 'rated', args, { subject, id: index % 2 === 0 ? '7' : `"seven"` }),
      ),
    );
    expect(answers.filter(({ outcome }) => outcome === 'ok')).toHaveLength(2);
    expect(answers.filter(({ outcome }) => outcome.startsWith('-32003 too many calls for now'))).toHaveLength(3);
    expect(world.reached() - before).toBe(2);
    expect((await world.call(lane, 'open', '{}', { subject })).outcome).toBe('ok');
  });

  test('a budget of bytes counts what came back', async () => {
    const subject = `weighed ${name}`;
    expect((await world.call(lane, 'weighed', '{}', { subject })).outcome).toBe('ok');
    const before = world.reached();
    expect((await world.call(lane, 'weighed', '{}', { subject })).outcome).toMatch(/^-32003 too many calls for now/);
    expect(world.reached()).toBe(before);
  });

  test('after a private read there is no egress', async () => {
    const subject = `reader ${name}`;
    expect((await world.call(lane, 'egress', '{}', { subject })).outcome).toBe('ok');
    expect((await world.call(lane, 'private', '{}', { subject })).outcome).toBe('ok');
    const before = world.reached();
    expect((await world.call(lane, 'egress', '{}', { subject })).outcome).toMatch(/^-32(003|602)/);
    expect(world.reached()).toBe(before);
    expect((await world.call(lane, 'egress', '{}', { subject: `other ${name}` })).outcome).toBe('ok');
  });

  test('an approval is for one call with these arguments of this caller', async () => {
    const subject = `asker ${name}`;
    const call = (args: string, over = {}): Promise<Answer> => world.call(lane, 'approved', args, { subject, ...over });
    const before = world.reached();
    const asked = await call('{"to":"bob","n":1}');
    expect(asked.outcome).toMatch(/^-32003 a person has to approve this call/);
    await world.approve(asked);
    for (const args of ['{"to":"bob","n":2}', '{"to":"Bob","n":1}', '{"to":"bob","n":1,"more":1}'])
      expect((await call(args)).outcome).toMatch(/^-32003/);
    expect((await call('{"to":"bob","n":1}', { subject: `other ${name}` })).outcome).toMatch(/^-32003/);
    expect(world.reached()).toBe(before);
    const same = '{ "n" : 1.0, "t\\u006f" : "bob" }';
    const [first, second] = await until(
      'the approval is known',
      () => Promise.all([call(same), call(same)]),
      (answers) => answers.some(({ outcome }) => outcome === 'ok'),
    );
    expect([first?.outcome, second?.outcome].filter((outcome) => outcome === 'ok')).toHaveLength(1);
    expect(world.reached() - before).toBe(1);
    expect((await call(same)).outcome).toMatch(/^-32003/);
  });
});

describe('the result of a task withholds what its call would', () => {
  const legacy = LANES.filter(({ era, server }) => era === 'legacy' && server === 'old');
  test.each(legacy.map((lane) => [lane.name, lane] as const))('%s', async (_, lane) => {
    const made = await world.call(lane, 'lasting', '{}', { params: '"task":{"ttl":60000},' });
    const handle = /"taskId":"([^"]+)"/.exec(made.text)?.[1] ?? '';
    expect(handle).toMatch(/^cht1\./);
    const result = await world.ask(lane, 'tasks/result', `"taskId":"${handle}"`);
    expect(result.outcome).toBe('ok');
    expect(result.text).toContain('[redacted]');
    expect(result.text).not.toContain(CARD);
    expect((await world.ask(lane, 'tasks/result', '"taskId":"t-1"')).outcome).toMatch(/^-32602 task not found/);
  });
});

test('a task of the modern era: neither who asks nor who listens is told what is withheld', async () => {
  const lane: Lane = {
    ...LANES.find(({ name }) => name === 'modern, composed')!,
    capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  };
  const made = await world.call(lane, 'lasting', '{}');
  const handle = /"taskId":"([^"]+)"/.exec(made.text)?.[1] ?? '';
  expect(handle).toMatch(/^cht1\./);
  const got = await world.ask(lane, 'tasks/get', `"taskId":"${handle}"`, handle);
  expect(got.text).toContain('[redacted]');
  expect(got.text).not.toContain(CARD);
  const control = new AbortController();
  const listening = await raw(world.stack.mcp(lane.surface), {
    token: await world.token(lane),
    headers: { 'mcp-protocol-version': lane.protocolVersion, 'mcp-method': 'subscriptions/listen' },
    body: `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":["${handle}"]},"_meta":${metaText(lane)}}}`,
    signal: control.signal,
  });
  const reader = listening.body!.getReader();
  let text = '';
  while (!text.includes('"notifications/tasks"')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended: ${text}`);
    text += new TextDecoder().decode(value);
  }
  control.abort();
  expect(text).toContain('[redacted]');
  expect(text).not.toContain(CARD);
});

describe('an answer that was withheld is not had by coming back for it', () => {
  const legacy = LANES.filter(({ era, server }) => era === 'legacy' && server === 'old');
  test.each(legacy.map((lane) => [lane.name, lane] as const))('%s', async (_, lane) => {
    const answer = await world.call(lane, 'cards', '{}', { subject: 'resumer' });
    expect(answer.text).not.toMatch(/^id: (?!$)/m);
    const control = new AbortController();
    const response = await raw(world.stack.mcp(lane.surface), {
      method: 'GET',
      token: await world.token(lane, 'resumer'),
      session: await world.session(lane, 'resumer'),
      headers: { 'last-event-id': 'call-1_1', 'mcp-protocol-version': lane.protocolVersion },
      signal: control.signal,
    });
    let text = '';
    if (response.status === 200) {
      const decoder = new TextDecoder();
      for await (const chunk of response.body!) {
        text += decoder.decode(chunk as Uint8Array);
        if (/"result"|data: \n/.test(text)) break;
      }
    } else text = await response.text();
    control.abort();
    expect(text).not.toContain(CARD);
  });
});

describe('a batch', () => {
  const lane: Lane = { ...LANES[0]!, name: 'batches', protocolVersion: '2025-03-26' };
  const call = (id: number, tool: string, args = '{}'): string =>
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`;
  const sent = async (...messages: string[]): Promise<string> =>
    (await world.send(lane, `[${messages.join(',')}]`)).text;

  test('withholds what each message alone would', async () => {
    const text = await sent(call(1, 'card'), call(2, 'cards'), call(3, 'approved', '{"b":1}'));
    expect(text).not.toContain(CARD);
    expect(text.match(/"id":[123],"(result|error)"/g)?.sort()).toEqual([
      '"id":1,"result"',
      '"id":2,"result"',
      '"id":3,"error"',
    ]);
  });

  test('does not stretch a rate', async () => {
    const before = world.reached();
    const text = await sent(...[1, 2, 3, 4].map((id) => call(id, 'rated')));
    expect(world.reached() - before).toBeLessThanOrEqual(2);
    expect(text.match(/too many calls/g)?.length ?? 0).toBeGreaterThanOrEqual(2);
  });

  test('after a private read there is no egress', async () => {
    expect(await sent(call(1, 'private'))).toContain('done private');
    const before = world.reached();
    expect(await sent(call(1, 'egress'), JSON.stringify(request(2, 'ping')))).not.toContain('done egress');
    expect(world.reached()).toBe(before);
  });
});
