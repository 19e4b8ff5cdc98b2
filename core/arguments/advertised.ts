// Decides how limits of rules look in the inputSchema that a client is shown.
import { LIMITS } from '../limits.ts';
import { type Scanned, type Span, scan, scanArray } from '../mcp/scan.ts';
import type { Value } from '../mcp/value.ts';
import type { Residual, ResidualOp } from '../policy/cel/types.ts';

/** A subschema's text with something written in; null: there is no good place for it. */
type Write = (schema: Buffer, members: Scanned['members']) => Buffer | null;

/**
 * The text of an inputSchema with the limits written in where the schema has a place for them: at the property itself,
 * because clients of models do not read `allOf` at the top. Every other byte stays. A limit is never made wider. Total.
 */
export function advertised(schemaText: string, residuals: readonly Residual[]): string {
  let schema: Buffer = Buffer.from(schemaText);
  for (const residual of residuals) {
    const { path } = residual;
    const isRequired = residual.op === 'required';
    const holder = isRequired ? path.slice(0, -1) : path;
    schema = writeAt(schema, holder, (part, members) => WRITERS[residual.op](part, members, residual)) ?? schema;
  }
  return schema.toString();
}

function writeAt(schema: Buffer, path: readonly string[], write: Write): Buffer | null {
  const scanned = scan(schema, LIMITS.jsonDepthMax);
  // Beside a reference other keywords may be ignored (draft-07).
  if (typeof scanned === 'string' || scanned.members.has('$ref')) return null;
  const [key, ...rest] = path;
  if (key === undefined) return write(schema, scanned.members);
  const properties = scanned.members.get('properties');
  if (properties === undefined) return null;
  const inner = scan(partOf(schema, properties), LIMITS.jsonDepthMax);
  const span = typeof inner === 'string' ? undefined : inner.members.get(key);
  if (span === undefined) return null;
  const place = { start: properties.start + span.start, end: properties.start + span.end };
  const written = writeAt(partOf(schema, place), rest, write);
  return written === null ? null : spliced(schema, place, written);
}

function partOf(bytes: Buffer, { start, end }: Span): Buffer {
  return bytes.subarray(start, end);
}

function spliced(bytes: Buffer, { start, end }: Span, text: Buffer | string): Buffer {
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)]);
}

function withMember(schema: Buffer, members: Scanned['members'], key: string, text: string): Buffer {
  const known = members.get(key);
  if (known !== undefined) return spliced(schema, known, text);
  const end = schema.lastIndexOf('}');
  return spliced(schema, { start: end, end }, `${members.size === 0 ? '' : ','}${JSON.stringify(key)}:${text}`);
}

function jsonAt(schema: Buffer, span: Span | undefined): unknown {
  return span === undefined ? undefined : JSON.parse(partOf(schema, span).toString());
}

/** Whether the subschema lets one of these types through; `isNamed` asks for it to name one. */
function letsThrough(schema: Buffer, members: Scanned['members'], types: readonly string[], isNamed = false): boolean {
  const type = jsonAt(schema, members.get('type'));
  if (type === undefined) return !isNamed;
  return (Array.isArray(type) ? type : [type]).some((name) => types.includes(String(name)));
}

function textOf(value: Value): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

type Writer = (schema: Buffer, members: Scanned['members'], residual: Residual) => Buffer | null;

function bound(keyword: string, isTighter: (known: number, value: number | bigint) => boolean): Writer {
  return (schema, members, { value }) => {
    if (!letsThrough(schema, members, ['number', 'integer']) || !isNumber(value)) return null;
    const known = jsonAt(schema, members.get(keyword));
    // In draft-04 it is a boolean.
    if (known !== undefined && (typeof known !== 'number' || isTighter(known, value))) return null;
    return withMember(schema, members, keyword, textOf(value));
  };
}

function size(kind: 'min' | 'max'): Writer {
  return (schema, members, { value }) => {
    const row = SIZES.find(([type]) => letsThrough(schema, members, [type], true));
    if (row === undefined || !isNumber(value)) return null;
    const keyword = `${kind}${row[1]}`;
    const known = jsonAt(schema, members.get(keyword));
    if (typeof known === 'number' && (kind === 'min' ? known >= value : known <= value)) return null;
    return withMember(schema, members, keyword, textOf(value));
  };
}

const SIZES = [
  ['string', 'Length'],
  ['array', 'Items'],
  ['object', 'Properties'],
] as const;

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

const WRITERS: Readonly<Record<ResidualOp, Writer>> = {
  required: (schema, members, { path }) => {
    const key = path.at(-1) ?? '';
    const properties = members.get('properties');
    const known = properties === undefined ? 'not_an_object' : scan(partOf(schema, properties), LIMITS.jsonDepthMax);
    if (typeof known === 'string' || !known.members.has(key)) return null;
    const names = jsonAt(schema, members.get('required')) ?? [];
    if (!Array.isArray(names) || names.includes(key)) return null;
    return withMember(schema, members, 'required', JSON.stringify([...names, key]));
  },
  max: bound('maximum', (known, value) => known <= value),
  min: bound('minimum', (known, value) => known >= value),
  exclusiveMax: bound('exclusiveMaximum', (known, value) => known <= value),
  exclusiveMin: bound('exclusiveMinimum', (known, value) => known >= value),
  minSize: size('min'),
  maxSize: size('max'),
  enum: (schema, members, { value }) => {
    if (members.has('const') || !Array.isArray(value)) return null;
    const texts = value.map((item: Value) => textOf(item));
    const known = members.get('enum');
    if (known === undefined) return withMember(schema, members, 'enum', `[${texts.join()}]`);
    const listed = partOf(schema, known);
    const spans = scanArray(listed, LIMITS.jsonDepthMax);
    if (typeof spans === 'string') return null;
    const kept = spans.map((span) => partOf(listed, span).toString()).filter((text) => texts.includes(plain(text)));
    return kept.length === 0 ? null : withMember(schema, members, 'enum', `[${kept.join()}]`);
  },
  pattern: (schema, members, { value }) => {
    if (!letsThrough(schema, members, ['string'])) return null;
    const known = jsonAt(schema, members.get('pattern'));
    if (known === undefined) return withMember(schema, members, 'pattern', textOf(value));
    if (known === value || members.has('allOf')) return null;
    return withMember(schema, members, 'allOf', `[{"pattern":${textOf(value)}}]`);
  },
};

/** A scalar in one spelling. */
function plain(text: string): string {
  return /^-?[0-9]{16,}$/.test(text) ? text : JSON.stringify(JSON.parse(text));
}
