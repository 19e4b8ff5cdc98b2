// Decides which tools of the fixture speak to the client while they work.
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerContext } from '@modelcontextprotocol/server';
import { type FixtureTool, text } from './tool.ts';

/** Between two words of a tool, as the suite describes them. */
const STEP_MS = 50;
/** Longer than a client waits before it comes back for a stream that was closed. */
const AWAY_MS = 100;

const DEFAULTS_SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'A name.', default: 'John Doe' },
    age: { type: 'integer', description: 'An age.', default: 30 },
    score: { type: 'number', description: 'A score.', default: 95.5 },
    status: { type: 'string', description: 'A status.', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', description: 'Whether it was verified.', default: true },
  },
  required: [],
} as const;

const ENUMS_SCHEMA = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled('value', 'Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', items: { anyOf: titled('value', 'Choice') } },
  },
  required: [],
} as const;

function titled(value: string, title: string): { const: string; title: string }[] {
  return ['First', 'Second', 'Third'].map((word, index) => ({
    const: `${value}${index + 1}`,
    title: `${word} ${title}`,
  }));
}

type Form = Parameters<ServerContext['mcpReq']['elicitInput']>[0];

/** Legacy era only: in the modern one a server asks nothing, it answers `input_required`. */
async function elicit(context: ServerContext, message: string, requestedSchema: unknown): Promise<string> {
  const { action, content } = await context.mcpReq.elicitInput({ message, requestedSchema } as Form);
  return `action=${action}, content=${JSON.stringify(content ?? {})}`;
}

export const TALKING_TOOLS: readonly FixtureTool[] = [
  {
    name: 'test_tool_with_logging',
    description: 'Logs three times while it works.',
    run: async (_args, { mcpReq }) => {
      await mcpReq.log('info', 'Tool execution started');
      await pause(STEP_MS);
      await mcpReq.log('info', 'Tool processing data');
      await pause(STEP_MS);
      await mcpReq.log('info', 'Tool execution completed');
      return text('Tool with logging executed successfully');
    },
  },
  {
    name: 'test_logging_tool',
    description: 'Logs once; in the modern era only when the request asked for a level.',
    run: async (_args, { mcpReq }) => {
      await mcpReq.log('info', 'A line of the log');
      return text('logged');
    },
  },
  {
    name: 'test_tool_with_progress',
    description: 'Reports 0, 50 and 100 of 100 when it was given a token.',
    run: async (_args, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progress > 0) await pause(STEP_MS);
        if (progressToken === undefined) continue;
        const params = { progressToken, progress, total: 100, message: `Completed step ${progress} of 100` };
        await mcpReq.notify({ method: 'notifications/progress', params });
      }
      return text(`progress token ${JSON.stringify(progressToken ?? null)}`);
    },
  },
  {
    name: 'test_sampling',
    description: "Asks the client's model.",
    inputSchema: { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
    run: async ({ prompt }, { mcpReq }) => {
      const { content } = await mcpReq.requestSampling({
        messages: [{ role: 'user', content: { type: 'text', text: String(prompt) } }],
        maxTokens: 100,
      });
      const said = 'type' in content && content.type === 'text' ? content.text : JSON.stringify(content);
      return text(`LLM response: ${said}`);
    },
  },
  {
    name: 'test_elicitation',
    description: 'Asks the user for a name and an address.',
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    run: async ({ message }, context) => {
      const answer = await elicit(context, String(message), {
        type: 'object',
        properties: {
          username: { type: 'string', description: "User's response" },
          email: { type: 'string', description: "User's email address" },
        },
        required: ['username', 'email'],
      });
      return text(`User response: ${answer}`);
    },
  },
  {
    name: 'test_elicitation_sep1034_defaults',
    description: 'Asks with a default for every kind of field (SEP-1034).',
    run: async (_args, context) =>
      text(`Elicitation completed: ${await elicit(context, 'Please review these fields', DEFAULTS_SCHEMA)}`),
  },
  {
    name: 'test_elicitation_sep1330_enums',
    description: 'Asks with every way to write a choice (SEP-1330).',
    run: async (_args, context) =>
      text(`Elicitation completed: ${await elicit(context, 'Please choose', ENUMS_SCHEMA)}`),
  },
  {
    name: 'test_reconnection',
    description: 'Closes its own stream in the middle of the call; the answer waits for whoever resumes (SEP-1699).',
    run: async (_args, context) => {
      context.http?.closeSSE?.();
      await pause(AWAY_MS);
      return text('The stream was closed and taken up again.');
    },
  },
  {
    name: 'test_trigger_tool_change',
    description: 'Changes the list of tools: one comes, and goes at the next call.',
    run: (_args, _context, { change }) => {
      change('tools');
      return text('changed');
    },
  },
  {
    name: 'test_trigger_prompt_change',
    description: 'Changes the list of prompts: one comes, and goes at the next call.',
    run: (_args, _context, { change }) => {
      change('prompts');
      return text('changed');
    },
  },
];
