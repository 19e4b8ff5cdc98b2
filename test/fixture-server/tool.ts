// Decides what a tool of the fixture is.
import type {
  CallToolResult,
  InputRequiredResult,
  RequestStateCodec,
  ServerContext,
} from '@modelcontextprotocol/server';

/** What one instance of the server lends its tools. */
export interface Reach {
  /** Says that a list changed, to whoever listens in this instance's era. */
  readonly changed: (list: 'tools' | 'prompts') => void;
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
