// Decides what a JSON value is in our types, and how one is read whose numbers go on to others: one that a double does not hold stays as it was written.

/** A JSON value as it came; unknown members survive. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Of a value that was parsed. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** ECMAScript's "JSON.parse source text access", which Node 24 has and TypeScript's libraries do not know yet. */
const exact = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): Json;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
};

/**
 * A text without this has no such number: a double keeps 15 significant digits, and what has fewer overflows only with an
 * exponent of three digits. Found in some text that is no number, it costs time and changes nothing.
 */
const MAY_BE_INEXACT = /[0-9][0-9.]{15}|[0-9][eE][+-]?[0-9]{3}/;

/** As JSON.parse; a number that is not exact as a double is a value that JSON.stringify writes as it came. @throws SyntaxError */
export function parseExact(text: string): unknown {
  return MAY_BE_INEXACT.test(text) ? exact.parse(text, exactly) : JSON.parse(text);
}

/** The text of a number that parseExact kept; null: it is something else. */
export function exactText(value: unknown): string | null {
  return exact.isRawJSON(value) ? value.rawJSON : null;
}

/** Decided by the value alone, so that the same number is the same value wherever it is read. */
function exactly(_: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined || source.length < 5) return value;
  return decimal(source) === decimal(String(value)) ? value : exact.rawJSON(source);
}

/** One text for each number, however it is written: significant digits, and the place of their end. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return whole === '' ? text : '0';
  return `${sign}${significant}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)}`;
}
