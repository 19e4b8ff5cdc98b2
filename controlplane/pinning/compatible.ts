// Decides whether a change of a tool is one that nobody has to look at: no argument less, and no word more.
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { ANNOTATIONS } from '../../core/policy/types.ts';
import type { Definition } from './definition.ts';
import { isSame, member, namesOf } from './members.ts';

/**
 * What models read (a title, a description, a text in a schema) is how a tool would tell them to do something else: it is
 * never compatible, and neither is a member of which this version does not know what it says. Total.
 */
export function isCompatible(before: Definition, after: Definition): boolean {
  if ((before.bare === undefined) !== (after.bare === undefined)) return false;
  return (
    isCompatibleTool(before.tool, after.tool) &&
    (before.bare === undefined || after.bare === undefined || isCompatibleTool(before.bare, after.bare))
  );
}

function isCompatibleTool(before: JsonObject, after: JsonObject): boolean {
  return namesOf(before, after).every((name) => {
    const [old, now] = [member(before, name), member(after, name)];
    if (isSame(old, now)) return true;
    if (name === 'inputSchema') return takesAsMuch(old, now);
    if (name === 'outputSchema') return old === undefined && now !== undefined && isWordless(now, '', 0);
    return name === 'annotations' && isStricter(old, now);
  });
}

/** What is not said counts as the specification has it (MCP `ToolAnnotations`), which is what warns of more. */
const USUAL = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true } as const;

function isStricter(before: Json | undefined, after: Json | undefined): boolean {
  const [old, now] = [before ?? {}, after ?? {}];
  if (!isObject(old) || !isObject(now)) return false;
  return namesOf(old, now).every((name) => {
    const known = ANNOTATIONS.find((each) => each === name);
    if (known === undefined) return isSame(member(old, name), member(now, name));
    const said = now[known] ?? USUAL[known];
    return typeof said === 'boolean' && (said === USUAL[known] || said === (old[known] ?? USUAL[known]));
  });
}

/** References into definitions stay what they are, as these may not change; others might lead into what changed. */
const REFERENCE = /^\$(ref|dynamicRef|recursiveRef)$/;

function takesAsMuch(before: Json | undefined, after: Json | undefined): boolean {
  if (!isObject(before) || !isObject(after)) return false;
  const schemas = [before, after] as const;
  return !schemas.some((schema) => refersElsewhere(schema, 0)) && isWider(...schemas, 0);
}

function refersElsewhere(value: Json, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth > LIMITS.schemaDepthMax) return true;
  return Object.entries(value).some(
    ([key, part]: [string, Json]) =>
      (REFERENCE.test(key) && typeof part === 'string' && !/^#\/(\$defs|definitions)\//.test(part)) ||
      refersElsewhere(part, depth + 1),
  );
}

/**
 * All is as it was, but that an object has more properties, which nobody has to give, or fewer that one has to. What it did
 * not name before counts for nothing, though a schema that does not close itself takes it: nobody was told of it.
 */
function isWider(before: JsonObject, after: JsonObject, depth: number): boolean {
  if (depth > LIMITS.schemaDepthMax) return false;
  return namesOf(before, after).every((name) => {
    const [old, now] = [member(before, name), member(after, name)];
    if (isSame(old, now)) return true;
    if (name === 'properties') return hasMore(old ?? {}, now ?? {}, requiredIn(after), depth);
    return name === 'required' && requiredIn(after).every((each) => requiredIn(before).includes(each));
  });
}

function hasMore(before: Json, after: Json, required: readonly Json[], depth: number): boolean {
  if (!isObject(before) || !isObject(after)) return false;
  const [old, now] = [before, after];
  return namesOf(old, now).every((name) => {
    const [was, is] = [member(old, name), member(now, name)];
    if (is === undefined) return false;
    if (was === undefined) return NAME.test(name) && !required.includes(name) && isWordless(is, name, depth);
    return isSame(was, is) || (isObject(was) && isObject(is) && isWider(was, is, depth + 1));
  });
}

function requiredIn({ required }: JsonObject): readonly Json[] {
  return Array.isArray(required) ? (required as readonly Json[]) : [];
}

/** What can be a name, and hardly a sentence. */
const NAME = /^[\w.-]{1,64}$/;
const BOUNDS =
  /^(type|format|additionalProperties|uniqueItems|((exclusive)?(minimum|maximum))|multipleOf|(min|max)(Length|Items|Properties))$/;

/** A schema in which nothing can be told to a model. Generators of schemas title each property by its own name. */
function isWordless(value: Json, name: string, depth: number): boolean {
  if (typeof value === 'boolean') return true;
  if (!isObject(value) || depth > LIMITS.schemaDepthMax) return false;
  return Object.entries(value).every(([key, part]) => {
    if (key === 'title') return typeof part === 'string' && lettersOf(part) === lettersOf(name);
    if (key === 'properties' && isObject(part))
      return Object.entries(part).every(([each, schema]) => NAME.test(each) && isWordless(schema, each, depth + 1));
    if (key === 'items') return isWordless(part, name, depth + 1);
    if (key === 'anyOf' || key === 'oneOf')
      return Array.isArray(part) && part.every((each: Json) => isWordless(each, name, depth + 1));
    if (key === 'enum' || key === 'required' || (key === 'type' && Array.isArray(part)))
      return Array.isArray(part) && part.every(isPlain);
    if (key === 'const' || key === 'default') return isPlain(part);
    return BOUNDS.test(key) && isPlain(part);
  });
}

function isPlain(value: Json): boolean {
  return typeof value === 'string' ? value === '' || NAME.test(value) : typeof value !== 'object' || value === null;
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[\s_.-]/g, '');
}
