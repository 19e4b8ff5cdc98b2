import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { META } from '../core/mcp/inbound.ts';
import {
  ALLOW_ALL,
  apiKeyOf,
  catalogOf,
  listed,
  NOW_MS,
  readAs,
  surfaceOf,
  toolOf,
  versionedServer,
  versionOf,
} from '../test/support/catalog-world.ts';
import {
  ALICE,
  type Asked,
  BODY_BYTES_MAX,
  CATALOG,
  call,
  denialOf,
  ISSUER,
  metadataOf,
  openTestbed,
  rpc,
  type Testbed,
  tokenFor,
} from './testbed.ts';

let bed: Testbed;
beforeEach(async () => {
  bed = await openTestbed();
});
afterEach(() => bed.close());

const modern = (method: string, params: object = {}) =>
  rpc(method, {
    ...params,
    _meta: { [META.protocolVersion]: '2026-07-28', [META.clientCapabilities]: {} },
  });
const modernHeaders = (method: string, name?: string) => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name !== undefined && { 'mcp-name': name }),
});

const ALLOWED: readonly [string, Asked][] = [
  ['a call of an allowed tool', { body: call('memory__read_graph') }],
  ['a list', { body: rpc('tools/list') }],
  ['initialize', { body: rpc('initialize', { protocolVersion: '2025-11-25' }) }],
  ['a notification', { body: { jsonrpc: '2.0', method: 'notifications/initialized' } }],
  ['a response of the client', { body: { jsonrpc: '2.0', id: 1, result: {} } }],
  ['an allowed prompt', { body: rpc('prompts/get', { name: 'memory__summary' }) }],
  ['an allowed resource', { body: rpc('resources/read', { uri: 'memory://one' }) }],
  [
    'a call of the modern era',
    {
      body: modern('tools/call', { name: 'memory__read_graph' }),
      headers: modernHeaders('tools/call', 'memory__read_graph'),
    },
  ],
  ['a subscription', { body: modern('subscriptions/listen'), headers: modernHeaders('subscriptions/listen') }],
  ['a task that ext-proc will decide on', { body: rpc('tasks/get', { taskId: 'cht1.k.AAAA' }) }],
  ['a list of tasks, which ext-proc will filter', { body: rpc('tasks/list') }],
  ['a GET stream', { method: 'GET' }],
  ['the end of a session', { method: 'DELETE' }],
  ['the view of the tools', { method: 'GET', path: '/v1/surfaces/default/tools' }],
  ['a path with a query', { method: 'GET', path: '/mcp?x=1' }],
  [
    'a surface that ext-proc decides, when we are asked all the same',
    { path: '/mcp/plain', authorization: await tokenFor('/mcp/plain'), body: call('files__read') },
  ],
];
test.each(ALLOWED)('%s is allowed, with what was decided', async (_name, asked) => {
  const text = asked.body === undefined ? '' : JSON.stringify(asked.body);
  expect(metadataOf(await bed.ask(asked))).toEqual({
    surface: asked.path === '/mcp/plain' ? 'plain' : 'default',
    issuer: ISSUER,
    subject: 'alice',
    revision: '12',
    decision_id: 'd1',
    body_sha256: createHash('sha256').update(text).digest('hex'),
  });
  expect(bed.lines.map(({ level, msg }) => [level, msg])).toEqual([[20, 'allowed']]);
});

test('a surface without authentication has an anonymous principal, whatever token comes', async () => {
  for (const authorization of [null, ALICE, 'Bearer junk']) {
    const metadata = metadataOf(await bed.ask({ path: '/mcp/open', authorization, body: call('read_graph') }));
    expect(metadata).toMatchObject({ surface: 'open', issuer: 'anonymous', subject: 'anonymous' });
  }
});

interface Row {
  readonly name: string;
  readonly asked: Asked;
  readonly status: number;
  readonly rpc: number;
  /** Part of the message. */
  readonly says: string;
  readonly id?: string;
  readonly reason?: string;
}
const REFUSED: readonly Row[] = [
  {
    name: 'a denied tool looks unknown',
    asked: { body: call('memory__delete_entities') },
    status: 200,
    rpc: -32602,
    says: 'unknown tool: memory__delete_entities',
    id: '7',
    reason: 'the memory is kept',
  },
  {
    name: 'an unknown tool',
    asked: { body: call('memory__nothing') },
    status: 200,
    rpc: -32602,
    says: 'unknown tool: memory__nothing',
    id: '7',
  },
  {
    name: 'a tool of no server',
    asked: { body: call('nobody__read_graph') },
    status: 200,
    rpc: -32602,
    says: 'unknown tool',
    id: '7',
  },
  {
    name: 'a tool without its prefix',
    asked: { body: call('read_graph') },
    status: 200,
    rpc: -32602,
    says: 'unknown tool',
    id: '7',
  },
  {
    name: 'a denied prompt',
    asked: { body: rpc('prompts/get', { name: 'files__summary' }) },
    status: 200,
    rpc: -32602,
    says: 'unknown prompt',
    id: '7',
    reason: 'no rule allows it',
  },
  {
    name: 'a denied resource',
    asked: { body: rpc('resources/read', { uri: 'files://one' }) },
    status: 200,
    rpc: -32002,
    says: 'resource not found',
    id: '7',
    reason: 'no rule allows it',
  },
  {
    name: 'a denied tool under an escaped key',
    asked: {
      body: String.raw`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"n\u0061me":"memory__delete_entities"}}`,
    },
    status: 200,
    rpc: -32602,
    says: 'unknown tool',
    id: '"x"',
    reason: 'the memory is kept',
  },
  {
    name: 'two names in one call',
    asked: {
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memory__read_graph","name":"memory__delete_entities"}}',
    },
    status: 400,
    rpc: -32600,
    says: 'repeats an object key',
  },
  {
    name: 'an id beyond 2^53 comes back as it came',
    asked: { body: '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"x"}}' },
    status: 200,
    rpc: -32602,
    says: 'unknown tool',
    id: '9007199254740993',
  },
  {
    name: 'a task by its server’s own id, of which nobody would decide',
    asked: { body: rpc('tasks/result', { taskId: 't1' }) },
    status: 200,
    rpc: -32602,
    says: 'task not found',
    id: '7',
  },
  {
    name: 'the same in the modern era',
    asked: { body: modern('tasks/cancel', { taskId: 't1' }), headers: modernHeaders('tasks/cancel', 't1') },
    status: 200,
    rpc: -32602,
    says: 'task not found',
    id: '7',
  },
  {
    name: 'a task without an id',
    asked: { body: rpc('tasks/get') },
    status: 200,
    rpc: -32602,
    says: 'task not found',
    id: '7',
  },
  {
    name: 'an unknown method',
    asked: { body: rpc('tools/destroy', {}, 'a') },
    status: 200,
    rpc: -32601,
    says: 'method not found: tools/destroy',
    id: '"a"',
  },
  {
    name: 'an unknown method of the modern era',
    asked: { body: modern('ping'), headers: modernHeaders('ping') },
    status: 404,
    rpc: -32601,
    says: 'method not found: ping',
    id: '7',
  },
  {
    name: 'a body of the modern era below other headers',
    asked: { body: modern('tools/list'), headers: modernHeaders('tools/call') },
    status: 400,
    rpc: -32020,
    says: 'Mcp-Method says "tools/call", the body "tools/list"',
    id: '7',
  },
  {
    name: 'a call without a name',
    asked: { body: rpc('tools/call', {}) },
    status: 200,
    rpc: -32602,
    says: 'params.name must be a string',
    id: '7',
  },
  { name: 'malformed JSON', asked: { body: '{"jsonrpc":' }, status: 400, rpc: -32700, says: 'not valid JSON' },
  { name: 'an empty body', asked: { body: '' }, status: 400, rpc: -32700, says: 'not valid JSON' },
  {
    name: 'a batch of a version that has none',
    asked: { body: [call('memory__read_graph')], headers: { 'mcp-protocol-version': '2025-06-18' } },
    status: 400,
    rpc: -32600,
    says: 'batches',
  },
  { name: 'an empty batch', asked: { body: [] }, status: 400, rpc: -32600, says: 'a batch has 1 to 100 messages' },
  { name: 'no JSON-RPC', asked: { body: { hello: 1 } }, status: 400, rpc: -32600, says: 'not a JSON-RPC 2.0 message' },
  {
    name: 'a body over the limit',
    asked: { body: call('x'.repeat(BODY_BYTES_MAX)) },
    status: 413,
    rpc: -32600,
    says: 'larger than the limit',
  },
  {
    name: 'a body that Envoy cut',
    asked: { body: call('memory__read_graph'), headers: { 'x-envoy-auth-partial-body': 'true' } },
    status: 413,
    rpc: -32600,
    says: 'larger than the limit',
  },
  {
    name: 'a compressed body',
    asked: { body: call('memory__read_graph'), headers: { 'content-encoding': 'gzip' } },
    status: 415,
    rpc: -32000,
    says: 'Content-Encoding',
  },
  {
    name: 'a body that the filter did not send',
    asked: { headers: { 'content-length': '90' } },
    status: 503,
    rpc: -32000,
    says: 'could not be made',
    reason: 'the filter sent 0 bytes',
  },
  {
    name: 'a body that the filter sent as text',
    asked: { textBody: JSON.stringify(call('memory__read_graph')) },
    status: 503,
    rpc: -32000,
    says: 'could not be made',
    reason: 'pack_as_bytes',
  },
  {
    name: 'a GET with a body',
    asked: { method: 'GET', body: call('memory__read_graph') },
    status: 400,
    rpc: -32600,
    says: 'takes no body',
  },
  { name: 'another verb', asked: { method: 'PUT' }, status: 405, rpc: -32000, says: 'method is not allowed' },
  { name: 'a verb in lower case', asked: { method: 'post' }, status: 405, rpc: -32000, says: 'method is not allowed' },
  {
    name: 'a verb that objects have',
    asked: { method: 'constructor' },
    status: 405,
    rpc: -32000,
    says: 'method is not allowed',
  },
  {
    name: 'a POST to the view of the tools',
    asked: { path: '/v1/surfaces/default/tools', body: call('memory__read_graph') },
    status: 405,
    rpc: -32000,
    says: 'method is not allowed',
  },
  { name: 'an unknown surface', asked: { path: '/mcp/nothing' }, status: 404, rpc: -32000, says: 'no such surface' },
  {
    name: 'an unknown surface’s view',
    asked: { method: 'GET', path: '/v1/surfaces/nothing/tools' },
    status: 404,
    rpc: -32000,
    says: 'no such surface',
  },
  { name: 'any other path', asked: { method: 'GET', path: '/' }, status: 404, rpc: -32000, says: 'no such surface' },
  { name: 'a path with a slash more', asked: { path: '/mcp/' }, status: 404, rpc: -32000, says: 'no such surface' },
];
test.each(REFUSED)('$name: refused', async ({ asked, status, rpc: code, says, id = 'null', reason }) => {
  const denial = denialOf(await bed.ask(asked));
  expect(denial.status).toBe(status);
  expect(denial.headers['content-type']).toBe('application/json');
  expect(denial.body).toMatch(new RegExp(`^\\{"jsonrpc":"2\\.0","id":${id},"error":\\{"code":${code},"message":`));
  expect(JSON.parse(denial.body).error.message).toContain(says);
  expect(denial.body).not.toContain('the memory is kept');
  expect(bed.lines).toHaveLength(1);
  expect(bed.lines[0]).toMatchObject({ level: 30, msg: 'refused', decision: 'd1' });
  if (reason !== undefined) expect(bed.lines[0]?.reason).toContain(reason);
});

test('a denial by policy is one line that names who, what, and why', async () => {
  await bed.ask({ body: call('memory__delete_entities') });
  expect(bed.lines).toHaveLength(1);
  expect(bed.lines[0]).toMatchObject({
    msg: 'refused',
    decision: 'd1',
    revision: 12,
    surface: 'default',
    issuer: ISSUER,
    subject: 'alice',
    method: 'tools/call',
    target: 'memory__delete_entities',
    rules: ['base/keep'],
    reason: 'the memory is kept',
    code: 'unknown_tool',
  });
});

test('a refused notification is taken and dropped, as JSON-RPC wants', async () => {
  const message = { jsonrpc: '2.0', method: 'tools/call', params: { name: 'memory__read_graph' } };
  expect(denialOf(await bed.ask({ body: message }))).toEqual({ status: 202, body: '', headers: {} });
  expect(bed.lines[0]).toMatchObject({ msg: 'refused', code: 'method_not_found' });
});

describe('of two versions of a server', () => {
  const versions = [
    versionOf('memory', ['read_graph', 'old'], { state: 'deprecated' }),
    versionOf('memory', ['read_graph', 'fresh'], { version: '2' }),
    versionOf('memory', ['next'], { version: '3', state: 'canary', canary: { percent: 1, principals: [] } }),
    versionOf('memory', ['gone'], { version: '0', state: 'decommissioned' }),
    versionOf('memory', ['soon'], { version: '4', state: 'staging' }),
  ];
  beforeEach(() => {
    const servers = new Map([...CATALOG.servers, ['memory', versionedServer('memory', versions)]]);
    bed.catalog = () => ({ ...CATALOG, servers });
  });
  test.each(['read_graph', 'old', 'fresh', 'next'])(
    'a tool that any served one has is decided on: %s',
    async (tool) => {
      expect(metadataOf(await bed.ask({ body: call(`memory__${tool}`) }))).toMatchObject({ surface: 'default' });
    },
  );
  test.each(['gone', 'soon', 'never'])('a tool that none has is unknown: %s', async (tool) => {
    expect(denialOf(await bed.ask({ body: call(`memory__${tool}`) })).body).toContain('unknown tool');
  });
});

describe('an API key', () => {
  const TEXT = `chk_k1_${'x'.repeat(43)}`;
  const sha256 = createHash('sha256').update(TEXT).digest('hex');
  const authorization = `Bearer ${TEXT}`;
  const withKey = (over: object): void => {
    const key = apiKeyOf({ sha256, surfaces: ['default'], ...over });
    bed.catalog = () => ({ ...CATALOG, apiKeys: new Map([[key.sha256, key]]) });
  };

  test('is a bearer token of its own', async () => {
    withKey({});
    expect(metadataOf(await bed.ask({ authorization, body: call('memory__read_graph') }))).toMatchObject({
      issuer: 'chancery:api-key',
      subject: 'robot',
    });
  });
  test.each<[string, object, string, string]>([
    ['on another surface', { surfaces: ['ops'] }, '/mcp', 'wrong_audience'],
    ['after its end', { expiresAtMs: NOW_MS }, '/mcp', 'expired'],
    ['that is none', { sha256: '1'.repeat(64) }, '/mcp', 'unknown_api_key'],
  ])('%s is refused, and the caller is not told why', async (_, over, path, reason) => {
    withKey(over);
    const denial = denialOf(await bed.ask({ path, authorization, body: call('memory__read_graph') }));
    expect(denial.status).toBe(401);
    expect(denial.body).not.toContain(reason);
    expect(bed.lines[0]).toMatchObject({ code: 'unauthenticated', reason });
    expect(JSON.stringify(bed.lines)).not.toContain(TEXT);
  });
});

describe('where nobody behind us translates', () => {
  const INPUT = { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] };
  const RULES = [
    { id: 'small', effect: 'allow', tools: ['pay/refund'], when: ['args.amount <= 500'] },
    { id: 'near', effect: 'allow', tools: ['pay/near'], who: { networks: ['10.0.0.0/8'] } },
    {
      id: 'rated',
      effect: 'allow',
      tools: ['pay/rated'],
      obligations: { rate: [{ calls: 1, per: '1h', by: ['principal'] }] },
    },
    { id: 'cards', effect: 'allow', tools: ['pay/cards'], obligations: { redact: ['card'] } },
    {
      id: 'weighed',
      effect: 'allow',
      tools: ['pay/weighed'],
      obligations: { budget: [{ tokens: 9, per: '1h', by: ['principal'] }] },
    },
    { id: 'private', effect: 'allow', tools: ['pay/private'], obligations: { labels: ['private'] } },
    { id: 'egress', effect: 'allow', tools: ['pay/egress'] },
    { id: 'stay', effect: 'deny', tools: ['pay/egress'], when: ['"private" in session.labels'] },
    { id: 'asked', effect: 'allow', tools: ['pay/asked'], obligations: { approve: { by: { subjects: ['boss'] } } } },
  ] as const;
  const names = ['near', 'rated', 'cards', 'weighed', 'private', 'egress', 'asked'];
  beforeEach(() => {
    bed.catalog = () =>
      catalogOf({
        servers: [
          readAs('pay', [], {
            tools: listed(toolOf('refund', { inputSchema: INPUT }), ...names.map((name) => toolOf(name))),
          }),
        ],
        surfaces: [
          surfaceOf('pay', ['pay'], { auth: 'none' }, ISSUER),
          surfaceOf('named', ['pay'], { auth: 'none', naming: 'prefixed' }, ISSUER),
          surfaceOf('kept', ['pay'], { auth: 'none', record: { arguments: true } }, ISSUER),
        ],
        policies: [{ ...ALLOW_ALL, rules: RULES }],
      });
  });
  const ask = (name: string, args: object = {}, over: Partial<Asked> = {}) =>
    bed.ask({
      path: '/somewhere',
      authorization: null,
      surface: 'pay',
      translated: false,
      headers: { 'mcp-protocol-version': '2025-11-25' },
      body: rpc('tools/call', { name, arguments: args }),
      ...over,
    });
  const errorOf = async (answer: ReturnType<typeof ask>) => {
    const { error } = JSON.parse(denialOf(await answer).body) as { error: { code: number; message: string } };
    return `${error.code} ${error.message}`;
  };

  test('the schema is first, and is told to the model', async () => {
    metadataOf(await ask('refund', { amount: 500 }));
    const denial = denialOf(await ask('refund', { amount: '500' }));
    expect([denial.status, JSON.parse(denial.body).result]).toEqual([
      200,
      { content: [{ type: 'text', text: 'Invalid arguments: /amount must be number' }], isError: true },
    ]);
    const before = ask('refund', { amount: '500' }, { headers: { 'mcp-protocol-version': '2025-06-18' } });
    expect(await errorOf(before)).toBe('-32602 invalid params: /amount must be number');
    expect(await errorOf(ask('refund', { amount: 501 }))).toBe(
      '-32003 a policy does not allow this call: no rule allows it',
    );
  });

  test('the address is that of the connection; one that is not told is in no network', async () => {
    metadataOf(await ask('near', {}, { address: '10.1.2.3' }));
    for (const over of [{ address: '11.1.2.3' }, { address: '' }, { headers: { 'x-forwarded-for': '10.1.2.3' } }])
      expect(await errorOf(ask('near', {}, over))).toBe('-32602 unknown tool: near');
  });

  test('a quota is taken; where a gateway is behind it is left to it', async () => {
    for (let n = 0; n < 3; n++) metadataOf(await ask('rated', {}, { translated: true }));
    metadataOf(await ask('rated'));
    const denial = denialOf(await ask('rated'));
    expect([denial.status, denial.headers['retry-after']]).toEqual([200, '3600']);
    expect(JSON.parse(denial.body).error.data).toEqual({ retryAfterMs: 3_600_000 });
  });

  test.each([
    ['cards', 'redact'],
    ['weighed', 'a quota of tokens'],
  ])('what cannot be done here refuses %s', async (name, what) => {
    expect(await errorOf(ask(name))).toBe(
      `-32003 a rule asks of this call what cannot be done where it is decided: ${what}`,
    );
  });

  test('in a batch nothing that owes is allowed', async () => {
    const body = [call('rated', 1), rpc('ping', {}, 2)];
    expect(await errorOf(ask('', {}, { body, headers: {} }))).toContain('in a batch');
  });

  test('labels stick to who calls', async () => {
    metadataOf(await ask('egress'));
    metadataOf(await ask('private'));
    expect(await errorOf(ask('egress'))).toBe('-32602 unknown tool: egress');
  });

  test('what is decided is recorded; where a gateway is behind, only what does not get there', async () => {
    metadataOf(await ask('rated'));
    denialOf(await ask('rated'));
    metadataOf(await ask('rated', {}, { translated: true }));
    denialOf(await ask('nothing-of-the-kind', {}, { translated: true }));
    denialOf(await ask('refund', { amount: 'x' }, { translated: true }));
    expect(bed.recorded.map(({ name, allowed, code }) => [name, allowed, code])).toEqual([
      ['rated', true, ''],
      ['rated', true, 'quota_exceeded'],
      ['refund', expect.any(Boolean), 'invalid_params'],
    ]);
  });

  test('values of arguments are recorded where the surface says so, and nowhere else', async () => {
    for (const surface of ['pay', 'kept']) {
      metadataOf(await ask('egress', { to: 'a@b.example' }, { surface }));
      denialOf(await ask('refund', { amount: 'x@b.example' }, { surface }));
    }
    const [allowed, refused, ...kept] = bed.recorded;
    expect(JSON.stringify([allowed, refused])).not.toContain('b.example');
    expect(kept.map(({ args }) => args)).toEqual([{ to: 'a@b.example' }, { amount: 'x@b.example' }]);
  });

  test('an approval is asked for, and used once', async () => {
    expect(await errorOf(ask('asked', { n: 1 }))).toContain('ask for approval a1');
    expect(await errorOf(ask('asked', { n: 1 }))).toContain('ask for approval a1');
    bed.ledger.decide('a1', 'denied');
    expect(await errorOf(ask('asked', { n: 1 }))).toContain('the approval was denied');
    expect(await errorOf(ask('asked', { n: 2 }))).toContain('ask for approval a2');
    bed.ledger.decide('a2', 'approved');
    metadataOf(await ask('asked', { n: 2 }));
    expect(await errorOf(ask('asked', { n: 2 }))).toContain('ask for approval a3');
  });

  test('while nothing is known of earlier calls, what owes or asks for labels is refused', async () => {
    bed.ledger.broken = true;
    for (const name of ['rated', 'private', 'asked'])
      expect(await errorOf(ask(name))).toBe('-32000 the policy decision could not be made');
    expect(await errorOf(ask('egress'))).toContain('egress');
    metadataOf(await ask('refund', { amount: 1 }));
  });

  test.each<[string, object, string]>([
    ['a task', rpc('tasks/get', { taskId: 't' }), 'tasks/get without the gateway'],
    ['all tasks', rpc('tasks/list'), 'tasks/list without the gateway'],
  ])('%s is refused', async (_, body, what) => {
    expect(await errorOf(ask('', {}, { body }))).toContain(what);
  });

  test('a surface whose names its server does not know is refused', async () => {
    expect(await errorOf(ask('pay__egress', {}, { surface: 'named' }))).toContain('the names of this surface');
    expect(denialOf(await ask('egress', {}, { surface: 'nowhere' })).status).toBe(404);
  });
});
