// Decides how a question of ours is asked of a backend whose answer goes on as raw JSON: the response, or nothing.
import { LIMITS } from '../../core/limits.ts';
import type { CallRequest, EgressCalls } from '../../core/mcp/egress-call.ts';
import { type Message, parseMessage } from '../../core/mcp/message.ts';

export type Question = Pick<
  CallRequest,
  'cluster' | 'path' | 'sessionId' | 'protocolVersion' | 'headers' | 'eventBytesMax'
> & { readonly body: string };

/** Null: it did not answer within LIMITS.fanoutDeadlineMs, or not with a result. Total. */
export function oneAnswer(calls: EgressCalls, question: Question, idText: string): Promise<Message | null> {
  return new Promise((resolve) => {
    const finish = (answer: Message | null): void => {
      clearTimeout(timer);
      call.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(null), LIMITS.fanoutDeadlineMs);
    let status = 0;
    const call = calls.open({
      ...question,
      method: 'POST',
      deadlineMs: LIMITS.fanoutDeadlineMs,
      onOpen: (head) => {
        status = head.status;
      },
      onEvent: ({ data }) => {
        const parsed = data === '' ? null : parseMessage(Buffer.from(data));
        if (parsed?.ok !== true || parsed.message.kind !== 'response' || parsed.message.idText !== idText) return;
        finish(status === 200 && parsed.message.members.has('result') ? parsed.message : null);
      },
      onEnd: () => finish(null),
    });
  });
}
