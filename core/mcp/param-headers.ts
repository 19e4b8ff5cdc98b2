// Decides which arguments of a tool its calls repeat in headers of their own, and whether header and argument agree.
import { isObject, type Json } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { decodeHeaderValue } from './header-value.ts';
import { scan } from './scan.ts';

/** One `x-mcp-header` of an input schema (MCP 2026-07-28, transports, "Custom Headers from Tool Parameters"). */
export interface ParamHeader {
  /** Lower case, with its prefix. */
  readonly header: string;
  /** Keys from `arguments` down to the value. */
  readonly path: readonly string[];
  readonly numeric: boolean;
}

export const PARAM_PREFIX = 'mcp-param-';

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES = new Set(['string', 'integer', 'boolean']);
const INTEGER = /^-?(?:0|[1-9][0-9]*)$/;
const DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?$/;

/** "Only via chains of `properties`; unique case-insensitively." What does not keep to it declares nothing. Total. */
export function paramHeadersOf(inputSchema: Json | undefined): readonly ParamHeader[] {
  const found: ParamHeader[] = [];
  const walk = (schema: Json | undefined, path: readonly string[]): void => {
    if (!isObject(schema) || path.length > LIMITS.jsonDepthMax) return;
    const { 'x-mcp-header': name, type, properties } = schema;
    if (path.length > 0 && typeof name === 'string' && TOKEN.test(name) && TYPES.has(String(type)))
      found.push({ header: `${PARAM_PREFIX}${name.toLowerCase()}`, path, numeric: type === 'integer' });
    if (isObject(properties)) for (const [key, child] of Object.entries(properties)) walk(child, [...path, key]);
  };
  walk(inputSchema, []);
  return new Set(found.map(({ header }) => header)).size === found.length ? found : [];
}

/** Of the arguments, as bytes of JSON. `none`: absent, null, or nothing that a header can say. */
export type ArgumentValue =
  | { readonly kind: 'none' | 'unreadable' }
  | { readonly kind: 'value'; readonly text: string };

/** By the scanner, as everything that is compared with what a policy or a server reads. Total. */
export function argumentAt(args: Buffer | null, path: readonly string[]): ArgumentValue {
  let at = args;
  for (const key of path) {
    if (at === null || at[0] !== 0x7b) return { kind: 'none' };
    const scanned = scan(at, LIMITS.jsonDepthMax);
    if (typeof scanned === 'string') return { kind: 'unreadable' };
    const span = scanned.members.get(key);
    at = span === undefined ? null : at.subarray(span.start, span.end);
  }
  if (at === null) return { kind: 'none' };
  const raw = at.toString();
  if (raw.startsWith('"')) return { kind: 'value', text: JSON.parse(raw) as string };
  return raw === 'null' || raw.startsWith('{') || raw.startsWith('[') ? { kind: 'none' } : { kind: 'value', text: raw };
}

/** Why they disagree; null: they agree. `said`: the header as it came. */
export function paramProblem({ header, numeric }: ParamHeader, value: string, said: string | undefined): string | null {
  if (said === undefined) {
    // "Integers MUST be within the safe range": SDKs leave out the header of one that is not.
    const isSafe = !numeric || !INTEGER.test(value) || Number.isSafeInteger(Number(value));
    return isSafe ? `${header} is missing` : null;
  }
  const decoded = decodeHeaderValue(said);
  if (decoded === null) return `${header} is not valid Base64`;
  if (decoded === value) return null;
  if (numeric && INTEGER.test(decoded) && INTEGER.test(value)) {
    if (BigInt(decoded) === BigInt(value)) return null;
  } else if (numeric && DECIMAL.test(decoded) && !Number.isNaN(Number(value)) && Number(decoded) === Number(value))
    return null;
  return `${header} is not the argument`;
}
