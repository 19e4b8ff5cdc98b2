// Decides what a client does in each scenario of the official suite for clients, by the SDK as it is.
import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** What the suite tells of a scenario beside its URL. */
export interface ScenarioContext {
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }[];
}

export interface Scenario {
  /** Protocol versions at which the suite has it. */
  readonly versions: readonly string[];
  /** What the client declares. */
  readonly capabilities?: NonNullable<ClientOptions['capabilities']>;
  /** How it answers a form; absent: it is asked for none. */
  readonly answer?: () => { action: 'accept'; content: Record<string, boolean> };
  readonly run: (client: Client, context: ScenarioContext) => Promise<void>;
}

const MODERN = '2026-07-28';

async function listOnly(client: Client): Promise<void> {
  await client.listTools();
}

async function call(client: Client, name: string, args: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await client.callTool({ name, arguments: args });
}

/** Scenarios that are about signing in are not here: who signs in through a gateway does so at the gateway. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  initialize: { versions: ['2025-06-18', '2025-11-25'], run: listOnly },
  tools_call: {
    versions: ['2025-06-18', '2025-11-25', MODERN],
    run: async (client) => {
      await client.listTools();
      await call(client, 'add_numbers', { a: 5, b: 3 });
    },
  },
  'elicitation-sep1034-client-defaults': {
    versions: ['2025-11-25'],
    capabilities: { elicitation: { form: { applyDefaults: true } } },
    answer: () => ({ action: 'accept', content: {} }),
    run: async (client) => {
      await client.listTools();
      await call(client, 'test_client_elicitation_defaults');
    },
  },
  'sse-retry': {
    versions: ['2025-11-25'],
    run: async (client) => {
      await client.listTools();
      await call(client, 'test_reconnection');
    },
  },
  'request-metadata': {
    versions: [MODERN],
    capabilities: { elicitation: {}, roots: {}, sampling: {} },
    run: listOnly,
  },
  'sep-2322-client-request-state': {
    versions: [MODERN],
    capabilities: { elicitation: {} },
    answer: () => ({ action: 'accept', content: { confirmed: true } }),
    run: async (client) => {
      await client.listTools();
      for (const name of ['test_mrtr_echo_state', 'test_mrtr_unrelated', 'test_mrtr_no_state'])
        await call(client, name);
      // The SDK refuses what it answers; what is measured is that it is not called again.
      await call(client, 'test_mrtr_no_result_type').catch(() => undefined);
    },
  },
  'http-standard-headers': {
    versions: [MODERN],
    run: async (client) => {
      const { tools } = await client.listTools();
      for (const { name } of tools) await call(client, name);
      const { resources } = await client.listResources();
      for (const { uri } of resources) await client.readResource({ uri });
      const { prompts } = await client.listPrompts();
      for (const { name } of prompts) await client.getPrompt({ name });
    },
  },
  'http-custom-headers': {
    versions: [MODERN],
    run: async (client, { toolCalls = [] }) => {
      await client.listTools();
      for (const { name, arguments: args } of toolCalls) await call(client, name, args);
    },
  },
  'http-invalid-tool-headers': {
    versions: [MODERN],
    run: async (client) => {
      const { tools } = await client.listTools();
      for (const { name, inputSchema } of tools) {
        const names = Object.keys(inputSchema.properties ?? {});
        await call(client, name, Object.fromEntries(names.map((each) => [each, 'test'])));
      }
    },
  },
  'json-schema-ref-no-deref': { versions: [MODERN], run: listOnly },
  'json-schema-2020-12-preservation': {
    versions: ['2025-11-25', MODERN],
    run: async (client) => {
      const { tools } = await client.listTools();
      const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema;
      await call(client, 'json_schema_echo', { schema });
    },
  },
};

export function clientScenarios(version: string): readonly string[] {
  return Object.keys(SCENARIOS).filter((name) => SCENARIOS[name]?.versions.includes(version));
}

/** Ends when the scenario is done. @throws what the SDK throws. */
export async function runScenario(url: string, name: string, version: string, context: ScenarioContext): Promise<void> {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new Error(`the scenario "${name}" is not known`);
  const { capabilities = {}, answer, run } = scenario;
  const client = new Client(
    { name: 'chancery-conformance', version: '1.0.0' },
    { capabilities, ...(version === MODERN && { versionNegotiation: { mode: 'auto' } }) },
  );
  if (answer !== undefined) client.setRequestHandler('elicitation/create', async () => answer());
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  try {
    await run(client, context);
  } finally {
    await transport.close();
  }
}
