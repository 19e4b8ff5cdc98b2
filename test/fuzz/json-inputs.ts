// Decides which bytes the JSON parsers are tried with: valid texts written oddly, the same with a few bytes wrong, and rubbish.
import fc, { type Arbitrary } from 'fast-check';
import { JSON_BYTES, JSON_TEXTS } from './corpus.ts';

export const JSON_CORPUS: readonly Buffer[] = [...JSON_TEXTS.map((text) => Buffer.from(text)), ...JSON_BYTES];

/** Few, so that they meet: repeated keys, keys that differ in case only, and those that a gateway reads. */
const KEYS = [
  'jsonrpc',
  'id',
  'method',
  'params',
  'result',
  'error',
  'name',
  'Name',
  'uri',
  'arguments',
  '_meta',
  'Params',
  'param\u017f',
  '__proto__',
  '',
  'a"b\\c',
  'é',
  '\ud83d\ude00',
  '\ud800',
];
const TOKENS = [
  ...'{}[]:,"\\ \n\t',
  'true',
  'null',
  '-',
  '0',
  '1',
  '.5',
  'e9',
  '\\u0061',
  '\\ud800',
  ...KEYS.map((key) => JSON.stringify(key)),
];

const space = fc.constantFrom('', '', '', '', ' ', '\n', '\r\n', '\t ');
/** How a string is written: as JSON.stringify does, or with each character escaped. */
const quoted = (value: Arbitrary<string>): Arbitrary<string> =>
  fc.tuple(value, fc.nat(4)).map(([text, way]) => (way === 0 ? escaped(text) : JSON.stringify(text)));
const scalar = fc.oneof(
  fc.constantFrom('null', 'true', 'false', '0', '-0', '1.5e3', '9007199254740993', '-1E-7', '""', '"2.0"', '"ping"'),
  fc.integer().map(String),
  quoted(fc.string({ unit: 'binary', maxLength: 8 })),
);
const key = quoted(fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 3 })));

function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

/** A list of values in brackets, with white space wherever it may stand. */
function listOf(items: Arbitrary<string>, open: string, close: string, maxLength: number): Arbitrary<string> {
  return fc
    .tuple(
      fc.array(
        fc.tuple(space, items, space).map((parts) => parts.join('')),
        { maxLength },
      ),
      space,
    )
    .map(([parts, gap]) => `${open}${parts.length === 0 ? gap : parts.join(',')}${close}`);
}

function memberOf(value: Arbitrary<string>): Arbitrary<string> {
  return fc.tuple(key, space, space, value).map(([name, before, after, text]) => `${name}${before}:${after}${text}`);
}

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    listOf(tie('value'), '[', ']', 4),
    listOf(memberOf(tie('value')), '{', '}', 5),
  ),
}));

/** Something like a message: the members that count, each present or not, right or wrong. */
const message = fc
  .tuple(
    fc.constantFrom('"2.0"', '"2.0"', '"2.0"', '"1.0"', '2.0', null),
    fc.oneof(fc.constantFrom('0', '"7"', '9007199254740993', 'null', null), scalar),
    fc.oneof(fc.constantFrom('"ping"', '"tools/call"', '""', '1', null, null)),
    fc.oneof(fc.constant(null), value, listOf(memberOf(value), '{', '}', 5), listOf(memberOf(scalar), '{', '}', 3)),
    fc.oneof(fc.constantFrom(null, null, null), value),
    fc.nat(5),
  )
  .map(([version, id, method, params, result, from]) => {
    const members = Object.entries({ jsonrpc: version, id, method, params, result }).filter(
      ([, text]) => text !== null,
    );
    const turned = [...members.slice(from), ...members.slice(0, from)];
    return `{${turned.map(([name, text]) => `"${name}":${text}`).join()}}`;
  });

const valid = fc
  .oneof({ arbitrary: message, weight: 3 }, { arbitrary: value, weight: 1 })
  .map((text) => Buffer.from(text));

/** One to three bytes replaced, put in or taken out, or the end cut off. */
export function mutated(inputs: Arbitrary<Buffer>): Arbitrary<Buffer> {
  const edit = fc.tuple(fc.nat(3), fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]:,"\\01 '))));
  return fc.tuple(inputs, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([bytes, edits]) => {
    let text = bytes;
    for (const [kind, place, byte] of edits) {
      const at = place % (text.length + 1);
      const [head, tail] = [text.subarray(0, at), text.subarray(at)];
      if (kind === 0) text = Buffer.concat([head, Buffer.of(byte), tail.subarray(1)]);
      else if (kind === 1) text = Buffer.concat([head, Buffer.of(byte), tail]);
      else if (kind === 2) text = Buffer.concat([head, tail.subarray(1)]);
      else text = head;
    }
    return text;
  });
}

export const bytes = (maxLength: number): Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

export const jsonInputs: Arbitrary<Buffer> = fc.oneof(
  { arbitrary: valid, weight: 4 },
  { arbitrary: mutated(valid), weight: 3 },
  {
    arbitrary: fc.array(fc.constantFrom(...TOKENS), { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
    weight: 2,
  },
  { arbitrary: bytes(40), weight: 1 },
);
