// Decides what the arguments of a call are for the rules, and whether they fit the tool's schema.
import { compileSchema } from '../arguments/schema.ts';
import { twinProblem } from '../arguments/twins.ts';
import { isObject, type JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import type { Message } from '../mcp/message.ts';
import { folded } from '../mcp/scan.ts';
import type { Value, ValueMap } from '../mcp/value.ts';
import type { TargetKind } from '../policy/types.ts';
import type { Exposed } from './exposure.ts';
import { argumentsOf } from './exposure-arguments.ts';

export interface GivenArguments {
  /** What conditions read; `null` where the arguments are none. */
  readonly value: Value;
  /** Why the call cannot be made with them, as one sentence without a value; null: it can. */
  readonly problem: string | null;
  /** The tool's schema is none that can be checked: nobody may call it. */
  readonly unusable: boolean;
}

const NONE: GivenArguments = { value: {}, problem: null, unusable: false };

/**
 * Schema first: what rules see has the types that the tool declares (no coercion), so that a string never passes for a
 * number. Resources have no arguments.
 */
export function givenArguments(message: Message, exposed: Exposed, kind: TargetKind): GivenArguments {
  if (kind === 'resource') return NONE;
  const read = argumentsOf(message, exposed);
  if (!read.ok) return { value: null, problem: read.problem, unusable: false };
  const twin = misspeltMember(message) ?? twinProblem(read.value, exposed.inputSchema);
  if (twin !== null) return { value: read.value, problem: twin, unusable: false };
  if (exposed.inputSchema === null) return { ...NONE, value: read.value };
  const schema = compileSchema(exposed.inputSchema);
  if (!schema.ok) return { value: read.value, problem: schema.problem, unusable: true };
  return { value: read.value, problem: schema.check(withoutNulls(read.value, exposed.inputSchema)), unusable: false };
}

/**
 * Clients say null of an optional argument that they leave out ("when the parameter value is null or not provided", MCP
 * 2026-07-28, server/tools, "x-mcp-header"), whatever type its schema gives it. The rules and the server see the null.
 */
function withoutNulls(args: Value, { properties, required }: JsonObject): Value {
  if (typeof args !== 'object' || args === null || Array.isArray(args) || !isObject(properties)) return args;
  const wanted: readonly unknown[] = Array.isArray(required) ? required : [];
  const isLeftOut = ([name, value]: [string, Value]): boolean =>
    value === null && Object.hasOwn(properties, name) && !wanted.includes(name);
  const entries = Object.entries(args as ValueMap);
  return entries.some(isLeftOut) ? Object.fromEntries(entries.filter((entry) => !isLeftOut(entry))) : args;
}

const ARGUMENTS = 'arguments';

/** A server that takes it for the arguments would read what no rule saw. */
function misspeltMember({ params }: Message): string | null {
  for (const member of params?.keys() ?? []) {
    if (member.length > LIMITS.echoedCharsMax || member === ARGUMENTS || folded(member) !== ARGUMENTS) continue;
    return `params.${member} must be written "${ARGUMENTS}"`;
  }
  return null;
}
