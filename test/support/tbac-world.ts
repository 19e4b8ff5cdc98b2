// Decides the stack in which ways around a policy are tried: two servers that record all they get, and every lane to them.
import { CLIENT_INFO, raw, request, rpc } from './clients.ts';
import { put, served } from './federation.ts';
import { type RawAnswer, type RawCall, type RawServer, type RawServerOptions, startRawServer } from './raw-server.ts';
import { type Stack, startStack } from './stack.ts';
import { until } from './until.ts';

const MODERN = '2026-07-28';

/** One way from a client to a server. */
export interface Lane {
  readonly name: string;
  readonly surface: string;
  readonly era: 'legacy' | 'modern';
  /** Of the client. */
  readonly capabilities: object;
  readonly protocolVersion: string;
  /** Before the server's own names. */
  readonly prefix: string;
  readonly server: 'old' | 'new';
}

const lane = (name: string, surface: string, over: Partial<Lane> = {}): Lane => ({
  name,
  surface,
  era: 'legacy',
  capabilities: {},
  protocolVersion: '2025-11-25',
  prefix: '',
  server: 'old',
  ...over,
});
const MODERN_LANE = { era: 'modern', protocolVersion: MODERN } as const;
const ASKING = { capabilities: { elicitation: {} }, prefix: 'old__' } as const;

export const LANES: readonly Lane[] = [
  lane('legacy, native', 'old'),
  lane('legacy, composed', 'both', ASKING),
  lane('legacy, bridged to a modern server', 'new', { server: 'new' }),
  lane('modern, native', 'new', { ...MODERN_LANE, server: 'new' }),
  lane('modern, composed', 'new', { ...MODERN_LANE, server: 'new', capabilities: { elicitation: {} } }),
  lane('modern, bridged to a legacy server', 'old', MODERN_LANE),
  lane('legacy, native, ext-authz decides', 'old-authz'),
  lane('legacy, composed, ext-authz decides', 'both-authz', ASKING),
  lane('modern, native, ext-authz decides', 'new-authz', { ...MODERN_LANE, server: 'new' }),
];
export const OF_EARLIER_VERSION: Lane = lane('legacy, 2025-06-18', 'old', { protocolVersion: '2025-06-18' });

const SURFACES: Readonly<Record<string, object>> = Object.fromEntries(
  [
    ['old', ['old']],
    ['new', ['new']],
    ['both', ['old', 'new']],
  ].flatMap(([name, servers]) => {
    const surface = { servers: (servers as string[]).map((server) => ({ server })) };
    return [
      [name, surface],
      [`${name as string}-authz`, { ...surface, decision: 'ext_authz' }],
    ];
  }),
);

export interface Answer {
  readonly status: number;
  /** `ok`, `schema` (a tool's error of ours), `error` (one of its server), or JSON-RPC's code with our sentence. */
  readonly outcome: string;
  readonly text: string;
  readonly headers: Headers;
}

export interface World {
  readonly stack: Stack;
  readonly servers: Readonly<Record<Lane['server'], RawServer>>;
  /** The caller's bearer token for a lane. */
  token(lane: Lane, subject?: string): Promise<string>;
  session(lane: Lane, subject?: string): Promise<string>;
  /** A body as it is, with the headers that fit the lane and name. */
  send(lane: Lane, body: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** A call of a tool; `args` is JSON text. */
  call(lane: Lane, tool: string, args: string, over?: CallOptions): Promise<Answer>;
  /** Another method; `params` without braces, `named` as `Mcp-Name` has it. */
  ask(lane: Lane, method: string, params: string, named?: string): Promise<Answer>;
  /** A person named `boss` approves. */
  approve(answer: Answer): Promise<void>;
  /** How many calls of tools, prompts and resources reached the servers so far. */
  reached(): number;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly subject?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** More members of `params`, as JSON text that ends in a comma. */
  readonly params?: string;
  readonly id?: string;
}

export interface WorldOptions {
  /** JSON texts of tools, by name. */
  readonly tools: Readonly<Record<string, string>>;
  /** By name of the tool; absent: a text `done NAME`. */
  readonly calls?: RawServerOptions['calls'];
  readonly answers?: RawServerOptions['answers'];
  readonly capabilities?: string;
  readonly rules: readonly object[];
  readonly surfaces?: readonly string[];
  readonly stream?: RawServerOptions['stream'];
  readonly env?: Readonly<Record<string, string>>;
}

const toolText = (name: string, text: string): string => `{"name":"${name}",${text.replace(/^\{/, '')}`;
export const done = (text: string, era: Lane['era'] = 'legacy'): string =>
  `{${era === 'modern' ? '"resultType":"complete",' : ''}"content":[{"type":"text","text":"${text}"}]}`;

export async function startWorld(options: WorldOptions): Promise<World> {
  const { tools, calls = {}, answers = {}, capabilities = '{"tools":{}}', rules, stream, env = {} } = options;
  const list = Object.entries(tools)
    .map(([name, text]) => toolText(name, text))
    .join(',');
  const callsOf = (era: Lane['era']): Record<string, RawAnswer> =>
    Object.fromEntries(Object.keys(tools).map((name) => [name, calls[name] ?? done(`done ${name}`, era)]));
  const starting = [
    startRawServer('old', {
      capabilities,
      answers: { 'tools/list': `{"tools":[${list}]}`, ...answers },
      calls: callsOf('legacy'),
      ...(stream !== undefined && { stream }),
    }),
    startRawServer('new', {
      answers: {
        'tools/list': `{"resultType":"complete","tools":[${list}]}`,
        ...answers,
        initialize: ({ idText, response }: RawCall) =>
          void response
            .writeHead(400, { 'content-type': 'application/json' })
            .end(
              `{"jsonrpc":"2.0","id":${idText},"error":{"code":-32022,"message":"unsupported","data":{"supported":["${MODERN}"]}}}`,
            ),
        'server/discover': `{"resultType":"complete","supportedVersions":["${MODERN}"],"capabilities":${capabilities},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"1"}}}`,
      },
      calls: callsOf('modern'),
    }),
    startStack({ example: '', env }),
  ] as const;
  const [older, newer, stack] = await Promise.all(starting);
  const servers = { old: older, new: newer };
  await put(stack, '/v1/policies/rules', { version: 'tbac/v1', surfaces: ['*'], rules });
  for (const [name, { url }] of Object.entries(servers))
    await put(stack, `/v1/servers/${name}`, { versions: [{ version: '1', endpoints: [{ url }] }] });
  for (const name of Object.keys(servers)) {
    await until(
      `${name} was read`,
      async () => (await (await stack.api('GET', `/v1/servers/${name}`)).json()) as Read,
      ({ status }) => (status.versions?.[0]?.tools ?? 0) > 0,
      40_000,
    );
  }
  const names = options.surfaces ?? Object.keys(SURFACES);
  for (const name of names) await put(stack, `/v1/surfaces/${name}`, SURFACES[name]!);
  for (const name of names) await served(stack, name);
  const tokens = new Map<string, Promise<string>>();
  const sessions = new Map<string, Promise<string>>();
  const kept = <T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> => {
    const found = map.get(key) ?? make();
    map.set(key, found);
    return found;
  };
  let boss: Promise<string> | null = null;
  const world: World = {
    stack,
    servers,
    token: ({ surface }, subject = 'agent') =>
      kept(tokens, `${surface} ${subject}`, () => stack.token(surface, subject)),
    session: (of, subject = 'agent') =>
      kept(sessions, `${of.name} ${subject}`, async () => {
        const params = {
          protocolVersion: of.protocolVersion,
          capabilities: of.capabilities,
          clientInfo: CLIENT_INFO,
        };
        const response = await raw(stack.mcp(of.surface), {
          token: await world.token(of, subject),
          body: request('init', 'initialize', params),
        });
        const session = response.headers.get('mcp-session-id');
        const text = await response.text();
        if (session === null) throw new Error(`initialize: ${response.status} ${text}`);
        return session;
      }),
    async send(of, body, headers = {}) {
      const legacy = of.era === 'legacy';
      const { authorization } = headers;
      const response = await raw(stack.mcp(of.surface), {
        ...(authorization === undefined && { token: await world.token(of) }),
        ...(legacy && headers['mcp-session-id'] === undefined && { session: await world.session(of) }),
        headers: { 'mcp-protocol-version': of.protocolVersion, ...headers },
        body,
      });
      return answerOf(response);
    },
    async call(of, tool, args, { subject, headers = {}, params = '', id = '1' } = {}) {
      const name = `${of.prefix}${tool}`;
      const meta = of.era === 'modern' ? `,"_meta":${metaText(of)}` : '';
      const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{${params}"name":${JSON.stringify(name)},"arguments":${args}${meta}}}`;
      const own = subject === undefined ? {} : { authorization: `Bearer ${await world.token(of, subject)}` };
      const inSession =
        subject === undefined || of.era === 'modern' ? {} : { 'mcp-session-id': await world.session(of, subject) };
      const standard: Record<string, string> =
        of.era === 'modern' ? { 'mcp-method': 'tools/call', 'mcp-name': headerText(name) } : {};
      return world.send(of, body, { ...own, ...inSession, ...standard, ...headers });
    },
    ask(of, method, params, named = '') {
      const legacy = of.era === 'legacy';
      const all = [params, ...(legacy ? [] : [`"_meta":${metaText(of)}`])].filter((part) => part !== '').join(',');
      const standard: Record<string, string> = legacy
        ? {}
        : { 'mcp-method': method, ...(named !== '' && { 'mcp-name': headerText(named) }) };
      return world.send(of, `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${all}}}`, standard);
    },
    async approve({ text }) {
      const id = /"approval":"([^"]+)"/.exec(text)?.[1] ?? /\/approvals\/([^"]+)"/.exec(text)?.[1] ?? 'none';
      boss ??= stack
        .api('POST', '/v1/keys', { use: 'admin', subject: 'boss', roles: ['approver'] })
        .then(async (response) => ((await response.json()) as { key: string }).key);
      const approved = await fetch(`http://127.0.0.1:${stack.ports.api}/v1/approvals/${id}/approve`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await boss}`, 'content-type': 'application/json' },
        body: '{}',
      });
      if (!approved.ok) throw new Error(`approve ${id}: ${approved.status} ${await approved.text()}`);
    },
    reached: () =>
      Object.values(servers)
        .flatMap(({ requests }) => requests)
        .filter(({ body }) => /tools\/call|prompts\/get|resources\/read|completion/.test(body))
        // What discovery asks of a server, whoever calls.
        .filter(({ body }) => !body.includes('chancery-nobody')).length,
    async close() {
      await stack.stop();
      stack.remove();
      await Promise.all(Object.values(servers).map((server) => server.close()));
    },
  };
  return world;
}

interface Read {
  readonly status: { readonly versions?: readonly { readonly tools?: number }[] };
}

export const metaText = ({ capabilities }: Pick<Lane, 'capabilities'>): string =>
  JSON.stringify({
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  });

/** "clients MUST encode … `=?base64?{Base64EncodedValue}?=`" what is no visible ASCII (MCP 2026-07-28, transports). */
function headerText(name: string): string {
  return /^[!-~]+$/.test(name) ? name : `=?base64?${Buffer.from(name).toString('base64')}?=`;
}

export async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.clone().text();
  let outcome: string;
  try {
    const { result, error } = await rpc(response);
    if (error !== undefined) outcome = `${error.code} ${error.message}`;
    else if (result?.isError === true) outcome = text.includes('Invalid arguments') ? 'schema' : 'error';
    else outcome = 'ok';
  } catch {
    outcome = text === '' ? 'nothing' : text.slice(0, 200);
  }
  return { status, outcome, text, headers };
}
