// Decides which prompts the fixture has.
import {
  acceptedContent,
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { PNG_BASE64 } from './samples.ts';
import { ask } from './tools-input-required.ts';

const WORDS = ['hello', 'paris', 'park', 'party', 'world'];

type Content = GetPromptResult['messages'][number]['content'];

function messages(...contents: readonly Content[]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: 'user', content })) };
}

const text = (value: string): Content => ({ type: 'text', text: value });
const word = (description: string) =>
  completable(z.string().describe(description), (value) => WORDS.filter((each) => each.startsWith(value)));

export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'One message.' }, () =>
    messages(text('This is a simple prompt for testing.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'A message with two arguments.',
      argsSchema: z.object({ arg1: word('The first argument.'), arg2: word('The second argument.') }),
    },
    ({ arg1, arg2 }) => messages(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A resource inside the prompt.', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      messages(
        {
          type: 'resource',
          resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
        },
        text('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'An image inside the prompt.' }, () =>
    messages({ type: 'image', data: PNG_BASE64, mimeType: 'image/png' }, text('Please analyze the image above.')),
  );
  server.registerPrompt('test_input_required_result_prompt', { description: 'Needs a context.' }, ({ mcpReq }) => {
    const context = acceptedContent(mcpReq.inputResponses, 'user_context')?.context;
    if (typeof context === 'string') return messages(text(`Use this context: ${context}`));
    return inputRequired({ inputRequests: { user_context: ask('What context should the prompt use?', 'context') } });
  });
}
