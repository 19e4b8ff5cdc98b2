// Decides what each function of Traefik's expressions is in CEL. What it makes is never an error but where it says so.
import { type Call, Untranslatable } from './expression.ts';
import { literal, type Meant, type Method, meantBy } from './keys.ts';

/** What is left of a call: known beforehand, or asked of the call; `names` when it only asks for the target's name. */
export type Test =
  | boolean
  | { readonly cel: string; readonly names?: readonly string[] }
  /** It cannot be translated: refused where something depends on it. */
  | { readonly refused: Untranslatable };

/** A value to compare with: a text, or CEL for one that is known with the call only. */
type Wanted = { readonly text: string } | { readonly cel: string };
type Known = Extract<Meant, { is: 'text' | 'name' | 'value' }>;

interface Row {
  readonly args: readonly [number, number];
  /** Of a text that is known, against texts that are. */
  readonly known: (text: string, values: readonly string[]) => boolean;
  /** CEL over the value `cel`; `isText`: it is surely a string. */
  readonly asked: (cel: string, values: readonly Wanted[], isText: boolean, at: number) => string;
  /** Patterns of target names for texts, where they say the same. */
  readonly names?: (values: readonly string[]) => readonly string[] | null;
}

const ROWS: Readonly<Record<string, Row>> = {
  Equals: {
    args: [2, 2],
    known: (text, [value]) => text === value,
    asked: (cel, values, isText, at) => matches(cel, values, isText, at),
    names: namesOf,
  },
  OneOf: {
    args: [2, 1000],
    known: (text, values) => values.includes(text),
    asked: (cel, values, isText, at) => {
      const one = matches(cel, values, isText, at);
      return isText ? one : `(${one} || ${anyItem(cel, values, at)})`;
    },
    names: namesOf,
  },
  Prefix: {
    args: [2, 2],
    known: (text, [value = '']) => text.startsWith(value),
    asked: (cel, [value], isText) => texts(cel, isText, `${cel}.startsWith(${celOf(value!)})`),
    names: (values) => namesOf(values)?.map((value) => `${value}*`) ?? null,
  },
  Contains: {
    args: [2, 2],
    known: (text, [value = '']) => text.includes(value),
    asked: (cel, values, isText, at) => {
      const inside = `${cel}.contains(${celOf(values[0]!)})`;
      return isText ? inside : `(kindOf(${cel}) == "string" ? ${inside} : ${anyItem(cel, values, at)})`;
    },
  },
  SplitContains: {
    args: [3, 3],
    known: (text, [separator = '', value]) => text.split(separator).some((part) => trimmed(part) === value),
    asked: (cel, [separator, value], isText) =>
      texts(cel, isText, `${cel}.split(${celOf(separator!)}).exists(x, x.trim() == ${celOf(value!)})`),
  },
  Lte: {
    args: [2, 2],
    known: () => false,
    // What Traefik makes of a text here is not known: then it fails, which allows nothing.
    asked: (cel, [value], _, at) => `kindOf(${cel}) != "object" && ${cel} <= ${numberOf(value!, at)}`,
  },
};

/** null: a star in a name would be one of a pattern, and no pattern names nothing. */
function namesOf(values: readonly string[]): readonly string[] | null {
  return values.some((value) => value === '' || value.includes('*')) ? null : values;
}

/** Throws for what is no call of theirs, whatever it depends on. */
export function testOf({ name, args, at }: Call, method: Method): Test {
  const row = Object.hasOwn(ROWS, name) ? ROWS[name]! : null;
  if (row === null) {
    throw new Untranslatable(`there is no function "${name}" here, wanted ${Object.keys(ROWS).join(', ')}`, at);
  }
  const [least, most] = row.args;
  if (args.length < least || args.length > most)
    throw new Untranslatable(
      `${name} has ${args.length} arguments, wanted ${least === most ? least : `${least} or more`}`,
      at,
    );
  const [key, ...rest] = args;
  const meant = meantBy(key!, method);
  if (meant.is === 'nothing') return false;
  try {
    const values = rest.map((value) => wantedOf(value, method));
    return asked(row, meant, values, at);
  } catch (error) {
    if (error instanceof Untranslatable) return { refused: error };
    throw error;
  }
}

function asked(row: Row, meant: Known, values: readonly Wanted[], at: number): Test {
  const plain = values.flatMap((value) => ('text' in value ? [value.text] : []));
  const areKnown = plain.length === values.length;
  if (meant.is === 'text') {
    if (!areKnown) throw new Untranslatable('a method is compared with something that only the call says', at);
    return row.known(meant.text, plain);
  }
  if (meant.is === 'name') {
    const cel = row.asked('tool.name', values, true, at);
    const names = (areKnown ? row.names?.(plain) : null) ?? null;
    return names === null ? { cel } : { cel, names };
  }
  return { cel: `${meant.there} && ${row.asked(meant.cel, values, false, at)}` };
}

/** `a${jwt.x}b` is put together for each call; what is not there lets the condition fail. */
function wantedOf({ text, at }: Call['args'][number], method: Method): Wanted {
  if (!text.includes('${')) return { text };
  const parts = text.split(/(\$\{[^}]*\})/).filter((part) => part !== '');
  const made = parts.map((part): Wanted => {
    if (!part.startsWith('${')) return { text: part };
    const meant = meantBy({ text: part.slice(2, -1), at }, method);
    if (meant.is === 'text') return { text: meant.text };
    if (meant.is === 'name') return { cel: 'tool.name' };
    if (meant.is === 'value') return { cel: `string(${meant.cel})` };
    throw new Untranslatable(`"${part}" is not there in ${method.name}: say for which mcp.method this is`, at);
  });
  if (made.every((part) => 'text' in part))
    return { text: made.map((part) => ('text' in part ? part.text : '')).join('') };
  return { cel: made.map(celOf).join(' + ') };
}

function celOf(value: Wanted): string {
  return 'text' in value ? literal(value.text) : value.cel;
}

function texts(cel: string, isText: boolean, test: string): string {
  return isText ? test : `kindOf(${cel}) == "string" && ${test}`;
}

/** Numbers and booleans are compared as the texts that they are in JSON. */
function matches(cel: string, values: readonly Wanted[], isText: boolean, at: number): string {
  const listed = values.flatMap((value) => ('text' in value ? literals(value.text, isText, at) : []));
  const [only] = listed;
  const parts =
    listed.length === 0 ? [] : [listed.length === 1 ? `${cel} == ${only}` : `${cel} in [${listed.join(', ')}]`];
  for (const value of values) {
    if ('text' in value) continue;
    const same = `${cel} == ${value.cel}`;
    parts.push(isText ? same : `${same} || kindOf(${cel}) in ["number", "boolean"] && string(${cel}) == ${value.cel}`);
  }
  return parts.length === 1 && !parts[0]!.includes('||') ? parts[0]! : `(${parts.join(' || ')})`;
}

function anyItem(cel: string, values: readonly Wanted[], at: number): string {
  return `kindOf(${cel}) == "list" && ${cel}.exists(x, ${matches('x', values, false, at)})`;
}

const JSON_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

function literals(text: string, isText: boolean, at: number): readonly string[] {
  if (!isText && (text === 'true' || text === 'false')) return [literal(text), text];
  if (isText || !JSON_NUMBER.test(text)) return [literal(text)];
  return [literal(text), numberText(text, at)];
}

/** A number has many texts, and Traefik compares with one of them: here it is the number, so that must be its usual text. */
function numberText(text: string, at: number): string {
  const isUsual = /^-?\d+$/.test(text)
    ? text !== '-0' && Number.isSafeInteger(Number(text))
    : String(Number(text)) === text;
  if (!isUsual) throw new Untranslatable(`"${text}" is compared as a text there, and as the number here`, at);
  return text;
}

function numberOf(value: Wanted, at: number): string {
  if ('text' in value && JSON_NUMBER.test(value.text) && Number.isFinite(Number(value.text))) return value.text;
  throw new Untranslatable(
    `found ${'text' in value ? `"${value.text}"` : 'what only the call says'}, wanted a number`,
    at,
  );
}

/** Go's TrimSpace and CEL's trim: white space as Unicode has it. */
function trimmed(text: string): string {
  return text.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, '');
}
