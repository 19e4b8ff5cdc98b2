// Decides whether an argument is one that a server may take for another: its name differs from it only in case.
import { isObject, type JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { folded } from '../mcp/scan.ts';
import type { Value, ValueMap } from '../mcp/value.ts';

/**
 * Some parsers (Go's encoding/json) take either of two such keys for the other, and rules would decide on one while the
 * server reads the other. One sentence without a value; null: there is none. Deeper than the arguments themselves only what
 * the schema names is compared: maps whose keys are data may have both.
 */
export function twinProblem(args: Value, schema: JsonObject | null): string | null {
  return isMap(args) ? (repeated(args, schema) ?? misspelt(args, schema, '', 0)) : null;
}

/** Two arguments, of which the schema does not name each. */
function repeated(args: ValueMap, schema: JsonObject | null): string | null {
  const declared = propertiesOf(schema);
  const seen = new Map<string, string>();
  for (const key of Object.keys(args)) {
    const other = seen.get(folded(key));
    if (other !== undefined && !(Object.hasOwn(declared, key) && Object.hasOwn(declared, other)))
      return 'two arguments differ only in case';
    seen.set(folded(key), key);
  }
  return null;
}

function misspelt(value: Value, schema: unknown, pointer: string, depth: number): string | null {
  if (!isObject(schema) || depth > LIMITS.schemaDepthMax) return null;
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Value[]).entries()) {
      const problem = misspelt(item, schema.items, `${pointer}/${index}`, depth + 1);
      if (problem !== null) return problem;
    }
    return null;
  }
  if (!isMap(value)) return null;
  const declared = propertiesOf(schema);
  const names = new Map(Object.keys(declared).map((name) => [folded(name), name]));
  for (const key of Object.keys(value)) {
    const known = Object.hasOwn(declared, key);
    const meant = known ? undefined : names.get(folded(key));
    if (meant !== undefined) return `${pointer}/${meant} must be written so, in no other case`;
    const problem = known ? misspelt(value[key]!, declared[key], `${pointer}/${key}`, depth + 1) : null;
    if (problem !== null) return problem;
  }
  return null;
}

function propertiesOf(schema: JsonObject | null): JsonObject {
  return isObject(schema?.properties) ? schema.properties : {};
}

function isMap(value: Value): value is ValueMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
