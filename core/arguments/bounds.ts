// Decides whether a tool's inputSchema is one that we check arguments against, and makes the copy that is compiled.
import type { Json, JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';

export type Dialect = '2020-12' | '2019-09' | 'draft-07';
export type Bounded =
  | { readonly ok: true; readonly dialect: Dialect; readonly schema: JsonObject; readonly refers: boolean }
  | { readonly ok: false; readonly problem: string };

/** What a keyword holds: a schema, a list or a record of them, either of the first two, or schemas among lists of names. */
const KEYWORDS: ReadonlyMap<string, 'one' | 'list' | 'record' | 'oneOrList'> = new Map([
  ...['additionalItems', 'additionalProperties', 'contains', 'contentSchema', 'else', 'if', 'not'].map(
    (name) => [name, 'one'] as const,
  ),
  ...['propertyNames', 'then', 'unevaluatedItems', 'unevaluatedProperties'].map((name) => [name, 'one'] as const),
  ...['allOf', 'anyOf', 'oneOf', 'prefixItems'].map((name) => [name, 'list'] as const),
  ...['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'].map(
    (name) => [name, 'record'] as const,
  ),
  ['items', 'oneOrList'],
]);
/** A reference to this schema, or into it. */
const REFERENCES = ['$ref', '$dynamicRef', '$recursiveRef'];
/** Says of a subschema that it was come to by a reference; core/arguments/schema.ts counts them. */
export const STEP = 'chancery-step';

const DIALECTS: readonly (readonly [RegExp, Dialect])[] = [
  [/draft\/2020-12\/schema/, '2020-12'],
  [/draft\/2019-09\/schema/, '2019-09'],
  [/draft-0[467]\/schema/, 'draft-07'],
];

class Refused extends Error {}

/** "When `$schema` is absent it is 2020-12" (MCP 2025-11-25, basic, "JSON Schema Usage"). Total. */
export function boundedSchema(schema: JsonObject): Bounded {
  const { $schema } = schema;
  const dialect =
    typeof $schema === 'string' ? DIALECTS.find(([pattern]) => pattern.test($schema))?.[1] : ('2020-12' as const);
  if (dialect === undefined) return { ok: false, problem: 'it is written in a dialect that is not known' };
  const walker = new Walker();
  try {
    return { ok: true, dialect, schema: walker.copy(schema, 1) as JsonObject, refers: walker.refers };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, problem: error.message };
    throw error;
  }
}

class Walker {
  #parts = 0;
  #patterns = 0;
  #values = 0;
  refers = false;

  copy(schema: Json, depth: number): Json {
    if (depth > LIMITS.schemaDepthMax) throw new Refused(`it is nested deeper than ${LIMITS.schemaDepthMax}`);
    if (++this.#parts > LIMITS.schemaPartsMax) throw new Refused(`it has more than ${LIMITS.schemaPartsMax} parts`);
    // What is no schema is left as it is: the compiler says so.
    if (!isObject(schema)) return schema;
    const copy: Record<string, Json> = {};
    for (const [key, value] of Object.entries(schema)) {
      // An id would move what references mean, or clash with another server's; the dialect is known already.
      if (key === '$schema' || key === '$id' || key === 'id' || key === STEP) continue;
      set(copy, key, this.#member(key, value, depth));
    }
    const references = REFERENCES.filter((name) => Object.hasOwn(copy, name));
    for (const name of references) this.#reference(copy[name]);
    if (references.length > 0) copy[STEP] = true;
    return copy;
  }

  #member(key: string, value: Json, depth: number): Json {
    if (key === 'pattern') this.#pattern(value);
    if (key === 'patternProperties' && isObject(value))
      for (const pattern of Object.keys(value)) this.#pattern(pattern);
    const holds = KEYWORDS.get(key);
    if (holds === undefined) {
      this.#count(value, depth);
      return value;
    }
    if (Array.isArray(value)) return value.map((item: Json) => this.copy(item, depth + 1));
    if (holds !== 'record' || !isObject(value)) return this.copy(value, depth + 1);
    const record: Record<string, Json> = {};
    // In `dependencies` a list of names may stand for a schema.
    for (const [name, part] of Object.entries(value)) {
      set(record, name, Array.isArray(part) ? part : this.copy(part, depth + 1));
    }
    return record;
  }

  #pattern(value: Json): void {
    if (++this.#patterns > LIMITS.schemaPatternsMax)
      throw new Refused(`it has more than ${LIMITS.schemaPatternsMax} patterns`);
    if (typeof value === 'string' && value.length > LIMITS.patternCharsMax) {
      throw new Refused(`a pattern has more than ${LIMITS.patternCharsMax} characters`);
    }
  }

  /** "Implementations MUST NOT automatically dereference `$ref` values that are not same-document" (MCP 2026-07-28). */
  #reference(value: Json | undefined): void {
    this.refers = true;
    if (typeof value !== 'string' || !value.startsWith('#')) throw new Refused('it refers to another document');
  }

  /** Values of enum, const, examples and keywords that we do not know. */
  #count(value: Json, depth: number): void {
    if (depth > LIMITS.schemaDepthMax) throw new Refused(`it is nested deeper than ${LIMITS.schemaDepthMax}`);
    if (++this.#values > LIMITS.schemaValuesMax) throw new Refused(`it has more than ${LIMITS.schemaValuesMax} values`);
    if (typeof value !== 'object' || value === null) return;
    for (const part of Object.values(value)) this.#count(part as Json, depth + 1);
  }
}

/** `__proto__` as well is a name like the others. */
function set(object: Record<string, Json>, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
