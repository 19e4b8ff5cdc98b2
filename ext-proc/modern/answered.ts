// Decides what a caller of the modern era gets of a message that a server answers: its state sealed, what it read for him alone.
import type { Exposed } from '../../core/catalog/exposure.ts';
import { ERRORS } from '../../core/errors.ts';
import { membersAt } from '../../core/mcp/inbound.ts';
import { errorText } from '../../core/mcp/json-rpc.ts';
import { type Edit, type Message, stringAt, withEdits } from '../../core/mcp/message.ts';
import { sealTask } from '../compose/task-ids.ts';
import { ownerOf } from '../federation/pages.ts';
import type { ModernCall } from './call.ts';
import { sealState } from './state.ts';

/** None: it goes no further. Every byte that need not change stays. Total. */
export function answerFor(call: ModernCall, { version, name }: Exposed, answer: Message): readonly string[] {
  // "Servers MUST NOT send JSON-RPC requests" (MCP 2026-07-28, basic/patterns/mrtr): nobody could answer them.
  if (answer.kind === 'request') return [];
  const as = answer.bytes.toString();
  const result = answer.members.get('result');
  if (answer.kind === 'notification' || result === undefined) return [as];
  const members = membersAt(answer, result);
  if (members === null) return [malformed(call, version.name)];
  const edits: Edit[] = [];
  const state = members.get('requestState');
  if (state !== undefined && stringAt(answer.bytes, members.get('resultType')) === 'input_required') {
    const text = answer.bytes.toString('utf8', state.start, state.end);
    const sealed = sealState(call.gateway, call, { server: version.name, version: version.version, text });
    if (sealed === null) return [malformed(call, version.name)];
    edits.push({ span: state, text: JSON.stringify(sealed) });
  }
  if (stringAt(answer.bytes, members.get('resultType')) === 'task') {
    const task = members.get('taskId');
    const idText = task === undefined ? '' : answer.bytes.toString('utf8', task.start, task.end);
    const ref = { era: 'modern', server: version.name, version: version.version, tool: name, idText } as const;
    const sealed = idText.startsWith('"') ? sealTask(call.gateway, ownerOf(call), ref) : null;
    // "A client that receives CreateTaskResult in response to an unsupported request type MUST interpret this as invalid".
    if (task === undefined || sealed === null || call.message.method !== 'tools/call')
      return [malformed(call, version.name)];
    edits.push({ span: task, text: JSON.stringify(sealed) });
  }
  const scope = members.get('cacheScope');
  // "`private` MUST NOT be shared across authorization contexts": here a policy decides who reads it.
  if (scope !== undefined && call.surface.auth !== 'none') edits.push({ span: scope, text: '"private"' });
  return edits.length === 0 ? [as] : [Buffer.concat(withEdits(answer, edits)).toString()];
}

function malformed({ message }: ModernCall, server: string): string {
  const { rpc, message: sentence } = ERRORS.backend_malformed;
  return errorText(message.idText, rpc, `${sentence}: ${server}`);
}
