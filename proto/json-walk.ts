// Decides which field each member of a JSON configuration is, by the message's descriptor.
import type { DescField, DescMessage, JsonValue, Registry } from '@bufbuild/protobuf';

/** Called for every field that is set, outer ones first. The path is that of the value, e.g. `filter_chains[0].name`. */
export type VisitField = (field: DescField, value: JsonValue, path: string) => void;

type Members = { readonly [key: string]: JsonValue };

/** Messages with a JSON form of their own: what is in them are not fields. */
const OWN_JSON_FORM =
  /^google\.protobuf\.(Duration|Timestamp|FieldMask|Struct|Value|ListValue|(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value)$/;
const ANY = 'google.protobuf.Any';

/**
 * Walks the JSON along the descriptor; the first problem as a sentence with its path, or null.
 * Members are the proto's own (snake_case) names, as Envoy's documentation has them: one spelling, so that a
 * reference is never overlooked. Whether scalar values fit is left to the decoder.
 */
export function walkJson(
  registry: Registry,
  message: DescMessage,
  json: JsonValue,
  visit: VisitField,
  path = '',
): string | null {
  if (OWN_JSON_FORM.test(message.typeName)) return null;
  if (!isMembers(json))
    return `${path === '' ? 'the resource' : path}: wanted an object (${message.typeName}), found ${kindOf(json)}`;
  if (message.typeName === ANY) return walkAny(registry, json, visit, path);
  return walkMembers(registry, message, json, visit, path);
}

function walkAny(registry: Registry, json: Members, visit: VisitField, path: string): string | null {
  const type = json['@type'];
  if (typeof type !== 'string') return `${path}: wanted "@type", found none`;
  const message = registry.getMessage(type.slice(type.lastIndexOf('/') + 1));
  if (message === undefined) return `${path}: the type ${JSON.stringify(type)} is not known to this Envoy`;
  if (OWN_JSON_FORM.test(message.typeName)) return null;
  const { '@type': _, ...members } = json;
  return message.typeName === ANY
    ? walkAny(registry, members, visit, path)
    : walkMembers(registry, message, members, visit, path);
}

function walkMembers(
  registry: Registry,
  message: DescMessage,
  json: Members,
  visit: VisitField,
  path: string,
): string | null {
  for (const [key, value] of Object.entries(json)) {
    const field = message.fields.find((candidate) => candidate.name === key);
    const fieldPath = path === '' ? key : `${path}.${key}`;
    if (field === undefined) return `${fieldPath}: ${message.typeName} has no field ${JSON.stringify(key)}`;
    if (value === null) continue;
    visit(field, value, fieldPath);
    for (const [child, childPath] of children(field, value, fieldPath)) {
      const problem = walkJson(registry, field.message!, child, visit, childPath);
      if (problem !== null) return problem;
    }
  }
  return null;
}

/** The messages in a field's value. A value of the wrong shape has none; the decoder refuses it. */
function children(field: DescField, value: JsonValue, path: string): (readonly [JsonValue, string])[] {
  if (field.message === undefined) return [];
  if (field.fieldKind === 'list')
    return Array.isArray(value) ? value.map((item, index) => [item, `${path}[${index}]`] as const) : [];
  if (field.fieldKind !== 'map') return [[value, path]];
  return isMembers(value)
    ? Object.entries(value).map(([key, item]) => [item, `${path}[${JSON.stringify(key)}]`] as const)
    : [];
}

function isMembers(json: JsonValue): json is Members {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function kindOf(json: JsonValue): string {
  if (json === null) return 'null';
  return Array.isArray(json) ? 'an array' : `a ${typeof json}`;
}
