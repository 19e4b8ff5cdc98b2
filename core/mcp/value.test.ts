import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scan } from './scan.ts';
import { readValue } from './value.ts';

function read(text: string): ReturnType<typeof readValue> {
  const bytes = Buffer.from(text);
  return readValue(bytes, { start: 0, end: bytes.length });
}

function parsed(text: string): unknown {
  const result = read(text);
  return result.ok ? result.value : `refused: ${result.problem}`;
}

describe('numbers', () => {
  const rows: readonly (readonly [string, string, unknown])[] = [
    ['an integer is a number', '500', 500],
    ['the largest safe integer is a number', '9007199254740991', 9007199254740991],
    ['2^53 is a bigint', '9007199254740992', 9007199254740992n],
    ['2^53 + 1 is exact', '9007199254740993', 9007199254740993n],
    ['and so it is below zero', '-9007199254740993', -9007199254740993n],
    ['more than 64 bits are exact as well', '123456789012345678901234567890', 123456789012345678901234567890n],
    ['with a fraction it is a double', '9007199254740993.0', 9007199254740992],
    ['with an exponent it is a double', '1e3', 1000],
    ['minus zero stays', '-0', -0],
    ['what no double holds is refused', '1e400', 'refused: holds a number that is too large'],
    ['as an integer too', '1'.repeat(400), 'refused: holds a number that is too large'],
    ['a long fraction is the nearest double', '0.1000000000000000055', 0.1],
    ['zeros in front are no JSON', '007', 'refused: is not valid JSON'],
  ];
  test.each(rows)('%s', (_, text, wanted) => {
    expect(Object.is(parsed(text), wanted)).toBe(true);
  });
});

describe('keys and texts', () => {
  test('an escaped key is the same key', () => {
    expect(parsed('{"\\u0061mount":1}')).toEqual(Object.assign(Object.create(null), { amount: 1 }));
  });
  test.each(['{"__proto__":{"admin":true}}', '{"\\u005f_proto__":{"admin":true}}'])(
    '%s has one ordinary key',
    (text) => {
      const value = parsed(text) as object;
      expect(Object.keys(value)).toEqual(['__proto__']);
      expect((value as { readonly admin?: unknown }).admin).toBe(undefined);
      expect(Object.hasOwn(value, '__proto__')).toBe(true);
    },
  );
  test('names of what every object has are keys only if they are there', () => {
    for (const text of ['{}', '{"a":"\\n"}']) {
      expect(Object.hasOwn(parsed(text) as object, 'toString')).toBe(false);
    }
  });
  test('nothing is normalised: two spellings of a letter are two texts', () => {
    expect(parsed('"\\u00e9"')).toBe('\u00e9');
    expect(parsed('"e\\u0301"')).toBe('e\u0301');
    expect(parsed('"\\u0435"')).not.toBe('e');
  });
  test('both halves of a surrogate pair are one character', () => {
    expect(parsed('"\\ud83d\\ude00"')).toBe('\u{1f600}');
  });
  test.each(['"\\ud83d"', '"\\ude00\\ud83d"', '{"a\\ud800":1}', '[["\\udfff"]]'])(
    'half of a pair is refused: %s',
    (text) => {
      expect(parsed(text)).toBe('refused: holds half of a surrogate pair');
    },
  );
  test.each(['', '{', '[1,]', '{"a":1,}', '"\\', '{"a"}', 'nul', '1 2', '"\\x"'])(
    'what is no JSON is refused: %s',
    (text) => {
      expect(parsed(text)).toBe('refused: is not valid JSON');
    },
  );
  test('what nests too deeply is refused, in the reader of our own', () => {
    expect(parsed(`${'['.repeat(200)}"\\n"${']'.repeat(200)}`)).toBe('refused: is nested deeper than 128');
  });
  test('only the span is read', () => {
    const bytes = Buffer.from('{"é":[1,2],"b":3}');
    const scanned = scan(bytes, 8);
    if (typeof scanned === 'string') throw new Error(scanned);
    expect(readValue(bytes, scanned.members.get('é')!)).toEqual({ ok: true, value: [1, 2] });
  });
});

describe('both readers', () => {
  const json = fc.jsonValue({ noUnicodeString: false, maxDepth: 4 });
  test('whatever JSON.stringify writes is read as the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        if (!JSON.stringify(value).isWellFormed() || /\\ud[89a-f]/.test(text)) return;
        expect(asJson(parsed(text))).toBe(text.replace(/-0(?=[,\]}]|$)/g, '0'));
      }),
    );
  });
  test('an escape anywhere changes the reader, not the value', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify([value]);
        if (/\\ud[89a-f]/.test(text)) return;
        expect(asJson(parsed(`["\\n",${text}]`))).toBe(asJson(['\n', parsed(text)]));
      }),
    );
  });
});

/** With large integers as they are written; -0 as 0. */
function asJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? Number(part) : part));
}
