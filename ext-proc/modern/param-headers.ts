// Decides whether the headers that repeat a tool's arguments agree with them, and which of these headers its server gets.
import type { ServerVersion } from '../../core/catalog/catalog.ts';
import type { Exposed } from '../../core/catalog/exposure.ts';
import { encodeHeaderValue } from '../../core/mcp/header-value.ts';
import type { Message } from '../../core/mcp/message.ts';
import { argumentAt, type ParamHeader, paramHeadersOf, paramProblem } from '../../core/mcp/param-headers.ts';
import { folded } from '../../core/mcp/scan.ts';

export interface ParamHeaders {
  /** What the client's headers become; null: the header is taken away. Others go on as they came. */
  readonly changed: ReadonlyMap<string, string | null>;
}

const NONE: readonly ParamHeader[] = [];
const UNCHANGED: ParamHeaders = { changed: new Map() };

// A version is immutable: its schemas are looked through once.
const declared = new WeakMap<ServerVersion, ReadonlyMap<string, readonly ParamHeader[]>>();

/** Of a tool, by its server's own name. */
export function declaredHeaders(version: ServerVersion, tool: string): readonly ParamHeader[] {
  let found = declared.get(version);
  if (found === undefined) {
    const { bare = [], full = [] } = version.discovered?.tools ?? {};
    const named = [...full, ...bare].map(
      ({ name, inputSchema }) => [String(name), paramHeadersOf(inputSchema)] as const,
    );
    found = new Map(named.filter(([, headers]) => headers.length > 0));
    declared.set(version, found);
  }
  return found.get(tool) ?? NONE;
}

/**
 * "Servers that process the body MUST reject requests whose header values do not match" (MCP 2026-07-28, transports). Of an
 * argument that the surface takes or fixes the header is ours, as the argument is. A text says what is wrong. Total.
 */
export function checkedParamHeaders(
  message: Message,
  exposed: Exposed,
  said: ReadonlyMap<string, string>,
): ParamHeaders | string {
  const headers = declaredHeaders(exposed.version, exposed.name);
  if (headers.length === 0) return UNCHANGED;
  const changed = new Map<string, string | null>();
  const args = argumentsOf(message);
  const fixed = exposed.fixing === null ? null : Buffer.from(`{${exposed.fixing.members}}`);
  for (const param of headers) {
    const taken = exposed.fixing?.taken.has(folded(param.path[0]!)) === true;
    const value = argumentAt(taken ? fixed : args, param.path);
    if (value.kind === 'unreadable') return `${param.header}: the arguments name something twice`;
    if (taken) changed.set(param.header, value.kind === 'value' ? encodeHeaderValue(value.text) : null);
    else if (value.kind === 'value') {
      const problem = paramProblem(param, value.text, said.get(param.header));
      if (problem !== null) return problem;
      // "Null or absent: MUST NOT expect the header": one that says something all the same goes no further.
    } else if (said.has(param.header)) changed.set(param.header, null);
  }
  return { changed };
}

function argumentsOf({ bytes, params }: Message): Buffer | null {
  const span = params?.get('arguments');
  return span === undefined ? null : bytes.subarray(span.start, span.end);
}
