// Decides what one instance of the fixture offers: the same to both eras.
import { createRequestStateCodec, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import { type Changing, createChanging } from './changing.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import type { FixtureTool, Reach, RoundState } from './tool.ts';
import { CONTENT_TOOLS } from './tools-content.ts';
import { INPUT_REQUIRED_TOOLS } from './tools-input-required.ts';
import { TALKING_TOOLS } from './tools-talking.ts';

export const TOOLS: readonly FixtureTool[] = [...CONTENT_TOOLS, ...TALKING_TOOLS, ...INPUT_REQUIRED_TOOLS];

/** The validators of the input schemas are compiled once, not for every request of the modern era. */
const SCHEMAS = new Map(
  TOOLS.map(({ name, inputSchema }) => [
    name,
    fromJsonSchema<Readonly<Record<string, unknown>>>(inputSchema ?? { type: 'object', properties: {} }),
  ]),
);

export interface Living {
  readonly changing: Changing;
  /** The instance lives for a session, and tells its client when a list changes. */
  readonly session: boolean;
}

/** `key`: signs the state of a call with several rounds; any instance that has it can go on with the call. */
export function buildServer(key: Uint8Array, living?: Living): McpServer {
  const { changing, session } = living ?? { changing: createChanging(() => undefined), session: true };
  const states = createRequestStateCodec<RoundState>({ key });
  const server = new McpServer(
    { name: 'chancery-fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        logging: {},
        completions: {},
      },
      instructions: 'A server for tests: every tool says what it does.',
      requestState: { verify: states.verify },
    },
  );
  const reach: Reach = { change: changing.change, states };
  for (const { name, description, run } of TOOLS) {
    const inputSchema = SCHEMAS.get(name);
    if (inputSchema === undefined) throw new Error(`${name} has no schema`);
    server.registerTool(name, { description, inputSchema }, (args, context) => run(args, context, reach));
  }
  registerPrompts(server);
  registerResources(server);
  changing.register(server, session);
  return server;
}
