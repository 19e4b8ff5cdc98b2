// Decides whether a tool's inputSchema can be checked, and whether arguments fit it.
import { Ajv, type AnySchemaObject, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import type { Value } from '../mcp/value.ts';
import { boundedSchema, type Dialect, STEP } from './bounds.ts';
import { doublesOf } from './doubles.ts';
import { withDoubles } from './exact-bounds.ts';
import { patternEngine } from './pattern-engine.ts';
import { areUnique } from './unique.ts';

export type CompiledSchema =
  /** One sentence with the JSON pointer of the place, never the value; null when the value fits. Total. */
  | { readonly ok: true; check(value: Value): string | null }
  /** The tool must be hidden. */
  | { readonly ok: false; readonly problem: string };

const compiled = new WeakMap<JsonObject, CompiledSchema>();

/** Cached by the schema object: it is compiled when it is first asked for. Total. */
export function compileSchema(schema: JsonObject): CompiledSchema {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const made = compile(schema);
  compiled.set(schema, made);
  return made;
}

class TooMuchWork extends Error {}

/** What one check has done; checks do not overlap. */
const work = {
  steps: 0,
  patterns: 0,
  start: (): void => {
    work.steps = 0;
    work.patterns = 0;
  },
  exceeded: (): never => {
    throw new TooMuchWork();
  },
};

const OPTIONS: Options = {
  // What others wrote: unknown keywords and formats are not ours to refuse ("format" is an annotation in 2020-12).
  strict: false,
  validateFormats: false,
  logger: false,
  // A schema without references is as large as its text; with them it could grow without end when they are written out.
  inlineRefs: false,
  // `toString` is not there because JavaScript has it.
  ownProperties: true,
  code: { regExp: patternEngine(work) },
};

const makers: Readonly<Record<Dialect, () => Ajv>> = {
  '2020-12': () => new Ajv2020(OPTIONS),
  '2019-09': () => new Ajv2019(OPTIONS),
  'draft-07': () => new Ajv(OPTIONS),
};
const ajvs = new Map<Dialect, { readonly ajv: Ajv; schemas: number }>();

/** One compiler keeps what it compiled, patterns and all: so it makes room for another one now and then. */
function ajvOf(dialect: Dialect): Ajv {
  const known = ajvs.get(dialect);
  if (known !== undefined && ++known.schemas <= LIMITS.schemasPerCompilerMax) return known.ajv;
  const ajv = makers[dialect]();
  // Its own compares every item with every other.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (wanted: boolean, items: readonly Value[]) => !wanted || areUnique(items),
  });
  // References let a small schema ask the same of the same value without end, or twice as often at each level.
  ajv.addKeyword({
    keyword: STEP,
    before: '$ref',
    validate: () => {
      if (++work.steps > LIMITS.schemaStepsMax) throw new TooMuchWork();
      return true;
    },
  });
  ajvs.set(dialect, { ajv, schemas: 1 });
  return ajv;
}

let schemas = 0;

function compile(schema: JsonObject): CompiledSchema {
  const bounded = boundedSchema(withDoubles(schema) as JsonObject);
  if (!bounded.ok) return bounded;
  const ajv = ajvOf(bounded.dialect);
  // The schema is checked against that of schemas, by the same means.
  work.start();
  // Without an id, "#" is not found; each has one of its own while it is compiled.
  const id = `schema:${++schemas}`;
  const copy: AnySchemaObject = { ...bounded.schema, $id: id };
  try {
    const validate = ajv.compile(copy);
    return { ok: true, check: (value) => check(validate, value) };
  } catch (error) {
    // The sentence is the compiler's; it is the server's own schema that it quotes, for the operator.
    const message = error instanceof Error ? error.message : 'it is none';
    return { ok: false, problem: `it does not compile: ${message.slice(0, LIMITS.echoedCharsMax)}` };
  } finally {
    ajv.removeSchema(copy);
    for (const ref of Object.keys(ajv.refs)) if (ref.startsWith(`${id}#`)) delete ajv.refs[ref];
  }
}

function check(validate: ValidateFunction, value: Value): string | null {
  work.start();
  try {
    for (const form of doublesOf(value)) {
      if (validate(form) !== true) return sentenceOf(validate.errors?.[0]);
    }
    return null;
  } catch {
    // Also when it nests so deep that the stack ends: what cannot be checked does not fit.
    return 'they cannot be checked: too much work';
  } finally {
    validate.errors = null;
  }
}

/** Names of members come from the schema or the caller, and are cut; values are never repeated. */
function sentenceOf(error: ErrorObject | undefined): string {
  if (error === undefined) return 'they do not fit';
  const place = error.instancePath === '' ? 'the arguments' : error.instancePath;
  const name = nameIn(error);
  return `${place} ${error.message ?? 'does not fit'}${name}`.slice(0, LIMITS.echoedCharsMax);
}

/** The message of an additional member does not say which. */
function nameIn({ keyword, params }: ErrorObject): string {
  const { additionalProperty, unevaluatedProperty } = params as { readonly [name: string]: unknown };
  const name = keyword === 'additionalProperties' ? additionalProperty : unevaluatedProperty;
  return typeof name === 'string' ? ` ("${name}" is one)` : '';
}
