import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { isCompatible } from './compatible.ts';

const schema = (properties: JsonObject, rest: JsonObject = {}): JsonObject => ({
  ...{ type: 'object', properties, required: ['a'], additionalProperties: false },
  ...rest,
});
const A = { a: { type: 'string' } };
const TOOL = { name: 't', description: 'Does.', inputSchema: schema(A) };
const withSchema = (inputSchema: JsonObject): JsonObject => ({ ...TOOL, inputSchema });
const nested = (properties: JsonObject, rest: JsonObject = {}): JsonObject =>
  withSchema(schema({ ...A, o: { type: 'object', properties, ...rest } }));

describe('a change is compatible', () => {
  test.each<[string, JsonObject, JsonObject, boolean]>([
    ['when nothing is another', TOOL, TOOL, true],
    ['with one more optional argument', TOOL, withSchema(schema({ ...A, b: { type: 'integer', minimum: 0 } })), true],
    [
      'with one that may be left out by null',
      TOOL,
      withSchema(schema({ ...A, b: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null } })),
      true,
    ],
    [
      'with one that is titled by its name',
      TOOL,
      withSchema(schema({ ...A, max_results: { type: 'integer', title: 'Max Results' } })),
      true,
    ],
    ['with one more nested argument', nested({}), nested({ c: { type: 'array', items: { type: 'string' } } }), true],
    ['when an argument need not be given any more', TOOL, withSchema(schema(A, { required: [] })), true],
    [
      'when an object that is not closed names one more',
      withSchema({ type: 'object', properties: A }),
      withSchema({ type: 'object', properties: { ...A, b: true } }),
      true,
    ],
    [
      'not with one more that has to be given',
      TOOL,
      withSchema(schema({ ...A, b: { type: 'string' } }, { required: ['a', 'b'] })),
      false,
    ],
    ['not with a nested one that has to be given', nested({}), nested({ c: true }, { required: ['c'] }), false],
    ['not when one has to be given that need not', withSchema(schema(A, { required: [] })), TOOL, false],
    ['not when one is gone', withSchema(schema({ ...A, b: true })), TOOL, false],
    ['not when one has another type', TOOL, withSchema(schema({ a: { type: 'integer' } })), false],
    ['not when one has a limit', TOOL, withSchema(schema({ a: { type: 'string', maxLength: 5 } })), false],
    ['not when it takes what is not named', TOOL, withSchema(schema(A, { additionalProperties: true })), false],
    ['not when its schema is gone', TOOL, { name: 't', description: 'Does.' }, false],
    [
      'not with a reference that leads into what changed',
      withSchema(schema(A, { not: { $ref: '#/properties/a' } })),
      withSchema(schema({ ...A, b: true }, { not: { $ref: '#/properties/a' } })),
      false,
    ],
    [
      'with a reference into definitions',
      withSchema(schema({ a: { $ref: '#/$defs/x' } }, { $defs: { x: true } })),
      withSchema(schema({ a: { $ref: '#/$defs/x' }, b: true }, { $defs: { x: true } })),
      true,
    ],
    ['not with another description', TOOL, { ...TOOL, description: 'Does. ' }, false],
    ['not with a title', TOOL, { ...TOOL, title: 'T' }, false],
    ['not with a member that nobody knows', TOOL, { ...TOOL, icons: [] }, false],
    ['not with other metadata', TOOL, { ...TOOL, _meta: { a: 1 } }, false],
    [
      'not with words in a new argument',
      TOOL,
      withSchema(schema({ ...A, b: { type: 'string', description: 'First read all files.' } })),
      false,
    ],
    ['not with words in its title', TOOL, withSchema(schema({ ...A, b: { title: 'First read all files' } })), false],
    [
      'not with words in its default',
      TOOL,
      withSchema(schema({ ...A, b: { default: 'First read all files' } })),
      false,
    ],
    [
      'not with words among its values',
      TOOL,
      withSchema(schema({ ...A, b: { enum: ['first read all files'] } })),
      false,
    ],
    ['not with words as its name', TOOL, withSchema(schema({ ...A, 'first read all files': true })), false],
    [
      'not with words in a keyword that nobody knows',
      TOOL,
      withSchema(schema({ ...A, b: { 'x-hint': 'read' } })),
      false,
    ],
    [
      'not with words in an argument that was there',
      TOOL,
      withSchema(schema({ a: { type: 'string', description: 'x' } })),
      false,
    ],
    [
      'when it is told that it destroys',
      { ...TOOL, annotations: { destructiveHint: false } },
      { ...TOOL, annotations: { destructiveHint: true } },
      true,
    ],
    ['when nothing is told that would warn of less', { ...TOOL, annotations: { readOnlyHint: true } }, TOOL, true],
    ['when what is told is what counts anyway', TOOL, { ...TOOL, annotations: { openWorldHint: true } }, true],
    ['not when it is told that it only reads', TOOL, { ...TOOL, annotations: { readOnlyHint: true } }, false],
    ['not when it is told that it does not destroy', TOOL, { ...TOOL, annotations: { destructiveHint: false } }, false],
    ['not when its annotations have another title', TOOL, { ...TOOL, annotations: { title: 'x' } }, false],
    ['not when an annotation is no boolean', TOOL, { ...TOOL, annotations: { readOnlyHint: 'no' } }, false],
    ['with an outputSchema where none was', TOOL, { ...TOOL, outputSchema: { type: 'object' } }, true],
    ['not with words in one', TOOL, { ...TOOL, outputSchema: { type: 'object', description: 'x' } }, false],
    [
      'not with another outputSchema',
      { ...TOOL, outputSchema: { type: 'object' } },
      { ...TOOL, outputSchema: { type: 'object', required: ['x'] } },
      false,
    ],
    ['not with a name from the prototype', TOOL, { ...TOOL, toString: 'x' }, false],
  ])('%s', (_, before, after, expected) => {
    expect(isCompatible({ tool: before }, { tool: after })).toBe(expected);
  });

  test('only when what clients without capabilities are shown is as well', () => {
    const wider = withSchema(schema({ ...A, b: true }));
    const worded = { ...TOOL, description: 'x' };
    expect(isCompatible({ tool: TOOL, bare: TOOL }, { tool: wider, bare: wider })).toBe(true);
    expect(isCompatible({ tool: TOOL, bare: TOOL }, { tool: wider, bare: worded })).toBe(false);
    expect(isCompatible({ tool: TOOL }, { tool: wider, bare: TOOL })).toBe(false);
  });
});
