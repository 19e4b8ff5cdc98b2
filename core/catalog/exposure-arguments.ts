// Decides which arguments a caller of a mapped tool may send, and what its server gets.
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { type Edit, type Message, withEdits } from '../mcp/message.ts';
import type { Target } from '../mcp/methods.ts';
import { folded, scan } from '../mcp/scan.ts';
import { targetSpan } from '../mcp/target.ts';
import { type ReadValue, readValue, type ValueMap } from '../mcp/value.ts';
import type { Exposed } from './exposure-item.ts';

const ARGUMENTS = 'arguments';
/** No other byte of JSON outside a string is below it. */
const SPACE = 0x20;
const CLOSING_BRACE = 0x7d;

/** What is wrong with the arguments of a call, as one sentence; null: nothing. Nothing is left out in silence. */
export function argumentsProblem(message: Message, { fixing }: Exposed): string | null {
  if (fixing === null) return null;
  for (const member of message.params?.keys() ?? []) {
    // A server that takes it for the arguments would not see what is fixed.
    if (member !== ARGUMENTS && folded(member) === ARGUMENTS) return `params.${member} must be written "${ARGUMENTS}"`;
  }
  const span = message.params?.get(ARGUMENTS);
  if (span === undefined) return null;
  // Not by JSON.parse: after an object with an incomplete escape in a key, V8 13.6 reads another object's escaped key as
  // a key that is not there (nodejs/node#63785), and the server, which reads it right, would get what is fixed.
  const given = scan(message.bytes.subarray(span.start, span.end), LIMITS.jsonDepthMax);
  if (given === 'duplicate_key') return 'params.arguments names an argument twice, in the same or in another case';
  if (typeof given === 'string')
    return `params.arguments must be an object of at most ${LIMITS.messageMembersMax} members`;
  const taken = [...given.members.keys()].find((name) => fixing.taken.has(folded(name)));
  return taken === undefined ? null : `${JSON.stringify(taken)} is not an argument of this tool`;
}

/**
 * The arguments as the server gets them, with those that are fixed: rules decide on exactly what is forwarded. Of a
 * message in which `argumentsProblem` finds nothing.
 */
export function argumentsOf(message: Message, { fixing }: Exposed): ReadValue {
  const span = message.params?.get(ARGUMENTS);
  const given: ReadValue = span === undefined ? { ok: true, value: {} } : readValue(message.bytes, span);
  if (!given.ok) return given;
  if (typeof given.value !== 'object' || given.value === null || Array.isArray(given.value))
    return { ok: false, problem: 'arguments must be an object' };
  const fixed: JsonObject = fixing?.values ?? {};
  if (Object.keys(fixed).length === 0) return given;
  const entries = [...Object.entries(given.value as ValueMap), ...Object.entries(fixed)];
  return { ok: true, value: Object.fromEntries(entries) };
}

/**
 * The body as the server gets it: its own name, and the arguments that are fixed; every other byte as the client wrote it.
 * Of a message in which `argumentsProblem` finds nothing.
 */
export function forwardedBody(message: Message, param: Target['param'], exposed: Exposed): readonly Buffer[] {
  const edits: Edit[] = [];
  const named = targetSpan(message, param);
  if (named === undefined) throw new Error(`the message has no params.${param}`);
  if (exposed.name !== exposed.publicName) edits.push({ span: named, text: JSON.stringify(exposed.name) });
  const fixed = exposed.fixing?.members ?? '';
  if (fixed !== '') edits.push(insertion(message, fixed, named.end));
  return edits.length === 0 ? [message.bytes] : withEdits(message, edits);
}

/** `end`: of a member of `params`, behind which arguments can come in. */
function insertion({ bytes, params }: Message, fixed: string, end: number): Edit {
  const span = params?.get(ARGUMENTS);
  if (span === undefined) return { span: { start: end, end }, text: `,"${ARGUMENTS}":{${fixed}}` };
  const start = span.start + 1;
  let first = start;
  while (bytes[first]! <= SPACE) first++;
  return { span: { start, end: start }, text: bytes[first] === CLOSING_BRACE ? fixed : `${fixed},` };
}
