// Decides which functions there are, and what they give.
import { isIP } from 'node:net';
import { compileNetworks } from '../addresses.ts';
import { exactInt, inRange, moment } from './arithmetic.ts';
import { isEqual, isNumber, weightOf } from './compare.ts';
import { getOf, parseDuration, parseTimestamp, secondsOf, TIMESTAMP_GETTERS, textOf } from './moments.ts';
import {
  type CelValue,
  Duration,
  Failure,
  type Frame,
  isList,
  isMap,
  keysOf,
  Moment,
  type Result,
  spend,
  Timestamp,
  TOO_COSTLY,
  typeOf,
} from './results.ts';

export interface CelFunction {
  /** `size(x)`, `x.size()`, or either. */
  readonly as: 'call' | 'method' | 'both';
  /** With what stands before the dot. */
  readonly args: readonly number[];
  /** undefined: its arguments are not of the types that it takes. A string is what went wrong. */
  readonly give: (args: readonly CelValue[], frame: Frame) => Given;
}
type Given = { readonly value: CelValue } | string | undefined;

/** Characters that one step looks at. */
const STEP_CHARS = 64;

type OnTexts = (texts: readonly string[], frame: Frame) => Given;
/** A method of a string that takes strings. */
function ofStrings(args: number, give: OnTexts): CelFunction {
  return {
    as: 'method',
    args: [args],
    give: (values, frame) => (values.every((value) => typeof value === 'string') ? give(values, frame) : undefined),
  };
}

function conversion(give: (value: CelValue, frame: Frame) => Given): CelFunction {
  return { as: 'call', args: [1], give: ([value = null], frame) => give(value, frame) };
}

export const FUNCTIONS: ReadonlyMap<string, CelFunction> = new Map<string, CelFunction>([
  ['size', { as: 'both', args: [1], give: ([value = null], frame) => sizeOf(value, frame) }],
  ['startsWith', ofStrings(2, ([text = '', part = '']) => ({ value: text.startsWith(part) }))],
  ['endsWith', ofStrings(2, ([text = '', part = '']) => ({ value: text.endsWith(part) }))],
  ['contains', ofStrings(2, contains)],
  ['lowerAscii', ofStrings(1, ([text = ''], frame) => changed(text, frame, /[A-Z]+/g, (part) => part.toLowerCase()))],
  ['upperAscii', ofStrings(1, ([text = ''], frame) => changed(text, frame, /[a-z]+/g, (part) => part.toUpperCase()))],
  ['trim', ofStrings(1, ([text = ''], frame) => (paid(text, frame) ? { value: trimmed(text) } : TOO_COSTLY))],
  [
    'split',
    ofStrings(2, ([text = '', separator = ''], frame) => {
      return spend(frame, text.length) ? { value: separator === '' ? [...text] : text.split(separator) } : TOO_COSTLY;
    }),
  ],
  // Ours: `session.labels.has("private-data")`, and which network an address is in.
  ['has', { as: 'method', args: [2], give: ([list = null, item = null], frame) => holds(list, item, frame) }],
  ['inCidr', ofStrings(2, ([address = '', range = '']) => inCidr(address, range))],
  // Ours, and never an error: what a value is, before something is asked that not every value can answer.
  ['kindOf', conversion((value) => ({ value: typeOf(value).replace(/^an? /, '') }))],
  ['dyn', conversion((value) => ({ value }))],
  ['int', conversion(intOf)],
  ['double', conversion(doubleOf)],
  ['string', conversion(stringOf)],
  ['bool', conversion(boolOf)],
  ['timestamp', conversion(timestampOf)],
  ['duration', conversion((value) => (typeof value === 'string' ? parseDuration(value) : same(value, Duration)))],
  ...[...TIMESTAMP_GETTERS.keys()].map((name): [string, CelFunction] => [
    name,
    { as: 'method', args: [1, 2], give: ([value = null, zone = null], frame) => got(name, value, zone, frame) },
  ]),
]);

export function callFunction(
  name: string,
  made: CelFunction,
  args: readonly CelValue[],
  frame: Frame,
  at: number,
): Result {
  const given = made.give(args, frame);
  if (given === undefined) return new Failure(`${name} is not of ${args.map(typeOf).join(' and ')}`, at);
  return typeof given === 'string' ? new Failure(given, at) : given.value;
}

/** White space as Unicode (White_Space) and CEL have it: JavaScript's own trim takes U+FEFF and leaves U+0085. */
const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && SPACE.test(text.charAt(start))) start++;
  while (start < end && SPACE.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

function paid(text: string, frame: Frame): boolean {
  return spend(frame, text.length / STEP_CHARS);
}

/** Code points of a string, as JSON Schema's maxLength counts. */
function sizeOf(value: CelValue, frame: Frame): Given {
  if (isList(value)) return { value: BigInt(value.length) };
  if (isMap(value)) return { value: BigInt(keysOf(value).length) };
  if (typeof value !== 'string') return undefined;
  if (!paid(value, frame)) return TOO_COSTLY;
  let units = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    const next = value.charCodeAt(at + 1);
    if (code >= 0xd800 && code < 0xdc00 && next >= 0xdc00 && next < 0xe000) at++;
    units++;
  }
  return { value: BigInt(units) };
}

function contains([text = '', part = '']: readonly string[], frame: Frame): Given {
  // The search may come back to each character as often as the part has characters.
  return spend(frame, (text.length * part.length) / 1000) ? { value: text.includes(part) } : TOO_COSTLY;
}

function changed(text: string, frame: Frame, what: RegExp, to: (part: string) => string): Given {
  return paid(text, frame) ? { value: text.replace(what, to) } : TOO_COSTLY;
}

export function holds(list: CelValue, item: CelValue, frame: Frame): Given {
  if (!isList(list)) return undefined;
  if (typeof item === 'string') {
    return spend(frame, list.length / 8) ? { value: list.includes(item) } : TOO_COSTLY;
  }
  const weight = list.reduce<number>((sum, other) => sum + weightOf(other), 1);
  return spend(frame, weight) ? { value: list.some((other) => isEqual(other, item)) } : TOO_COSTLY;
}

export const NO_RANGE = 'it is not a range such as 10.0.0.0/8';

/** null: it is no range. What it gives is a string when it is asked about something that is no address. */
export function rangeTest(range: string): ((address: string) => boolean | string) | null {
  const test = range.includes('/') ? compileNetworks([range]) : null;
  if (test === null) return null;
  return (address) => (isIP(address) === 0 ? 'it is not an address' : test(address));
}

function inCidr(address: string, range: string): Given {
  const given = rangeTest(range)?.(address) ?? NO_RANGE;
  return typeof given === 'string' ? given : { value: given };
}

function same(value: CelValue, type: typeof Moment): Given {
  return value instanceof type ? { value } : undefined;
}

function intOf(value: CelValue): Given {
  if (typeof value === 'bigint') return inRange(value);
  if (typeof value === 'number') {
    // "The conversion rounds toward zero"; 2^63 as a double is no int any more, and standard CEL has -2^63 out as well.
    return Math.abs(value) < 2 ** 63 ? { value: BigInt(Math.trunc(value)) } : 'the number is no integer of 64 bits';
  }
  if (value instanceof Timestamp) return { value: secondsOf(value) };
  if (typeof value !== 'string') return undefined;
  return /^[+-]?\d{1,19}$/.test(value) ? inRange(BigInt(value.replace(/^\+/, ''))) : 'the text is no integer';
}

function doubleOf(value: CelValue): Given {
  if (isNumber(value)) return { value: Number(value) };
  if (typeof value !== 'string') return undefined;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? { value: Number(value) } : 'the text is no number';
}

function stringOf(value: CelValue): Given {
  if (typeof value === 'string') return { value };
  if (typeof value === 'bigint' || typeof value === 'boolean') return { value: String(value) };
  if (typeof value === 'number') return { value: Object.is(value, -0) ? '-0' : String(value) };
  return value instanceof Moment ? { value: textOf(value) } : undefined;
}

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

function boolOf(value: CelValue): Given {
  if (typeof value === 'boolean') return { value };
  if (typeof value !== 'string') return undefined;
  if (TRUE.includes(value)) return { value: true };
  return FALSE.includes(value) ? { value: false } : 'the text is neither true nor false';
}

function timestampOf(value: CelValue): Given {
  if (typeof value === 'string') return parseTimestamp(value);
  const seconds = isNumber(value) ? exactInt(value) : null;
  if (seconds === null) return same(value, Timestamp);
  return moment(seconds * 1_000_000_000n, true);
}

function got(name: string, value: CelValue, zone: CelValue, frame: Frame): Given {
  if (!(value instanceof Moment) || !(zone === null || typeof zone === 'string')) return undefined;
  // Names of zones are looked up in the platform's tables.
  return spend(frame, zone === null ? 1 : 500) ? getOf(name, value, zone) : TOO_COSTLY;
}
