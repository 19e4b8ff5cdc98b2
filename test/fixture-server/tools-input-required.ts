// Decides which tools of the fixture need something of the client before they can answer (SEP-2322).
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequests,
  inputRequired,
  inputResponse,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { type FixtureTool, type Outcome, type Reach, text } from './tool.ts';

/** The SDK's own type spells the keys out, its constant is a plain string. */
type Envelope = Readonly<Record<string, ClientCapabilities | undefined>>;

const ROOTS = inputRequired.listRoots();
const NAME = ask('What is your name?', 'name');
const CONFIRM = ask('Please confirm', 'ok', 'boolean');

export function ask(message: string, field: string, type: 'string' | 'boolean' = 'string'): InputRequests[string] {
  return inputRequired.elicit({
    message,
    requestedSchema: {
      type: 'object',
      properties: { [field]: type === 'string' ? { type } : { type } },
      required: [field],
    },
  });
}

function sample(question: string, maxTokens: number): InputRequests[string] {
  return inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: question } }],
    maxTokens,
  });
}

function answered(context: ServerContext, key: string): boolean {
  return inputResponse(context.mcpReq.inputResponses, key).kind !== 'missing';
}

function said(context: ServerContext, key: string): string {
  return JSON.stringify(context.mcpReq.inputResponses?.[key]);
}

/** Asks until every key was answered; what the client holds in between is signed. */
async function withState(
  tool: string,
  inputRequests: InputRequests,
  context: ServerContext,
  { states }: Reach,
  done: () => string,
): Promise<Outcome> {
  const state = context.mcpReq.requestState<{ tool: string }>();
  const complete = Object.keys(inputRequests).every((key) => answered(context, key));
  if (complete && state?.tool === tool) return text(done());
  return inputRequired({ inputRequests, requestState: await states.mint({ tool, round: 1 }, context) });
}

/** Asks once, and again when the answer is none. */
function once(name: string, description: string, key: string, request: InputRequests[string]): FixtureTool {
  return {
    name,
    description,
    run: (_args, context) =>
      answered(context, key)
        ? text(`received ${said(context, key)}`)
        : inputRequired({ inputRequests: { [key]: request } }),
  };
}

export const INPUT_REQUIRED_TOOLS: readonly FixtureTool[] = [
  {
    name: 'test_input_required_result_elicitation',
    description: 'Needs a name.',
    run: (_args, { mcpReq }) => {
      const name = acceptedContent(mcpReq.inputResponses, 'user_name')?.name;
      if (typeof name === 'string') return text(`Hello, ${name}!`);
      return inputRequired({ inputRequests: { user_name: NAME } });
    },
  },
  once(
    'test_input_required_result_sampling',
    "Needs an answer of the client's model.",
    'capital_question',
    sample('What is the capital of France?', 100),
  ),
  once('test_input_required_result_list_roots', "Needs the client's roots.", 'client_roots', ROOTS),
  {
    name: 'test_input_required_result_request_state',
    description: 'Needs a confirmation, and its own state back.',
    run: (_args, context, reach) => withState('request_state', { confirm: CONFIRM }, context, reach, () => 'state-ok'),
  },
  {
    name: 'test_input_required_result_tampered_state',
    description: 'Needs a confirmation, and refuses a state that it did not sign.',
    run: (_args, context, reach) => withState('tampered_state', { confirm: CONFIRM }, context, reach, () => 'state-ok'),
  },
  {
    name: 'test_input_required_result_multiple_inputs',
    description: 'Needs three answers of three kinds at once.',
    run: (_args, context, reach) => {
      const requests = { user_name: NAME, greeting: sample('Generate a greeting', 50), client_roots: ROOTS };
      const done = (): string =>
        Object.keys(requests)
          .map((key) => said(context, key))
          .join(' ');
      return withState('multiple_inputs', requests, context, reach, done);
    },
  },
  {
    name: 'test_input_required_result_multi_round',
    description: 'Needs one answer after the other.',
    run: async (_args, context, { states }) => {
      const state = context.mcpReq.requestState<{ tool: string; round: number }>();
      const round = state?.tool === 'multi_round' ? state.round : 0;
      if (round === 2 && answered(context, 'step2')) return text(`received ${said(context, 'step2')}`);
      const next = round === 2 || (round === 1 && answered(context, 'step1')) ? 2 : 1;
      const inputRequests: InputRequests =
        next === 1
          ? { step1: ask('Step 1: What is your name?', 'name') }
          : { step2: ask('Step 2: What is your favorite color?', 'color') };
      return inputRequired({
        inputRequests,
        requestState: await states.mint({ tool: 'multi_round', round: next }, context),
      });
    },
  },
  {
    name: 'test_input_required_result_capabilities',
    description: 'Asks only for what the client says that it can do.',
    run: (_args, context) => {
      const can = (context.mcpReq.envelope as Envelope | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
      const inputRequests: InputRequests = {
        ...(can.elicitation === undefined ? {} : { user_name: NAME }),
        ...(can.sampling === undefined ? {} : { greeting: sample('Generate a greeting', 50) }),
        ...(can.roots === undefined ? {} : { client_roots: ROOTS }),
      };
      const open = Object.keys(inputRequests).filter((key) => !answered(context, key));
      return open.length === 0 ? text('nothing more to ask') : inputRequired({ inputRequests });
    },
  },
  once(
    'test_missing_capability',
    'Cannot do without sampling: a client that did not declare it is refused.',
    'greeting',
    sample('Generate a greeting', 50),
  ),
  {
    name: 'test_streaming_elicitation',
    description: 'Reports progress, then needs a confirmation: a stream that ends with input_required.',
    run: async (_args, { mcpReq }) => {
      if (inputResponse(mcpReq.inputResponses, 'confirm').kind !== 'missing') return text('confirmed');
      const progressToken = mcpReq._meta?.progressToken;
      if (progressToken !== undefined) {
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1, total: 2 } });
      }
      return inputRequired({ inputRequests: { confirm: CONFIRM } });
    },
  },
];
