// Decides whether a condition fits a tool's inputSchema.
import type { Json, JsonObject } from '../../json.ts';
import { nearest } from '../nearest.ts';
import { textOf } from './text.ts';
import type { Node } from './tree.ts';
import type { Condition } from './types.ts';
import { eachNode } from './walk.ts';

type Kind = 'null' | 'boolean' | 'number' | 'string' | 'list' | 'object' | 'moment';
/** What a node may be; null: nothing is known. */
type Kinds = ReadonlySet<Kind> | null;
const ONE: Readonly<Record<Kind, Kinds>> = {
  null: new Set(['null']),
  boolean: new Set(['boolean']),
  number: new Set(['number']),
  string: new Set(['string']),
  list: new Set(['list']),
  object: new Set(['object']),
  moment: new Set(['moment']),
};
const JSON_TYPES: Readonly<Record<string, Kind>> = {
  null: 'null',
  boolean: 'boolean',
  integer: 'number',
  number: 'number',
  string: 'string',
  array: 'list',
  object: 'object',
};

/**
 * One sentence on what cannot be right (a name that the schema does not have, a string that is compared with a number);
 * null when nothing is found, which says nothing where the schema does not. Total.
 */
export function typeCheck(condition: Condition, argsSchema: JsonObject): string | null {
  let problem: string | null = null;
  const kinds = kindsOf(condition.tree, argsSchema);
  if (kinds !== null && !kinds.has('boolean')) return `${textOf(condition.tree)} is never true or false`;
  eachNode(condition.tree, new Set(), (node, variables) => {
    if (variables.has('args') || variables.has('time')) return;
    problem ??= namesWrong(node, argsSchema) ?? typesWrong(node, argsSchema);
  });
  return problem;
}

/** The schema of `args.a.b`, or of an item by its place; null when it does not say. */
function schemaOf(node: Node, argsSchema: JsonObject): JsonObject | null {
  if (node.kind === 'name') return node.name === 'args' ? argsSchema : null;
  if (node.kind === 'select') return memberSchema(schemaOf(node.of, argsSchema), node.key);
  if (node.kind !== 'call' || node.name !== '_[_]') return null;
  const [held, key] = node.args as [Node, Node];
  const schema = schemaOf(held, argsSchema);
  if (key.kind === 'literal' && typeof key.value === 'string') return memberSchema(schema, key.value);
  return schema === null || !isObject(schema.items) || 'prefixItems' in schema ? null : schema.items;
}

function memberSchema(schema: JsonObject | null, key: string): JsonObject | null {
  const properties = schema?.properties;
  if (!isObject(properties) || !Object.hasOwn(properties, key)) return null;
  const member = properties[key];
  return isObject(member) ? member : null;
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Where other keywords add names, `properties` is not all that there is. */
const MORE_NAMES = [
  '$ref',
  '$dynamicRef',
  'allOf',
  'anyOf',
  'oneOf',
  'if',
  'patternProperties',
  'dependentSchemas',
  'dependencies',
];

function namesWrong(node: Node, argsSchema: JsonObject): string | null {
  const key = node.kind === 'select' || node.kind === 'has' ? node.key : null;
  if (key === null || (node.kind !== 'select' && node.kind !== 'has')) return null;
  const schema = schemaOf(node.of, argsSchema);
  if (schema === null || MORE_NAMES.some((name) => name in schema)) return null;
  const { properties } = schema;
  const names = isObject(properties) ? Object.keys(properties) : [];
  if (names.includes(key)) return null;
  const near = nearest(key, names);
  // What the schema lets through without a name may be what is meant, unless it looks like a slip.
  if (near === null && schema.additionalProperties !== false) return null;
  return `${textOf(node.of)} has no "${key}"${near === null ? '' : `; did you mean "${near}"?`}`;
}

function kindsOfSchema(schema: JsonObject | null): Kinds {
  if (schema === null) return null;
  const { type } = schema;
  const types = typeof type === 'string' ? [type] : Array.isArray(type) ? type : null;
  if (types !== null) {
    const kinds = types.map((name) => (typeof name === 'string' ? JSON_TYPES[name] : undefined));
    return kinds.every((kind) => kind !== undefined) ? new Set(kinds) : null;
  }
  const values = 'const' in schema ? [schema.const] : Array.isArray(schema.enum) ? schema.enum : null;
  return values === null || values.length === 0 ? null : new Set(values.map((value) => kindOfJson(value as Json)));
}

function kindOfJson(value: Json): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' ? 'object' : (typeof value as 'boolean' | 'number' | 'string');
}

const GIVES: ReadonlyMap<string, Kinds> = new Map([
  ...['_&&_', '_||_', '!_', '_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in'].map(
    (name) => [name, ONE.boolean] as const,
  ),
  ...['startsWith', 'endsWith', 'contains', 'matches', 'has', 'inCidr', 'bool'].map(
    (name) => [name, ONE.boolean] as const,
  ),
  ...['size', 'int', 'double', '_*_', '_/_', '_%_', '-_'].map((name) => [name, ONE.number] as const),
  ...['lowerAscii', 'upperAscii', 'trim', 'string'].map((name) => [name, ONE.string] as const),
  ...['timestamp', 'duration'].map((name) => [name, ONE.moment] as const),
  ['split', ONE.list],
]);

function kindsOf(node: Node, argsSchema: JsonObject): Kinds {
  switch (node.kind) {
    case 'literal':
      return typeof node.value === 'bigint' ? ONE.number : ONE[kindOfJson(node.value)];
    case 'has':
      return ONE.boolean;
    case 'list':
      return ONE.list;
    case 'map':
      return ONE.object;
    case 'macro':
      return node.macro === 'map' || node.macro === 'filter' ? ONE.list : ONE.boolean;
    case 'name':
      return node.name === 'time' ? ONE.moment : node.name === 'args' ? ONE.object : null;
    case 'select':
      return kindsOfSchema(schemaOf(node, argsSchema));
    case 'method':
    case 'call':
      return GIVES.get(node.name) ?? kindsOfSchema(schemaOf(node, argsSchema));
  }
}

/** What the operands of an operator or a function may be. */
const TAKES: ReadonlyMap<string, readonly Kind[]> = new Map<string, readonly Kind[]>([
  ['_&&_', ['boolean']],
  ['_||_', ['boolean']],
  ['!_', ['boolean']],
  ...['startsWith', 'endsWith', 'contains', 'matches', 'lowerAscii', 'upperAscii', 'trim', 'split', 'inCidr'].map(
    (name): [string, readonly Kind[]] => [name, ['string']],
  ),
  ...['_*_', '_/_', '_%_', '-_'].map((name): [string, readonly Kind[]] => [name, ['number']]),
  ['size', ['string', 'list', 'object']],
]);
const SAME = new Set(['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_']);
const ORDERED: readonly Kind[] = ['boolean', 'number', 'string', 'moment'];

function typesWrong(node: Node, argsSchema: JsonObject): string | null {
  if (node.kind !== 'call' && node.kind !== 'method') {
    return node.kind === 'macro' ? wrongOperand(node.range, ['list', 'object'], argsSchema) : null;
  }
  const takes = TAKES.get(node.name);
  for (const arg of takes === undefined ? [] : node.args) {
    const wrong = wrongOperand(arg, takes ?? [], argsSchema);
    if (wrong !== null) return wrong;
  }
  if (node.name === '@in') return wrongOperand(node.args[1]!, ['list', 'object'], argsSchema);
  if (!SAME.has(node.name)) return null;
  const [first, second] = node.args as [Node, Node];
  const isOrder = node.name !== '_==_' && node.name !== '_!=_';
  const wrong = isOrder
    ? (wrongOperand(first, ORDERED, argsSchema) ?? wrongOperand(second, ORDERED, argsSchema))
    : null;
  const [a, b] = [kindsOf(first, argsSchema), kindsOf(second, argsSchema)];
  if (wrong !== null || a === null || b === null || [...a].some((kind) => b.has(kind))) return wrong;
  return `${textOf(first)} is ${words(a)}, and ${textOf(second)} is ${words(b)}`;
}

function wrongOperand(node: Node, wanted: readonly Kind[], argsSchema: JsonObject): string | null {
  const kinds = kindsOf(node, argsSchema);
  if (kinds === null || wanted.some((kind) => kinds.has(kind))) return null;
  return `${textOf(node)} is ${words(kinds)}, where ${words(new Set(wanted))} is wanted`;
}

const WORDS: Readonly<Record<Kind, string>> = {
  null: 'null',
  boolean: 'a boolean',
  number: 'a number',
  string: 'a string',
  list: 'a list',
  object: 'an object',
  moment: 'a time or a duration',
};

function words(kinds: ReadonlySet<Kind>): string {
  return [...kinds].map((kind) => WORDS[kind]).join(' or ');
}
