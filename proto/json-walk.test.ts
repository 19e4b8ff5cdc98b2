import { createRegistry, type JsonValue } from '@bufbuild/protobuf';
import { AnySchema, DurationSchema, FileDescriptorSetSchema, StructSchema, TypeSchema } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { walkJson } from './json-walk.ts';

// google.protobuf.Type has fields, lists, and Any inside its options: enough of every form.
const REGISTRY = createRegistry(TypeSchema, AnySchema, DurationSchema, StructSchema, FileDescriptorSetSchema);
const ANY_TYPE = 'type.googleapis.com/google.protobuf.Type';

function walk(json: JsonValue): { readonly problem: string | null; readonly visited: readonly string[] } {
  const visited: string[] = [];
  const problem = walkJson(
    REGISTRY,
    TypeSchema,
    json,
    (field, _value, path) => void visited.push(`${path} ${field.parent.typeName}.${field.name}`),
  );
  return { problem, visited };
}

test('every field that is set is visited with its path, those inside Any too', () => {
  const json = { name: 'a', options: [{ name: 'o', value: { '@type': ANY_TYPE, fields: [{ number: 1 }] } }] };
  expect(walk(json)).toEqual({
    problem: null,
    visited: [
      'name google.protobuf.Type.name',
      'options google.protobuf.Type.options',
      'options[0].name google.protobuf.Option.name',
      'options[0].value google.protobuf.Option.value',
      'options[0].value.fields google.protobuf.Type.fields',
      'options[0].value.fields[0].number google.protobuf.Field.number',
    ],
  });
});

const inAny = (json: JsonValue): JsonValue => ({ options: [{ value: json }] });

test.each<[string, JsonValue, string | null]>([
  ['nothing set', {}, null],
  ['null is not set', { name: null, options: null }, null],
  [
    'a message with a JSON form of its own is not entered',
    inAny({ '@type': 'x/google.protobuf.Struct', value: { any: { thing: 1 } } }),
    null,
  ],
  ['a scalar of the wrong type is left to the decoder', { name: 1 }, null],
  ['an unknown field', { nmae: 'a' }, 'nmae: google.protobuf.Type has no field "nmae"'],
  [
    'an unknown field deep inside',
    { fields: [{}, { numer: 1 }] },
    'fields[1].numer: google.protobuf.Field has no field "numer"',
  ],
  [
    'another spelling of a field',
    { fields: [{ typeUrl: 'x' }] },
    'fields[0].typeUrl: google.protobuf.Field has no field "typeUrl"',
  ],
  [
    'an unknown field inside Any',
    inAny({ '@type': ANY_TYPE, nmae: 'a' }),
    'options[0].value.nmae: google.protobuf.Type has no field "nmae"',
  ],
  [
    'an unknown type',
    inAny({ '@type': 'x/p.Nope' }),
    'options[0].value: the type "x/p.Nope" is not known to this Envoy',
  ],
  ['no type', inAny({ name: 'a' }), 'options[0].value: wanted "@type", found none'],
  [
    'a text for a message',
    { source_context: 'a' },
    'source_context: wanted an object (google.protobuf.SourceContext), found a string',
  ],
  [
    'an array for a message',
    { source_context: [] },
    'source_context: wanted an object (google.protobuf.SourceContext), found an array',
  ],
  ['null in a list', { fields: [null] }, 'fields[0]: wanted an object (google.protobuf.Field), found null'],
  ['no object at all', 'a', 'the resource: wanted an object (google.protobuf.Type), found a string'],
])('%s', (_name, json, problem) => {
  expect(walk(json).problem).toBe(problem);
});
