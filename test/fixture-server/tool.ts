// Decides what a tool of the fixture is.
import type {
  CallToolResult,
  InputRequiredResult,
  RequestStateCodec,
  ServerContext,
} from '@modelcontextprotocol/server';

/** Lists that a tool can change. */
export type ChangingList = 'tools' | 'prompts';

/** What one instance of the server lends its tools. */
export interface Reach {
  /** Puts one more item on the list, or takes it away again, and tells whoever listens in either era. */
  readonly change: (list: ChangingList) => void;
  readonly states: RequestStateCodec<RoundState>;
}

/** What the server remembers between the rounds of a call; it travels through the client, signed. */
export interface RoundState {
  readonly tool: string;
  readonly round: number;
}

export type Arguments = Readonly<Record<string, unknown>>;
export type Outcome = CallToolResult | InputRequiredResult;

export interface FixtureTool {
  readonly name: string;
  readonly description: string;
  /** Absent: an object without members. */
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  readonly run: (args: Arguments, context: ServerContext, reach: Reach) => Outcome | Promise<Outcome>;
}

export function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] };
}
