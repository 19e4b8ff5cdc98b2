// Decides what must hold of the scanner and of messages, for all bytes.
import { LIMITS } from '../../core/limits.ts';
import {
  jsonParam,
  type Message,
  type ParsedMessage,
  parseMessage,
  stringParam,
  withStringParam,
} from '../../core/mcp/message.ts';
import { type Scanned, type Span, scan } from '../../core/mcp/scan.ts';
import { JSON_CORPUS, jsonInputs } from './json-inputs.ts';
import { jsonValueOf, referenceOf } from './json-reference.ts';
import { holds, type Property, property, same } from './property.ts';

type Members = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function spansFit(bytes: Buffer, spans: ReadonlyMap<string, Span>, value: Members): void {
  same([...spans.keys()].sort(), Object.keys(value).sort(), 'the members');
  for (const [name, { start, end }] of spans) {
    same(jsonValueOf(bytes.toString('utf8', start, end)), value[name], `the span of ${JSON.stringify(name)}`);
  }
}

function scansAsWanted(bytes: Buffer): void {
  const { value, refusals } = referenceOf(bytes, LIMITS.jsonDepthMax);
  const scanned: Scanned | string = scan(bytes, LIMITS.jsonDepthMax);
  if (value === undefined) {
    // A repeated key before the place where the text breaks may be what is said.
    holds(scanned === 'parse_error' || scanned === 'duplicate_key', `no JSON, but the scanner says ${shown(scanned)}`);
  } else if (refusals.size > 0) {
    holds(
      (refusals as ReadonlySet<unknown>).has(scanned),
      `wanted ${[...refusals].join(' or ')}, found ${shown(scanned)}`,
    );
  } else if (!isObject(value)) same(scanned, Array.isArray(value) ? 'array' : 'not_an_object', 'no object');
  else {
    if (typeof scanned === 'string') throw new Error(`JSON, but the scanner says ${scanned}`);
    spansFit(bytes, scanned.members, value);
    holds((scanned.params !== null) === isObject(value.params), 'params are found when they are an object');
    if (scanned.params !== null && isObject(value.params)) spansFit(bytes, scanned.params, value.params);
  }
}

const shown = (scanned: Scanned | string): string => (typeof scanned === 'string' ? scanned : 'it is an object');

/** The sentences of JSON-RPC 2.0 and MCP 2025-11-25 once more, over parsed values. */
function kindOf(value: Members, idText: string | null): Message['kind'] | null {
  const { jsonrpc, id, method, params } = value;
  const outcome = Object.hasOwn(value, 'result') || Object.hasOwn(value, 'error');
  const idPresent = Object.hasOwn(value, 'id');
  const idFits = idText !== null && Buffer.byteLength(idText) <= LIMITS.requestIdBytesMax;
  if (jsonrpc !== '2.0') return null;
  if (idPresent && !((typeof id === 'string' || typeof id === 'number') && idFits)) return null;
  if (Object.hasOwn(value, 'method') === outcome) return null;
  if (outcome) return idPresent ? 'response' : null;
  if (typeof method !== 'string' || method === '') return null;
  if (Object.hasOwn(value, 'params') && !isObject(params)) return null;
  return idPresent ? 'request' : 'notification';
}

function parsesAsWanted(bytes: Buffer): void {
  const parsed: ParsedMessage = parseMessage(bytes);
  const scanned = scan(bytes, LIMITS.jsonDepthMax);
  // What an answer echoes is JSON, or the answer would be none.
  JSON.parse(parsed.ok ? parsed.message.idText : parsed.idText);
  if (typeof scanned === 'string') {
    holds(!parsed.ok, 'no object of JSON is a message');
    return;
  }
  const value = jsonValueOf(bytes.toString()) as Members;
  const span = scanned.members.get('id');
  const kind = kindOf(value, span === undefined ? null : bytes.toString('utf8', span.start, span.end));
  same(parsed.ok ? parsed.message.kind : null, kind, 'the kind');
  if (!parsed.ok) return;
  const { message } = parsed;
  same(message.method, message.kind === 'response' ? '' : value.method, 'the method');
  if (span !== undefined) same(message.idText, bytes.toString('utf8', span.start, span.end), 'the id as it came');
  if (message.params !== null) paramsRead(message, value.params as Members);
}

function paramsRead(message: Message, params: Members): void {
  for (const [name, value] of Object.entries(params)) {
    // It is JSON.parse's own, with the defect that `jsonValueOf` is there to avoid.
    if (!message.bytes.includes('\\')) same(jsonParam(message, name), value, `params.${name}`);
    same(stringParam(message, name), typeof value === 'string' ? value : null, `params.${name} as a string`);
    const changed = jsonValueOf(Buffer.concat(withStringParam(message, name, 'x"\\\u0000é')).toString()) as {
      params: Members;
    };
    const wanted = Object.entries(params).map(([key, old]) => [key, key === name ? 'x"\\\u0000é' : old]);
    same(Object.entries(changed.params), wanted, `params with another ${name}`);
  }
}

export const JSON_PROPERTIES: readonly Property[] = [
  property(
    'the scanner takes what JSON.parse takes, but repeated keys, depth and too many members',
    5,
    { inputs: jsonInputs, corpus: JSON_CORPUS },
    scansAsWanted,
  ),
  property(
    'a message is what JSON-RPC says, and its members are what they were',
    3,
    { inputs: jsonInputs, corpus: JSON_CORPUS },
    parsesAsWanted,
  ),
];
